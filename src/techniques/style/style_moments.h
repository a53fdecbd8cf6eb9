// Private: what is measured of a style.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/nn/style_statistics.h"
#include "reverie/techniques/style.h"

namespace reverie {

/// Means over positions of one style at one scale: per style layer, and of its pixels (palette).
struct StyleMoments {
    std::vector<Moments> layers;
    Moments pixels;
};

/// Sums an image's statistics over tiles of `tile` pixels (0: whole) where `mask` [1,H,W] (undefined: all) says.
StyleMoments measure_style(FrozenNet& net, const StyleOptions& options, const Tensor& image, const Tensor& mask,
                           std::int64_t tile);

}  // namespace reverie
