// What a file is, told by its first bytes, and the names that pictures go by.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "image/raster.h"

namespace reverie::image {

/// What is read.
enum class Content { Jpeg, Png, Tiff, WebP, Bmp, Gif, Heif };

/// Half a kilobyte is enough; nothing for what is not read.
std::optional<Content> picture_content(Bytes bytes);

/// "a HEIC", "an AVIF" or "a HEIF": which of its family a Heif file says it is.
std::string_view heif_kind(Bytes bytes);

/// Something that is known and not read.
struct OtherKind {
    std::string_view what;    ///< with its article
    std::string_view advice;  ///< what to do with it
    bool film = false;        ///< that is read, but not as a picture
};
std::optional<OtherKind> other_content(Bytes bytes);

/// The endings that pictures and films go by.
struct Extension {
    std::string_view name;
    std::optional<PictureFormat> written = {};  ///< the format it asks for where we write it
    bool is_read = true;
};

/// The entry of a path's ending in any case; null for other endings. There is no other list.
const Extension* find_extension(const std::filesystem::path& path);

/// The ending in lower case, with its dot.
std::string lower_extension(const std::filesystem::path& path);

}  // namespace reverie::image
