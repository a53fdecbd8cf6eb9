// A 128-bit fingerprint of what identifies a set of images. Against accidents, not against forgers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace reverie::data {

class Digest {
  public:
    void add(std::int64_t number);
    /// Its length counts too, so that "ab","c" and "a","bc" differ.
    void add(std::string_view text);
    void add(std::span<const std::byte> bytes);
    std::string hex() const;  ///< 32 digits of all added so far

  private:
    std::array<std::uint64_t, 2> state_ = {};
};

}  // namespace reverie::data
