// Private: maps of a few channels with the four phases of stride 2 side by side: pixel (y, x) holds those of the larger
// map at (2y-1, 2x-1), (2y-1, 2x), (2y, 2x-1) and (2y, 2x), zeros beyond its border and up to whole vectors. A 4x4
// window of stride 2 and padding 1 is a 2x2 window of stride 1 there, which vectors are filled by.
#pragma once

#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

/// Of the larger map; more fill vectors by themselves.
constexpr std::int64_t kMostPhaseChannels = 4;

/// Channels of such a map.
std::int64_t phase_channels(std::int64_t channels, const Kernels& kernels);

/// One of `large`, whose windows make `small`; `memory` is [small.batch][small.height + 1][small.width + 1][channels].
Map phase_map(const Map& large, const Map& small, std::int64_t channels, float* memory);
std::int64_t phase_map_floats(const Map& small, std::int64_t channels);

// Of both, pixels of `large` lie side by side without gaps.
void to_phases(const Map& large, const Map& phases, Workspace& work);
/// `bias` [channels of large] may be null.
void from_phases(const Map& phases, const float* bias, const Map& large, Workspace& work);

/// Weights [outputs][4][4][channels] to [outputs][2][2][phase channels], and gradients back.
void weights_to_phases(const float* weights, std::int64_t outputs, std::int64_t channels, std::int64_t phase_channels,
                       float* out);
void weights_from_phases(const float* phases, std::int64_t outputs, std::int64_t channels, std::int64_t phase_channels,
                         float* out);

}  // namespace reverie::kernels
