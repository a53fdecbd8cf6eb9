// Private: the random streams of the latent space.
#pragma once

#include <cstdint>

namespace reverie {

/// A seed's standard normal numbers: the prior and every mixture use the same, so that a seed stays itself when only
/// the spread around it changes.
inline constexpr std::uint64_t kLatentStream = 0x6c6174656e74;
inline constexpr std::uint64_t kComponentStream = kLatentStream + 1;  ///< which component of a mixture
inline constexpr std::uint64_t kClusterStream = kLatentStream + 2;    ///< where fitting a mixture starts
inline constexpr std::uint64_t kHoldOutStream = kLatentStream + 3;    ///< which pictures measure a direction

}  // namespace reverie
