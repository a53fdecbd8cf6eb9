#include <c10/util/Exception.h>

#include <algorithm>
#include <bit>

#include "data/streams.h"
#include "reverie/core/random.h"
#include "reverie/data/batches.h"

namespace reverie {

// A Feistel network permutes the numbers of an even count of bits whatever its round function is (Luby, Rackoff 1988).
// What leaves [0,count) goes through again until it is back inside, which keeps it a permutation (cycle walking; Black,
// Rogaway 2002).
std::int64_t shuffled_index(std::uint64_t seed, std::int64_t sample, std::int64_t count) {
    TORCH_CHECK(sample >= 0 && count > 0, "sample ", sample, " of ", count, " images was asked for");
    const std::uint64_t key = random_bits(seed, data::kShuffleStream, static_cast<std::uint64_t>(sample / count));
    const auto size = static_cast<std::uint64_t>(count);
    const int half = std::max(1, static_cast<int>(std::bit_width(size - 1) + 1) / 2);
    const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
    auto value = static_cast<std::uint64_t>(sample % count);
    constexpr std::uint64_t kRounds = 8;
    do {
        for (std::uint64_t round = 0; round < kRounds; ++round) {
            const std::uint64_t right = value & mask;
            value = right << half | ((value >> half ^ random_bits(key, round, right)) & mask);
        }
    } while (value >= size);
    return static_cast<std::int64_t>(value);
}

}  // namespace reverie
