// Private: the pixels of a picture as rows, some at a time.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

#include "reverie/core/tensor.h"

namespace reverie {

/// Pixels [3,H,W] in bands of rows: visit(rows [n,3], first row, rows of the band).
template <typename Visit>
void for_each_band(const Tensor& image, const Visit& visit) {
    constexpr std::int64_t kBand = 1 << 20;  // pixels at a time
    const std::int64_t height = image.size(1);
    const std::int64_t step = std::max<std::int64_t>(1, kBand / image.size(2));
    for (std::int64_t y = 0; y < height; y += step) {
        const std::int64_t count = std::min(step, height - y);
        visit(image.narrow(1, y, count).permute({1, 2, 0}).reshape({-1, 3}), y, count);
    }
}

/// A mask's part of a band, one weight a row; undefined stays so.
inline Tensor band_weights(const Tensor& mask, std::int64_t y, std::int64_t count) {
    return mask.defined() ? mask.narrow(1, y, count).reshape({-1}) : Tensor();
}

}  // namespace reverie
