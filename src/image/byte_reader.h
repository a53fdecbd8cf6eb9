// Numbers out of untrusted bytes: outside the block there is nothing, never a fault.
#pragma once

#include <cstring>
#include <optional>
#include <string_view>

#include "image/raster.h"

namespace reverie::image {

class ByteReader {
  public:
    ByteReader(Bytes bytes, bool little_endian) : bytes_(bytes), little_(little_endian) {}

    std::optional<std::uint32_t> u16(std::size_t offset) const { return number(offset, 2); }
    std::optional<std::uint32_t> u32(std::size_t offset) const { return number(offset, 4); }

  private:
    std::optional<std::uint32_t> number(std::size_t offset, std::size_t count) const {
        if (offset > bytes_.size() || bytes_.size() - offset < count) {
            return std::nullopt;
        }
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            value = value << 8 | std::to_integer<std::uint32_t>(bytes_[offset + (little_ ? count - 1 - i : i)]);
        }
        return value;
    }

    Bytes bytes_;
    bool little_;
};

inline bool starts_with(Bytes bytes, std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace reverie::image
