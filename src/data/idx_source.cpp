// The IDX files of MNIST and its kin (LeCun, Cortes, Burges 1998): two zero bytes, the type (8: unsigned bytes), the
// number of dimensions, each as a big-endian 32-bit number, then the values; plain, gzipped or as .zst.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "data/byte_stream.h"
#include "data/digest.h"
#include "data/random_file.h"
#include "data/source.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

namespace fs = std::filesystem;

/// All of `bytes`, or a fault.
void read_exactly(ByteStream& stream, std::span<std::byte> bytes) {
    if (stream.read_some(bytes) < bytes.size()) {
        throw Error(ErrorKind::Input, "'" + stream.file().path().string() +
                                          "' is truncated: fewer values than its header says; get a complete copy of "
                                          "it");
    }
}

/// The most that can be in a file: deflate does not shrink to less than a 1032th, Zstandard to a 43690th.
std::int64_t most_in(const ByteStream& stream) {
    const std::int64_t times = stream.compression() == Compression::None   ? 1
                               : stream.compression() == Compression::Gzip ? 1032
                                                                           : 43690;
    return times * stream.file().size();
}

/// `total` bytes; memory is taken as they come, because what is said of a packed file's size need not be true.
std::vector<std::byte> read_values(ByteStream& stream, std::int64_t total) {
    constexpr std::int64_t kPiece = 1 << 26;
    std::vector<std::byte> values;
    if (stream.compression() == Compression::None) {
        values.reserve(static_cast<std::size_t>(total));
    }
    for (std::int64_t done = 0; done < total;) {
        const std::int64_t piece = std::min(kPiece, total - done);
        values.resize(static_cast<std::size_t>(done + piece));
        read_exactly(stream, std::span(values).subspan(static_cast<std::size_t>(done)));
        done += piece;
    }
    return values;
}

struct IdxArray {
    std::vector<std::int64_t> dimensions;
    std::vector<std::byte> values;
    std::int64_t time = 0;
};

IdxArray read_idx(const fs::path& path, std::size_t dimensions, const std::string& wanted) {
    ByteStream stream(path);
    const auto refuse = [&](const std::string& found) {
        throw Error(ErrorKind::Input, "'" + path.string() + "' " + found + "; " + wanted + " were wanted");
    };
    std::array<std::byte, 4> word = {};
    read_exactly(stream, word);
    if (word[0] != std::byte{0} || word[1] != std::byte{0}) {
        refuse("holds something other than IDX values");
    }
    if (word[2] != std::byte{8} || std::to_integer<std::size_t>(word[3]) != dimensions) {
        refuse("holds IDX values of type " + std::to_string(std::to_integer<int>(word[2])) + " in " +
               std::to_string(std::to_integer<int>(word[3])) + " dimensions");
    }
    IdxArray array;
    array.time = stream.file().time();
    std::int64_t total = 1;
    for (std::size_t i = 0; i < dimensions; ++i) {
        read_exactly(stream, word);
        const std::int64_t length = std::accumulate(word.begin(), word.end(), std::int64_t{0}, [](auto sum, auto byte) {
            return sum << 8 | std::to_integer<std::int64_t>(byte);
        });
        if (length == 0) {
            refuse("holds no value");
        }
        array.dimensions.push_back(length);
        // Held against the file before any memory is taken.
        if (length > most_in(stream) / total) {
            throw Error(ErrorKind::Input, "'" + path.string() + "' is truncated: its " +
                                              std::to_string(stream.file().size()) +
                                              " bytes cannot hold what its header says; get a complete copy of it");
        }
        total *= length;
    }
    array.values = read_values(stream, total);
    std::array<std::byte, 1> behind = {};
    stream.read_some(behind);  // to the end, where a packed file's checksum is compared
    return array;
}

class IdxSource : public Source {
  public:
    IdxSource(const fs::path& images, const std::optional<fs::path>& labels)
        : path_(images), images_(read_idx(images, 3, "images as unsigned bytes in 3 dimensions")) {
        Digest digest;
        digest.add(images_.values);
        content_ = digest.hex();
        if (!labels) {
            return;
        }
        labels_ = read_idx(*labels, 1, "labels as unsigned bytes in 1 dimension").values;
        if (static_cast<std::int64_t>(labels_.size()) != count()) {
            throw Error(ErrorKind::Input, "'" + labels->string() + "' holds " + std::to_string(labels_.size()) +
                                              " labels and '" + images.string() + "' " + std::to_string(count()) +
                                              " images; as many of both were wanted: get files that belong together");
        }
    }

    std::int64_t count() const override { return images_.dimensions[0]; }
    std::string name(std::int64_t index) const override { return "#" + std::to_string(index); }
    std::string class_of(std::int64_t index) const override {
        return labels_.empty() ? "" : std::to_string(std::to_integer<int>(labels_[static_cast<std::size_t>(index)]));
    }
    std::int64_t stored_bytes(std::int64_t) const override { return images_.dimensions[1] * images_.dimensions[2]; }
    std::int64_t time(std::int64_t) const override { return images_.time; }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        if (stored_bytes(index) > options.max_pixels) {
            throw Error(ErrorKind::Input, "'" + path_.string() + "' holds images of " +
                                              text_of({images_.dimensions[1], images_.dimensions[2]}) +
                                              ", more than the limit of " + std::to_string(options.max_pixels) +
                                              " pixels; raise {--max-pixels} if the file can be trusted");
        }
        Tensor pixels = at::empty({images_.dimensions[1], images_.dimensions[2], 1}, at::kByte);
        std::memcpy(pixels.data_ptr<std::uint8_t>(), images_.values.data() + index * stored_bytes(index),
                    static_cast<std::size_t>(stored_bytes(index)));
        return pixels;
    }

    std::string content() const override { return content_; }

  private:
    fs::path path_;
    IdxArray images_;
    std::vector<std::byte> labels_;
    std::string content_;
};

std::string_view unpacked_name(std::string_view name) {
    for (const std::string_view ending : {".gz", ".zst"}) {
        if (name.ends_with(ending)) {
            return name.substr(0, name.size() - ending.size());
        }
    }
    return name;
}

/// The file of the folder that begins so; unzipped ones before zipped ones.
std::optional<fs::path> find_beginning(const fs::path& folder, std::string_view beginning) {
    std::vector<fs::path> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(beginning) && unpacked_name(name).ends_with("-ubyte") && entry.is_regular_file(ignored)) {
            found.push_back(entry.path());
        }
    }
    const auto first = std::min_element(found.begin(), found.end());
    return first == found.end() ? std::nullopt : std::optional(*first);
}

}  // namespace

bool is_idx_folder(const fs::path& folder) {
    return find_beginning(folder, "train-images") || find_beginning(folder, "t10k-images");
}

std::unique_ptr<Source> open_idx_folder(const fs::path& folder, DataPart part) {
    const std::string name = part == DataPart::Train ? "train" : "t10k";
    const auto images = find_beginning(folder, name + "-images");
    if (!images) {
        throw Error(ErrorKind::Input,
                    "'" + folder.string() + "' has no '" + name +
                        "-images-idx3-ubyte' (plain or .gz); put it beside the others or name a file");
    }
    return std::make_unique<IdxSource>(*images, find_beginning(folder, name + "-labels"));
}

std::unique_ptr<Source> open_idx(const fs::path& file) {
    const std::string name = file.filename().string();
    const std::size_t at = name.find("-images");
    return std::make_unique<IdxSource>(file, at == std::string::npos
                                                 ? std::nullopt
                                                 : find_beginning(file.parent_path().empty() ? "." : file.parent_path(),
                                                                  name.substr(0, at) + "-labels"));
}

}  // namespace reverie::data
