// The colour profile that our files carry.
#pragma once

#include "image/raster.h"

namespace reverie::image {

/// A small ICC profile of sRGB, always the same bytes.
Bytes srgb_profile();

}  // namespace reverie::image
