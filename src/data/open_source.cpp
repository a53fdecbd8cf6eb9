#include <algorithm>
#include <array>
#include <string_view>

#include "data/random_file.h"
#include "data/source.h"
#include "image/decode.h"
#include "reverie/core/error.h"

namespace reverie::data {
namespace {

bool is_text(std::span<const std::byte> bytes) {
    return std::none_of(bytes.begin(), bytes.end(), [](std::byte byte) {
        const auto c = std::to_integer<int>(byte);
        return c < ' ' && c != '\t' && c != '\n' && c != '\r';
    });
}

}  // namespace

std::unique_ptr<Source> open_source(const std::filesystem::path& path, DataPart part) {
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
    if (text.starts_with("\0\0\x08"sv) || text.starts_with("\x1f\x8b"sv)) {
        return open_idx(path);
    }
    if (text.size() == 512 && (text.substr(257, 5) == "ustar" || path.extension() == ".tar")) {
        return open_tar(path);
    }
    if (is_text(head)) {
        return open_list(path);
    }
    throw Error(ErrorKind::Input, "'" + path.string() +
                                      "' is no set of images; a folder, a list of paths, a .tar, an IDX file or an "
                                      "image was wanted");
}

}  // namespace reverie::data
