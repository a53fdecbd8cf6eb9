// What color.cpp and color_match.cpp share: work on pixels [3,N] instead of images, a band of them at a time, so that
// a picture of 50 megapixels needs no copies of itself.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "reverie/core/tensor.h"

namespace reverie::image {

using Matrix3 = std::array<std::array<double, 3>, 3>;

/// Calls work(first, count) for bands that cover `pixels` pixels: 3 MB a plane triple, whatever the picture's size.
template <typename Work>
void for_bands(std::int64_t pixels, const Work& work) {
    constexpr std::int64_t kBand = 1 << 18;
    for (std::int64_t first = 0; first < pixels; first += kBand) {
        work(first, std::min(kBand, pixels - first));
    }
}

/// [3,H,W] -> contiguous [3,H*W], a view of contiguous images.
Tensor pixels_of(const Tensor& image);

/// Each pixel [3,N] times the matrix. In elementwise steps: a matrix product may be set to run in reduced precision.
Tensor mix(const Tensor& pixels, const Matrix3& matrix);

Tensor lab_of(const Tensor& rgb);  // [3,N] -> [3,N]
Tensor rgb_of(const Tensor& lab);  // [3,N] -> [3,N], not clamped

/// [3,N] -> [3,N] in [0,1]: lightness clamped to [0,100], chroma reduced (hue and lightness kept) until sRGB holds it.
Tensor fitted_rgb_of(const Tensor& lab);

}  // namespace reverie::image
