// The streams of random_bits that this room draws from, so that no two draws share numbers.
#pragma once

#include <cstdint>

namespace reverie::data {

constexpr std::uint64_t kShuffleStream = 0x6461746101;  // "data", 1
constexpr std::uint64_t kMirrorStream = 0x6461746102;
constexpr std::uint64_t kSplitStream = 0x6461746103;

}  // namespace reverie::data
