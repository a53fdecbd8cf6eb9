// Gaussian numbers without generator state.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// float32 [count, shape...] standard normal numbers on the CPU. Row i is a pure function of (seed, stream, first + i),
/// so neither batch size nor threads change what is drawn (Box and Muller 1958 on counter-based uniform numbers).
Tensor normal_noise(std::uint64_t seed, std::uint64_t stream, std::int64_t first, std::int64_t count,
                    const std::vector<std::int64_t>& shape);

/// The same, uniform in [0,1).
Tensor uniform_noise(std::uint64_t seed, std::uint64_t stream, std::int64_t first, std::int64_t count,
                     const std::vector<std::int64_t>& shape);

/// The stream of random numbers that belongs to a name.
std::uint64_t stream_of(std::string_view name);

}  // namespace reverie
