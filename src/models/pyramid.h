// How nets of any size halve their maps.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// `size` and what follows it, each half the one before, rounded up, as long as the shorter side is at least `least`.
inline std::vector<Size> pyramid(Size size, std::int64_t least) {
    std::vector<Size> sizes = {size};
    while (true) {
        const Size half = {(sizes.back().height + 1) / 2, (sizes.back().width + 1) / 2};
        if (std::min(half.height, half.width) < least) {
            return sizes;
        }
        sizes.push_back(half);
    }
}

/// The first rows and columns of maps [N,C,H,W] up to `size`; where that is all, the maps themselves, for the gradient
/// of a slice is a copy.
inline Tensor cut(const Tensor& x, Size size) {
    const Tensor rows = x.size(2) == size.height ? x : x.narrow(2, 0, size.height);
    return x.size(3) == size.width ? rows : rows.narrow(3, 0, size.width);
}

/// Channels, one number for each halving: `first`, doubled from one to the next, but no more than `most`.
inline std::vector<std::int64_t> stage_widths(std::int64_t first, std::int64_t most, std::size_t stages) {
    std::vector<std::int64_t> widths;
    for (std::size_t i = 0; i < stages; ++i) {
        widths.push_back(i == 0 ? first : std::min(2 * widths.back(), most));
    }
    return widths;
}

}  // namespace reverie
