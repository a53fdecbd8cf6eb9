// Counter-based randomness: a number is a pure function of (seed, stream, counter), so no generator state exists that a
// resumed run would have to restore, and neither batch size nor thread count changes what is drawn.
#pragma once

#include <cstdint>

namespace reverie {

/// 64 well-mixed bits: three rounds of the SplitMix64 finaliser (Steele, Lea, Flood: Fast Splittable Pseudorandom
/// Number Generators, OOPSLA 2014) over the three words.
constexpr std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) noexcept {
    const auto mix = [](std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    };
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
    return mix(mix(mix(seed + kGolden) + stream + kGolden) + counter + kGolden);
}

/// Uniform in [0,1) with 53 bits.
constexpr double random_uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) noexcept {
    return static_cast<double>(random_bits(seed, stream, counter) >> 11) * 0x1.0p-53;
}

/// Uniform integer in [low, high], both included; the bias of the reduction is below 2^-32 for ranges below 2^32.
constexpr std::int64_t random_integer(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter, std::int64_t low,
                                      std::int64_t high) noexcept {
    const auto range = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<std::int64_t>(random_bits(seed, stream, counter) % range);
}

}  // namespace reverie
