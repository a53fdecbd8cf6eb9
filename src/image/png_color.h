// What a PNG says about its colours: its chunks cICP, iCCP, sRGB, gAMA and cHRM, the first of these that is there, as
// the third edition of the standard ranks them.
#pragma once

#include <string>
#include <vector>

#include "image/color_conversion.h"
#include "image/raster.h"

namespace reverie::image {

/// For the picture as it is decoded: so many colours (1 or 3) of so many bits. What cannot be used is noted.
Conversion png_conversion(Bytes file, int colors, int bits, const std::string& name, std::vector<std::string>& notes);

}  // namespace reverie::image
