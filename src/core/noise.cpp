#include "reverie/core/noise.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reverie/core/random.h"

namespace reverie {
namespace {

// Apart from each other, so that a uniform and a normal row of the same number have nothing in common.
constexpr std::uint64_t kNormal = 1;
constexpr std::uint64_t kUniform = 2;

/// Two numbers out of 64 bits.
struct Pair {
    float first;
    float second;
};

Pair normal_pair(std::uint64_t bits) {
    // The upper half is never 0, so that its logarithm is finite; the largest number there can be is 6.8.
    const auto radius_bits = static_cast<double>(bits >> 32) + 0.5;
    const float radius = std::sqrt(-2.0F * std::log(static_cast<float>(radius_bits * 0x1.0p-32)));
    const auto turn = static_cast<float>(static_cast<double>(bits & 0xffffffffULL) * 0x1.0p-32);
    const float angle = 2 * std::numbers::pi_v<float> * turn;
    return {radius * std::cos(angle), radius * std::sin(angle)};
}

Pair uniform_pair(std::uint64_t bits) {
    const auto unit = [](std::uint64_t half) { return static_cast<float>(half >> 8) * 0x1.0p-24F; };
    return {unit(bits >> 32), unit(bits & 0xffffffffULL)};
}

/// Rows of pairs; the pairs of a row are numbered from 0, so a row knows nothing of its neighbours.
template <typename MakePair>
Tensor rows(std::uint64_t seed, std::uint64_t stream, std::int64_t first, std::int64_t count,
            const std::vector<std::int64_t>& shape, std::uint64_t kind, MakePair make_pair) {
    TORCH_CHECK(first >= 0 && count >= 0, "rows of noise are counted from 0 and not from ", first, ", ", count,
                " of them");
    std::vector<std::int64_t> sizes = {count};
    sizes.insert(sizes.end(), shape.begin(), shape.end());
    Tensor noise = at::empty(sizes, at::kFloat);
    const std::int64_t length = count == 0 ? 0 : noise.numel() / count;
    const std::int64_t pairs = (length + 1) / 2;
    auto* data = noise.data_ptr<float>();
    constexpr std::int64_t kGrain = 4096;
    at::parallel_for(0, count * pairs, kGrain, [&](std::int64_t begin, std::int64_t end) {
        while (begin < end) {
            const std::int64_t row = begin / pairs;
            const std::uint64_t key = random_bits(seed, stream, static_cast<std::uint64_t>(first + row));
            const std::int64_t stop = std::min(end, (row + 1) * pairs);
            for (std::int64_t pair = begin - row * pairs; begin < stop; ++begin, ++pair) {
                const Pair values = make_pair(random_bits(key, kind, static_cast<std::uint64_t>(pair)));
                float* place = data + row * length + 2 * pair;
                place[0] = values.first;
                if (2 * pair + 1 < length) {
                    place[1] = values.second;
                }
            }
        }
    });
    return noise;
}

}  // namespace

Tensor normal_noise(std::uint64_t seed, std::uint64_t stream, std::int64_t first, std::int64_t count,
                    const std::vector<std::int64_t>& shape) {
    return rows(seed, stream, first, count, shape, kNormal, normal_pair);
}

Tensor uniform_noise(std::uint64_t seed, std::uint64_t stream, std::int64_t first, std::int64_t count,
                     const std::vector<std::int64_t>& shape) {
    return rows(seed, stream, first, count, shape, kUniform, uniform_pair);
}

std::uint64_t stream_of(std::string_view name) {
    std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a
    for (const char c : name) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
    return hash;
}

}  // namespace reverie
