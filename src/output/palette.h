// The colours of a picture as few, and the picture in those.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/raster.h"

namespace reverie::output {

using Rgb = std::array<std::uint8_t, 3>;

struct Paletted {
    std::vector<Rgb> palette;           ///< 1 to 256 colours
    std::vector<std::uint8_t> indices;  ///< one for each pixel, row after row
};

/// An 8-bit RGB raster in at most 256 colours: its own when it has no more; otherwise the best ones for it, each pixel
/// one of two whose mixture is its colour, chosen by its place alone. So what does not change from frame to frame
/// keeps its pattern.
Paletted to_palette(const image::Raster& raster);

}  // namespace reverie::output
