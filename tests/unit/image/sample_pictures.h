// The pictures of samples/ and what make_samples.py put into them; and small helpers to compare pictures.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>

#include "reverie/core/files.h"
#include "reverie/image/picture.h"

namespace reverie::test {

inline std::filesystem::path sample(const std::string& name) {
    return std::filesystem::path(REVERIE_TEST_DATA) / "unit/image/samples" / name;
}

/// [1,9,12]: the column and the row of each pixel.
inline Tensor columns() { return at::arange(12, at::kFloat).view({1, 1, 12}).expand({1, 9, 12}); }
inline Tensor rows() { return at::arange(9, at::kFloat).view({1, 9, 1}).expand({1, 9, 12}); }

/// The pattern of make_samples.py in 0..255, before any division.
inline Tensor rgb_bytes() { return at::cat({20 * columns(), 25 * rows(), 2 * columns() * rows()}); }
inline Tensor grey_bytes() { return (2 * columns() * rows() + 5).expand({3, 9, 12}); }
inline Tensor alpha_bytes() { return 255 - 20 * columns(); }
/// The same with 16 bits, in 0..65535.
inline Tensor deep(const Tensor& bytes) { return 257 * bytes + at::where(bytes < 255, columns(), 0.0); }

/// The largest difference, in 255ths.
inline double distance(const Tensor& a, const Tensor& b) {
    if (a.sizes() != b.sizes()) {
        ADD_FAILURE() << "sizes differ: " << a.sizes() << " and " << b.sizes();
        return 1e9;
    }
    return 255 * (a - b).abs().max().item<double>();
}

/// A smooth picture that every codec can hold well: [3,H,W].
inline Tensor smooth_picture(std::int64_t height, std::int64_t width) {
    const Tensor y = at::linspace(0, 1, height, at::kFloat).view({1, height, 1});
    const Tensor x = at::linspace(0, 1, width, at::kFloat).view({1, 1, width});
    return at::cat({x.expand({1, height, width}), y.expand({1, height, width}), (0.5 * (x + y))}).contiguous();
}

inline std::vector<std::byte> encoded(const Tensor& image, PictureFormat format, const WriteOptions& options = {}) {
    Picture picture;
    picture.color = image;
    return encode_picture(picture, format, options);
}

}  // namespace reverie::test
