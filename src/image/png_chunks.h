// PNG's chunks, walked without decoding any.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "image/byte_reader.h"

namespace reverie::image {

constexpr std::size_t kPngSignatureBytes = 8;

/// Calls visit(type, content, whole) for each chunk that is there completely, until it returns false.
template <typename Visit>
void walk_chunks(Bytes png, Visit&& visit) {
    const ByteReader reader(png, false);
    std::size_t at = kPngSignatureBytes;
    while (const auto length = reader.u32(at)) {
        if (at + 8 > png.size() || png.size() - at - 8 < *length) {
            return;
        }
        const std::string_view type(reinterpret_cast<const char*>(png.data() + at + 4), 4);
        const std::size_t whole = std::min(png.size() - at, std::size_t{12} + *length);
        if (!visit(type, png.subspan(at + 8, *length), png.subspan(at, whole))) {
            return;
        }
        at += std::size_t{12} + *length;
    }
}

/// The content of the first chunk of a type.
std::optional<Bytes> find_chunk(Bytes png, std::string_view type);

/// As far as its chunks lie within it. For what a chunk other than pixels says to be long libpng takes memory before it
/// finds that the file ends.
Bytes believable_part(Bytes png);

/// EXIF's orientation, in its own chunk or in the text that ImageMagick makes of it, or else XMP's; 1 when none says.
int png_orientation(Bytes png);

/// Apple's own kind of PNG, which Xcode makes for iOS: without zlib's frame, blue first, multiplied by alpha.
bool is_cgbi(Bytes png);

struct PlainPng {
    std::vector<std::byte> bytes;  ///< what libpng reads
    bool apple_samples = true;     ///< order and multiplication are still Apple's
};

/// The same as a PNG that libpng reads. Files that have zlib's frame were changed back by other programs, which leave
/// nothing of Apple's but the mark: then the samples are plain too.
PlainPng from_cgbi(Bytes png, const std::string& name);

}  // namespace reverie::image
