// Files to canonical image tensors and back: the only place that knows codecs, BGR, bit depths, EXIF and palettes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// A decoded picture, upright (EXIF rotation applied).
struct Picture {
    Tensor color;  ///< float32 RGB in [0,1], contiguous [3,H,W]; grey comes as three equal channels
    Tensor alpha;  ///< float32 in [0,1], [1,H,W], not multiplied into the colour; undefined when the file has none
    int bits = 8;  ///< per channel in the file: 8 or 16
    /// UTF-8. PNG text chunks; of the other formats the one comment they hold, under "Comment", or the map it was made
    /// from when encode_picture made it.
    std::map<std::string, std::string> text;
    /// Sentences about what was ignored or guessed: an ICC profile that is not sRGB, CMYK, further frames or pages.
    std::vector<std::string> notes;
};

struct ReadLimits {
    std::int64_t max_pixels = 1'000'000'000;  ///< --max-pixels: larger pictures are refused before any memory is taken
};

/// Reads JPEG, PNG, TIFF, WebP, GIF, BMP, HEIC or AVIF, told by content, never by name; path "-" is standard input.
/// Throws Input, in one sentence that names the path, when the file is missing, empty, truncated, damaged, of no known
/// kind, beyond the limits, or of a kind that is known and not read (12-bit JPEG, floating-point TIFF, camera raw).
/// Bytes behind the picture do not matter; of several frames or pages the first counts, in a TIFF that begins with a
/// thumbnail the largest.
Picture read_picture(const std::filesystem::path& path, const ReadLimits& limits = {});

/// The same from memory; `name` stands for the path in messages.
Picture decode_picture(std::span<const std::byte> bytes, const std::string& name, const ReadLimits& limits = {});

/// Only the header: the upright size. Throws like read_picture, though damage behind the header goes unseen. Of "-" and
/// pipes the whole is consumed, and cannot be read again.
Size read_picture_size(const std::filesystem::path& path, const ReadLimits& limits = {});

/// Whether the name's extension is one read_picture can be expected to read (any of docs/formats.md, in any case): how
/// folders and archives are filtered.
bool has_picture_extension(const std::filesystem::path& path);

/// Whether its extension is that of any kind of picture or film, read here or not: what nobody would call a folder.
bool names_picture_or_film(const std::filesystem::path& path);

/// Whether the file is a picture that is read, by its content and whatever its name. Its header is read; false for what
/// cannot be opened.
bool holds_picture(const std::filesystem::path& path) noexcept;

enum class PictureFormat { Jpeg, Png, Tiff, WebP, Bmp };

/// The format a file name asks for; PNG for a device or pipe of any other name (/dev/null). Throws Usage, listing the
/// extensions, for a missing or unknown one and for one that is only read (gif, heic).
PictureFormat format_for(const std::filesystem::path& path);

struct WriteOptions {
    int quality = 95;  ///< JPEG and WebP, 1..100; JPEG is written 4:4:4, WebP always lossy
    int bits = 0;      ///< 8 or 16; 0: the picture's own, where the format can (PNG, TIFF), else 8
    Replacing replacing = Replacing::Allowed;  ///< of a file that is there by the time the picture is
};

/// The most pixels that a side of a file of this format can have (and that we write).
std::int64_t longest_side(PictureFormat format);

/// Throws Output, saying what to write instead, when a file of this format cannot hold a picture of that size: what
/// encode_picture would say after all the work.
void check_size(PictureFormat format, Size size);

/// The encoded bytes, the same for the same picture: alpha is kept where the format can (PNG, TIFF, WebP) and
/// composited on white elsewhere. Text goes into PNG text chunks (keys of 1 to 79 ASCII characters); a JPEG comment, a
/// TIFF description and WebP's EXIF description hold a lone "Comment" as it is, any other map as one JSON object; BMP
/// holds none. Values are clamped to [0,1] and rounded to nearest, NaN is 0. Throws Usage for options out of range or
/// 16 bits where the format has 8, Output where the format cannot hold the picture.
std::vector<std::byte> encode_picture(const Picture& picture, PictureFormat format, const WriteOptions& options = {});

/// encode_picture to a file through a temporary name; path "-" is standard output, as PNG. The path that it has got, as
/// AtomicFile::commit says it. Throws Output or Usage.
std::filesystem::path write_picture(const std::filesystem::path& path, const Picture& picture,
                                    const WriteOptions& options = {});

/// Just the pixels: [3,H,W].
Tensor load_image(const std::filesystem::path& path);
void save_image(const std::filesystem::path& path, const Tensor& image, const WriteOptions& options = {});

}  // namespace reverie
