// Private: how large the frames of an AVIF's AV1 streams are, before anything is decoded.
#pragma once

#include <cstdint>

#include "image/codecs.h"

namespace reverie::image {

/// Pixels of the largest frame that a sequence header of the file's items claims; 0 where none can be read. A stream
/// says its own size, beside the boxes around it, and dav1d takes memory for what the stream says. (AV1 Bitstream
/// Specification 5.5.1; ISO/IEC 14496-12 8.11.3, the item location box.)
std::int64_t largest_av1_frame(Bytes file);

}  // namespace reverie::image
