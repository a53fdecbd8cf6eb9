// What the codecs hand over and take: interleaved samples as files hold them, before they become tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image/color_conversion.h"
#include "reverie/image/picture.h"

namespace reverie::image {

using Bytes = std::span<const std::byte>;
using Text = std::map<std::string, std::string>;

/// What a file says about itself before any pixel is decoded.
struct Header {
    Size size;            ///< as stored
    int orientation = 1;  ///< EXIF's number, 1..8, still to be applied
};

/// Rows from the top, samples interleaved: 1 (grey), 3 (RGB) or 4 (CMYK, full is all ink) colours, then alpha, then
/// channels nobody names.
struct Raster {
    Raster() = default;
    /// Memory is taken but not touched, so that a small file that claims a huge picture costs nothing before it fails.
    Raster(Size size, int bits, int colors, int channels);

    Size size;
    int bits = 8;  ///< 8 or 16, in the machine's byte order
    int colors = 3;
    int channels = 3;  ///< samples per pixel
    bool has_alpha = false;
    bool premultiplied = false;
    Conversion conversion;  ///< of the colours, still to be applied; CMYK always has one
    std::unique_ptr<std::byte[]> data;
    Text text;
    std::vector<std::string> notes;

    std::size_t row_bytes() const noexcept;
    std::byte* row(std::int64_t y) noexcept { return data.get() + static_cast<std::size_t>(y) * row_bytes(); }
    const std::byte* row(std::int64_t y) const noexcept {
        return data.get() + static_cast<std::size_t>(y) * row_bytes();
    }
};

/// To float planes of sRGB in [0,1], grey tripled, alpha apart and not premultiplied, turned upright.
Picture to_picture(Raster raster, int orientation);

/// [C,H,W] turned by EXIF's number: 2 mirrored, 3 upside down, 4 mirrored and upside down; 5..8 the same, lying on the
/// side.
Tensor upright(const Tensor& image, int orientation);

/// Clamped and rounded to nearest. Without `keep_alpha` a picture with alpha is composited on white.
Raster to_raster(const Picture& picture, int bits, bool keep_alpha);

}  // namespace reverie::image
