// From a file's bytes to an image of the set's shape.
#pragma once

#include <cstdint>
#include <string>

#include "data/source.h"
#include "image/raster.h"

namespace reverie::data {

/// uint8 [H,W,C] upright: grey, RGB or RGBA as stored, 16 bits rounded to 8. Throws Input.
Tensor decode_pixels(image::Bytes bytes, const std::string& name, const LoadOptions& options);

/// The part of an image that is shown: all of it for Stretch, else the largest part of the wanted shape.
struct Crop {
    std::int64_t top = 0;
    std::int64_t left = 0;
    Size size;
};
Crop crop_of(const Tensor& pixels, Size wanted, Fit fit);

/// Cuts [H,W,C], resizes it (antialiased bicubic, Pillow's) and writes uint8 [channels,height,width] to `out`.
void fit_pixels(const Tensor& pixels, Size size, Fit fit, std::int64_t channels, std::uint8_t* out);

}  // namespace reverie::data
