// One header reader, one decoder and one encoder per file format. They throw Input and Output with `name` in the
// sentence; what every format needs (limits, orientation, floats) is done once, by their callers.
#pragma once

#include "image/raster.h"

namespace reverie::image {

Header jpeg_header(Bytes bytes, const std::string& name);
Header png_header(Bytes bytes, const std::string& name);
Header tiff_header(Bytes bytes, const std::string& name);
Header webp_header(Bytes bytes, const std::string& name);
Header bmp_header(Bytes bytes, const std::string& name);
Header gif_header(Bytes bytes, const std::string& name);
Header heif_header(Bytes bytes, const std::string& name);

// `header` is what the format's own header reader said of the same bytes, already held against the limits.
Raster decode_jpeg(Bytes bytes, const Header& header, const std::string& name);
/// At 1/`reduction` of its size, rounded up: 1, 2, 4 or 8, which the library decodes with less work.
Raster decode_jpeg_reduced(Bytes bytes, const std::string& name, int reduction);
Raster decode_png(Bytes bytes, const Header& header, const std::string& name);
Raster decode_tiff(Bytes bytes, const Header& header, const std::string& name);
Raster decode_webp(Bytes bytes, const Header& header, const std::string& name);
Raster decode_bmp(Bytes bytes, const Header& header, const std::string& name);
Raster decode_gif(Bytes bytes, const Header& header, const std::string& name);
Raster decode_heif(Bytes bytes, const Header& header, const std::string& name);

// What the encoders are given has been through check_size.
inline constexpr std::int64_t kLongestJpegSide = 65'500;  // libjpeg's JPEG_MAX_DIMENSION
inline constexpr std::int64_t kLongestWebpSide = 16'383;  // libwebp's WEBP_MAX_DIMENSION
/// Whether a BMP file can say how long it is.
bool fits_bmp(Size size);

std::vector<std::byte> encode_jpeg(const Raster& raster, const Text& text, int quality);
std::vector<std::byte> encode_png(const Raster& raster, const Text& text);
std::vector<std::byte> encode_tiff(const Raster& raster, const Text& text);
std::vector<std::byte> encode_webp(const Raster& raster, const Text& text, int quality);
std::vector<std::byte> encode_bmp(const Raster& raster);

// The faults all formats share, worded once.
[[noreturn]] void throw_truncated(const std::string& name);
[[noreturn]] void throw_damaged(const std::string& name, const std::string& detail);
[[noreturn]] void throw_unsupported(const std::string& name, const std::string& what);
[[noreturn]] void throw_unwritable(const std::string& format, const std::string& detail);
[[noreturn]] void throw_too_large(const std::string& format, Size size, std::int64_t longest);

/// The note for CMYK without a profile.
std::string plain_inks_note(const std::string& name);

/// The note for a file of which only the first of several pictures is used.
std::string first_picture_note(const std::string& name, const std::string& parts);

}  // namespace reverie::image
