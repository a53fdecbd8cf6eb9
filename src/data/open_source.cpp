#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "data/byte_stream.h"
#include "data/random_file.h"
#include "data/source.h"
#include "data/tar_header.h"
#include "image/decode.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

bool is_text(std::string_view head) {
    return head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff") ||  // UTF-16, as PowerShell writes lists
           std::ranges::none_of(head, [](unsigned char c) { return c < ' ' && c != '\t' && c != '\n' && c != '\r'; });
}

/// Tars from before "ustar" have nothing but their sum to be told by.
bool is_tar(std::string_view head) {
    if (head.size() < kTarBlock) {
        return false;
    }
    TarHeader header = {};
    std::ranges::copy(head.substr(0, kTarBlock), header.bytes.begin());
    return header.field(257, 5) == "ustar" || (!header.is_empty() && header.is_intact());
}

/// What people pack images in that is not read, by its first bytes; "" when unknown.
std::string_view other_archive(std::string_view head) {
    using namespace std::string_view_literals;
    for (const auto& [magic, name] :
         {std::pair{"\xfd"
                    "7zXZ"sv,
                    "an xz file"sv},
          std::pair{"BZh"sv, "a bzip2 file"sv}, std::pair{"7z\xbc\xaf"sv, "a 7z archive"sv},
          std::pair{"Rar!"sv, "a RAR archive"sv}, std::pair{"\x04\x22\x4d\x18"sv, "an LZ4 file"sv},
          std::pair{"\x89HDF"sv, "an HDF5 file"sv}, std::pair{"\x93NUMPY"sv, "a NumPy array"sv},
          std::pair{"PAR1"sv, "a Parquet file"sv}}) {
        if (head.starts_with(magic)) {
            return name;
        }
    }
    return "";
}

std::unique_ptr<Source> open_compressed(const std::filesystem::path& path, const std::filesystem::path& folder,
                                        const Hooks& hooks) {
    std::array<std::byte, kTarBlock> buffer = {};
    const std::size_t held = ByteStream(path).read_some(buffer);
    using namespace std::string_view_literals;
    const std::string_view head(reinterpret_cast<const char*>(buffer.data()), held);
    if (head.starts_with("\0\0\x08"sv)) {
        return open_idx(path);
    }
    if (is_tar(head)) {
        return open_tar(unpacked(path, folder, hooks));
    }
    throw Error(
        ErrorKind::Input,
        "'" + path.string() +
            "' is compressed and holds neither a tar of images nor IDX values; unpack it and name what is in it");
}

}  // namespace

std::unique_ptr<Source> open_source(const std::filesystem::path& path, DataPart part,
                                    const std::filesystem::path& folder, const Hooks& hooks) {
    std::error_code fault;
    if (std::filesystem::is_directory(path, fault)) {
        return is_idx_folder(path) ? open_idx_folder(path, part) : open_folder(path);
    }
    if (!std::filesystem::exists(path, fault)) {
        throw Error(ErrorKind::Input, "'" + path.string() + "' does not exist; check the path");
    }
    const RandomFile file(path);
    std::array<std::byte, 512> buffer = {};
    const auto head = std::span(buffer).first(static_cast<std::size_t>(std::min<std::int64_t>(512, file.size())));
    file.read(0, head);
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    using namespace std::string_view_literals;
    if (text.empty()) {
        throw Error(ErrorKind::Input, "'" + path.string() + "' is empty; images were wanted");
    }
    if (image::is_picture(head)) {
        return open_image(path);
    }
    if (text.starts_with("\0\0\x08"sv)) {
        return open_idx(path);
    }
    if (compression_of(text) != Compression::None) {
        return open_compressed(path, folder, hooks);
    }
    if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) {
        return open_zip(path);
    }
    const std::string_view other = other_archive(text);
    if (other.empty() && (is_tar(text) || (text.size() == kTarBlock && path.extension() == ".tar"))) {
        return open_tar(std::make_shared<RandomFile>(path));
    }
    if (other.empty() && is_text(text)) {
        return open_list(path);
    }
    throw Error(ErrorKind::Input, "'" + path.string() +
                                      (other.empty() ? "' is not a set of images" : "' is " + std::string(other)) +
                                      "; a folder, a list of paths, a .tar, .tar.gz, .tar.zst or .zip, an IDX file or "
                                      "an image was wanted");
}

}  // namespace reverie::data
