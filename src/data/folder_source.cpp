// Images as files on the disk: a folder of them, a list of paths, or a single one.
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string_view>
#include <system_error>

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

    void add(const std::string& name) {
        struct stat status {};
        const bool there = ::stat((root_ / name).c_str(), &status) == 0;
        names_.add(name);
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

    void skip(SkippedFile file) { unlisted_.push_back(std::move(file)); }
    std::vector<SkippedFile> unlisted() const override { return unlisted_; }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        const RandomFile file(root_ / names_[index]);
        std::vector<std::byte> bytes(static_cast<std::size_t>(file.size()));
        file.read(0, bytes);
        return decode_pixels(bytes, name(index), options);
    }

  private:
    fs::path root_;
    std::vector<SkippedFile> unlisted_;
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
            if (file.starts_with('.')) {
                continue;
            }
            const std::string name = below.empty() ? file : below + "/" + file;
            std::error_code broken;  // a link to nothing is an image that cannot be read, if its name says image
            if (entry->is_directory(broken)) {
                (entry->is_symlink(broken) ? links : folders).push_back(name);
            } else if (has_picture_extension(entry->path())) {
                found_.add(name);
            }
        }
        if (fault) {
            found_.skip({below.empty() ? root_.string() : below, "'" + (root_ / below).string() +
                                                                     "' cannot be listed (" + fault.message() +
                                                                     "); check its permissions"});
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

std::string_view trimmed(std::string_view line) {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t begin = line.find_first_not_of(kSpace);
    return begin == std::string_view::npos ? "" : line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::string FileSource::class_of(std::int64_t index) const {
    std::string_view name = names_[index];
    if (name.starts_with('/') || name.starts_with("../")) {
        return "";  // a list may name files that are not below it
    }
    name.remove_prefix(class_start_);
    const std::size_t slash = name.find('/');
    return slash == std::string_view::npos ? "" : std::string(name.substr(0, slash));
}

std::unique_ptr<Source> open_folder(const fs::path& folder) {
    auto source = std::make_unique<DiskSource>(folder);
    FolderWalk(folder, *source).run();
    source->sort();
    if (source->count() == 0) {
        const auto faults = source->unlisted();
        throw Error(ErrorKind::Input,
                    faults.empty() ? "'" + folder.string() +
                                         "' holds no image; files named .jpg, .png, .tif, .webp or .bmp were wanted"
                                   : faults.front().reason);
    }
    return source;
}

std::unique_ptr<Source> open_list(const fs::path& file) {
    const std::vector<std::byte> bytes = read_file(file);
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (constexpr std::string_view kMark = "\xef\xbb\xbf"; text.starts_with(kMark)) {
        text.remove_prefix(kMark.size());
    }
    auto source = std::make_unique<DiskSource>(file.parent_path());
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        while (line.starts_with("./")) {
            line.remove_prefix(2);
        }
        if (!line.empty() && !line.starts_with('#')) {
            source->add(std::string(line));
        }
    }
    if (source->count() == 0) {
        throw Error(ErrorKind::Input, "'" + file.string() + "' lists no image; one path a line was wanted");
    }
    return source;
}

std::unique_ptr<Source> open_image(const fs::path& file) {
    auto source = std::make_unique<DiskSource>(file.parent_path());
    source->add(file.filename().string());
    return source;
}

}  // namespace reverie::data
