// A pretrained net as the eye of a discriminator: features of four depths, mixed by random projections that are drawn
// once and never trained (Sauer et al.: Projected GANs Converge Faster, 2021).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/nn/graph.h"

namespace reverie {

/// One of the four maps that a discriminator sees.
struct Projection {
    std::string tap;
    std::int64_t channels = 0;
    std::int64_t stride = 1;  ///< image pixels from cell to cell
};

/// From the finest to the coarsest: strides 2, 4, 8 and 16, with 64, 64, 128 and 256 channels.
const std::vector<Projection>& projections();

/// Appends the projections, drawn by `seed`, to a net of the EfficientNet-Lite family: its last blocks of strides 4, 8,
/// 16 and 32 go through 1x1 convolutions to 64, 128, 256 and 512 channels (channel mixing); from the deepest on each
/// sum is halved in channels by another one and enlarged twice, on to the next (scale mixing). Published code enlarges
/// first; the two commute, and this order is four times cheaper. Sides of images are to be multiples of 32: every
/// enlarged map then fits the one it is added to. Throws Usage for another architecture.
void add_projections(Graph& graph, std::uint64_t seed);

}  // namespace reverie
