// The plugin that reads HEIC and AVIF. libheif brings two decoders and two encoders along, so it is loaded only for
// such a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace reverie::image {

struct HeifInfo {
    std::int64_t width = 0;  ///< upright: libheif turns pictures itself
    std::int64_t height = 0;
    int bits = 8;  ///< of the file: 8, 10 or 12
    bool has_alpha = false;
    bool premultiplied = false;
    int pictures = 1;
    std::vector<std::byte> icc;
    static constexpr int kNotStated = 2;
    int primaries = kNotStated;  ///< by the numbers of ITU-T H.273
    int transfer = kNotStated;
};

class HeifReader {
  public:
    virtual ~HeifReader() = default;
    virtual const HeifInfo& info() const = 0;
    /// RGB or RGBA, row after row without gaps: bytes, or with more than 8 bits 16-bit words that use the whole range.
    /// `info` may know more about colours afterwards.
    virtual void decode(std::byte* target) = 0;
};

/// What libheif says of a file it does not read.
struct HeifFault : std::runtime_error {
    enum class Kind { Truncated, Damaged, Unsupported, NoMemory };
    HeifFault(Kind kind_, const std::string& message) : std::runtime_error(message), kind(kind_) {}
    Kind kind;
};

/// The bytes must outlive the reader. Throws HeifFault, as the reader does.
using OpenHeif = std::unique_ptr<HeifReader>(const std::byte* bytes, std::size_t size);
inline constexpr const char* kOpenHeifName = "reverie_open_heif";

}  // namespace reverie::image
