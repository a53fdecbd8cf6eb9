// ICC profiles: what converts a picture that carries one to sRGB.
#pragma once

#include <string>
#include <vector>

#include "image/color_conversion.h"
#include "image/raster.h"

namespace reverie::image {

/// For a picture of so many colours (1, 3 or 4). None when there is no profile, when it says sRGB, or when it cannot be
/// used: then a note says that it is ignored. Relative colorimetric with black point compensation: what sRGB can show
/// stays exactly as it is, white stays white, and the darkest ink becomes black.
Conversion profile_conversion(Bytes profile, int colors, const std::string& name, std::vector<std::string>& notes);

}  // namespace reverie::image
