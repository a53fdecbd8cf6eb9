// Images as files on the disk: a folder of them, a list of paths, or a single one.
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string_view>
#include <system_error>

#include "data/list_lines.h"
#include "data/pixels.h"
#include "data/random_file.h"
#include "data/source.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie::data {
namespace {

namespace fs = std::filesystem;

class DiskSource : public FileSource {
  public:
    explicit DiskSource(fs::path root) : root_(std::move(root)) {}

    /// A label given beside the path takes the place of the folder's name.
    void add(const std::string& name, const std::string& label = "") {
        struct stat status {};
        const bool there = ::stat((root_ / name).c_str(), &status) == 0;
        names_.add(name);
        labels_.add(label);
        has_labels_ = has_labels_ || !label.empty();
        bytes_.push_back(there ? status.st_size : -1);  // what is missing is a fault when it is read
        times_.push_back(there ? status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec : 0);
    }

    /// The same path twice in a set of files cannot be; in a list it is what was asked for, in the order asked for.
    void sort() {
        const std::vector<std::int64_t> order = names_.sort();
        const auto reorder = [&order](std::vector<std::int64_t>& values) {
            std::vector<std::int64_t> sorted(values.size());
            std::transform(order.begin(), order.end(), sorted.begin(),
                           [&values](std::int64_t place) { return values[static_cast<std::size_t>(place)]; });
            values = std::move(sorted);
        };
        reorder(bytes_);
        reorder(times_);
    }

    void list_is_whole() { find_class_start(); }
    std::string class_of(std::int64_t index) const override {
        return has_labels_ ? std::string(labels_[index]) : FileSource::class_of(index);
    }

    LeftOut& left_out() { return left_out_; }
    LeftOut left_out() const override { return left_out_; }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        const RandomFile file(root_ / names_[index]);
        std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
        file.read(0, bytes);
        return decode_pixels(bytes, name(index), options);
    }

  private:
    fs::path root_;
    Names labels_;
    bool has_labels_ = false;
};

/// Below `root`: the real folders first, then those that links lead to, and none twice, so that a loop ends and what
/// is found does not depend on the order of the disk.
class FolderWalk {
  public:
    FolderWalk(fs::path root, DiskSource& found) : root_(std::move(root)), found_(found) {}

    void run() {
        walk("");
        while (!links_.empty()) {
            const std::string next = links_.front();
            links_.pop_front();
            walk(next);
        }
    }

  private:
    void walk(const std::string& below) {
        struct stat status {};
        if (::stat((root_ / below).c_str(), &status) != 0 || !visited_.insert({status.st_dev, status.st_ino}).second) {
            return;
        }
        std::vector<std::string> folders;
        std::vector<std::string> links;
        std::error_code fault;
        for (fs::directory_iterator entry(root_ / below, fault); !fault && entry != fs::directory_iterator();
             entry.increment(fault)) {
            const std::string file = entry->path().filename().string();
            const std::string name = below.empty() ? file : below + "/" + file;
            std::error_code broken;  // a link to nothing is an image that cannot be read, if its name says image
            if (entry->is_directory(broken)) {
                if (!file.starts_with('.')) {
                    (entry->is_symlink(broken) ? links : folders).push_back(name);
                }
            } else if (found_.left_out().is_picture(name, root_ / name)) {
                found_.add(name);
            }
        }
        if (fault) {
            found_.left_out().add_fault(
                below.empty() ? root_.string() : below,
                "'" + (root_ / below).string() + "' cannot be listed (" + fault.message() + "); check its permissions");
        }
        std::sort(folders.begin(), folders.end());
        std::sort(links.begin(), links.end());
        links_.insert(links_.end(), links.begin(), links.end());
        for (const std::string& folder : folders) {
            walk(folder);
        }
    }

    fs::path root_;
    DiskSource& found_;
    std::set<std::pair<dev_t, ino_t>> visited_;
    std::deque<std::string> links_;
};

}  // namespace

std::unique_ptr<Source> open_folder(const fs::path& folder) {
    auto source = std::make_unique<DiskSource>(folder);
    FolderWalk(folder, *source).run();
    source->sort();
    source->left_out().sort();
    if (source->count() == 0) {
        throw_no_image(folder, source->left_out());
    }
    return source;
}

std::unique_ptr<Source> open_list(const fs::path& file) {
    const fs::path folder = file.parent_path();
    auto source = std::make_unique<DiskSource>(folder);
    for (const ListLine& line : list_lines(read_file(file), file, folder)) {
        source->add(line.path, line.label);
    }
    if (source->count() == 0) {
        throw Error(ErrorKind::Input, "'" + file.string() + "' lists no image; one path a line was wanted");
    }
    source->list_is_whole();
    return source;
}

std::unique_ptr<Source> open_image(const fs::path& file) {
    auto source = std::make_unique<DiskSource>(file.parent_path());
    source->add(file.filename().string());
    return source;
}

}  // namespace reverie::data
