// Little-endian numbers and runs of bytes out of a span, never beyond its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "contents.h"

namespace reverie::weights {

class ByteReader {
  public:
    /// `part` is what a message calls the bytes ("its directory"). Keeps references to what it is given.
    ByteReader(std::span<const std::byte> bytes, const std::filesystem::path& path, std::string_view part)
        : bytes_(bytes), path_(path), part_(part) {}

    std::size_t position() const noexcept { return position_; }
    std::size_t remaining() const noexcept { return bytes_.size() - position_; }

    void seek(std::uint64_t position) {
        if (position > bytes_.size()) {
            overrun();
        }
        position_ = static_cast<std::size_t>(position);
    }

    std::span<const std::byte> take(std::uint64_t count) {
        if (count > remaining()) {
            overrun();
        }
        position_ += static_cast<std::size_t>(count);
        return bytes_.subspan(position_ - static_cast<std::size_t>(count), static_cast<std::size_t>(count));
    }

    /// An unsigned number of `width` <= 8 bytes.
    std::uint64_t number(std::size_t width) {
        std::uint64_t value = 0;
        const auto bytes = take(width);
        for (std::size_t k = 0; k < width; ++k) {
            value |= static_cast<std::uint64_t>(bytes[k]) << (8 * k);
        }
        return value;
    }

    /// Text up to the next line end, which is taken too.
    std::string_view line() {
        const std::string_view rest = as_text(bytes_.subspan(position_));
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) {
            overrun();
        }
        position_ += end + 1;
        return rest.substr(0, end);
    }

  private:
    [[noreturn]] void overrun() const {
        refuse(path_, "is truncated or damaged: " + std::string(part_) +
                          " runs over the end of what is there; download it again");
    }

    std::span<const std::byte> bytes_;
    const std::filesystem::path& path_;
    std::string_view part_;
    std::size_t position_ = 0;
};

}  // namespace reverie::weights
