// Pictures as their codecs give them, for those who need bytes and not floats.
#pragma once

#include <optional>

#include "image/raster.h"

namespace reverie::image {

/// Whether the first bytes of a file, half a kilobyte or all, are those of a format that is read.
bool is_picture(Bytes bytes);

struct Decoded {
    Raster raster;
    int orientation = 1;  ///< EXIF's number, still to be applied
};

/// What decode_picture reads, and with the same faults. With `at_least` (of the upright picture) a JPEG may come at a
/// half, a quarter or an eighth of its size while both sides stay a quarter longer than that, which takes a fraction of
/// the time.
Decoded decode_raster(Bytes bytes, const std::string& name, const ReadLimits& limits = {},
                      const std::optional<Size>& at_least = {});

}  // namespace reverie::image
