// The IDX files of MNIST and its kin (LeCun, Cortes, Burges 1998): two zero bytes, the type (8: unsigned bytes), the
// number of dimensions, each as a big-endian 32-bit number, then the values; plain or gzipped.
#include <ATen/ATen.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "data/digest.h"
#include "data/random_file.h"
#include "data/source.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

namespace fs = std::filesystem;

/// The bytes of a file from its start on, inflated when they are gzipped.
class ByteStream {
  public:
    explicit ByteStream(const fs::path& path) : file_(path) {
        std::array<std::byte, 2> magic = {};
        if (file_.size() >= 2) {
            file_.read(0, magic);
        }
        gzipped_ = magic[0] == std::byte{0x1f} && magic[1] == std::byte{0x8b};
        constexpr int kGzip = 16 + MAX_WBITS;
        if (gzipped_ && inflateInit2(&stream_, kGzip) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~ByteStream() {
        if (gzipped_) {
            inflateEnd(&stream_);
        }
    }
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// The most that can still come: deflate does not shrink to less than a 1032th.
    std::int64_t most() const { return gzipped_ ? 1032 * file_.size() : file_.size() - at_; }
    const RandomFile& file() const { return file_; }

    void read(std::span<std::byte> bytes) {
        if (!gzipped_) {
            if (static_cast<std::int64_t>(bytes.size()) > file_.size() - at_) {
                truncated();
            }
            file_.read(at_, bytes);
            at_ += static_cast<std::int64_t>(bytes.size());
            return;
        }
        while (!bytes.empty()) {
            const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 << 30);
            stream_.next_out = reinterpret_cast<Bytef*>(bytes.data());
            stream_.avail_out = static_cast<uInt>(piece);
            while (stream_.avail_out > 0) {
                if (ended_) {
                    truncated();
                }
                step();
            }
            bytes = bytes.subspan(piece);
        }
    }

    /// Reads what is left, so that a gzip's check sum is compared.
    void finish() {
        std::array<std::byte, 4096> rest;
        while (gzipped_ && !ended_) {
            stream_.next_out = reinterpret_cast<Bytef*>(rest.data());
            stream_.avail_out = rest.size();
            step();
        }
    }

  private:
    [[noreturn]] void truncated() const {
        throw Error(ErrorKind::Input,
                    "'" + file_.path().string() +
                        "' is truncated: fewer values than its header says; get a complete copy of it");
    }

    void step() {
        if (stream_.avail_in == 0) {
            const auto piece = std::min<std::int64_t>(static_cast<std::int64_t>(input_.size()), file_.size() - at_);
            if (piece == 0) {
                truncated();
            }
            file_.read(at_, std::span(input_).first(static_cast<std::size_t>(piece)));
            at_ += piece;
            stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
            stream_.avail_in = static_cast<uInt>(piece);
        }
        const int result = inflate(&stream_, Z_NO_FLUSH);
        ended_ = result == Z_STREAM_END;
        if (!ended_ && result != Z_OK) {
            throw Error(ErrorKind::Input, "'" + file_.path().string() + "' is a damaged gzip file (" +
                                              (stream_.msg != nullptr ? stream_.msg : "it cannot be inflated") +
                                              "); get an intact copy of it");
        }
    }

    RandomFile file_;
    std::vector<std::byte> input_ = std::vector<std::byte>(1 << 16);
    z_stream stream_ = {};
    bool gzipped_ = false;
    bool ended_ = false;
    std::int64_t at_ = 0;
};

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
    stream.read(word);
    if (word[0] != std::byte{0} || word[1] != std::byte{0}) {
        refuse("holds something else than IDX values");
    }
    if (word[2] != std::byte{8} || std::to_integer<std::size_t>(word[3]) != dimensions) {
        refuse("holds IDX values of type " + std::to_string(std::to_integer<int>(word[2])) + " in " +
               std::to_string(std::to_integer<int>(word[3])) + " dimensions");
    }
    IdxArray array;
    array.time = stream.file().time();
    std::int64_t total = 1;
    for (std::size_t i = 0; i < dimensions; ++i) {
        stream.read(word);
        const std::int64_t length = std::accumulate(word.begin(), word.end(), std::int64_t{0}, [](auto sum, auto byte) {
            return sum << 8 | std::to_integer<std::int64_t>(byte);
        });
        if (length == 0) {
            refuse("holds no value");
        }
        array.dimensions.push_back(length);
        // Held against the file before any memory is taken.
        if (length > stream.most() / total) {
            throw Error(ErrorKind::Input, "'" + path.string() + "' is truncated: its " +
                                              std::to_string(stream.file().size()) +
                                              " bytes cannot hold what its header says; get a complete copy of it");
        }
        total *= length;
    }
    array.values.resize(static_cast<std::size_t>(total));
    stream.read(array.values);
    stream.finish();
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
    std::int64_t default_channels() const override { return 1; }

    Tensor load(std::int64_t index, const LoadOptions& options) const override {
        if (stored_bytes(index) > options.max_pixels) {
            throw Error(ErrorKind::Input, "'" + path_.string() + "' holds images of " +
                                              text_of({images_.dimensions[1], images_.dimensions[2]}) +
                                              ", more than the limit of " + std::to_string(options.max_pixels) +
                                              " pixels; raise --max-pixels if the file can be trusted");
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

std::string_view without_gz(std::string_view name) {
    return name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
}

/// The file of the folder that begins so; unzipped ones before zipped ones.
std::optional<fs::path> find_beginning(const fs::path& folder, std::string_view beginning) {
    std::vector<fs::path> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(beginning) && without_gz(name).ends_with("-ubyte") && entry.is_regular_file(ignored)) {
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
