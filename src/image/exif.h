// The two entries of an EXIF block that matter here, and the one of an XMP packet.
#pragma once

#include <optional>

#include "image/raster.h"

namespace reverie::image {

struct Exif {
    std::optional<int> orientation;  ///< 1..8, where the block says so
    std::string description;         ///< ImageDescription, empty when absent
};

/// Reads a TIFF-shaped block, with or without the "Exif\0\0" that JPEG puts before it. Whatever cannot be understood is
/// taken as absent: metadata never makes a picture unreadable.
Exif parse_exif(Bytes block);

/// Whether a camera means Adobe RGB: by DCF 2.0's option file, whose colour space is "uncalibrated" and whose
/// interoperability index is "R03".
bool means_adobe_rgb(Bytes block);

/// `tiff:Orientation` of an XMP packet, 1..8, where it says so.
std::optional<int> xmp_orientation(Bytes packet);

/// A block that holds only a description.
std::vector<std::byte> make_exif(const std::string& description);

}  // namespace reverie::image
