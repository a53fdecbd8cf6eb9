#include "image/bilinear.h"

#include <ATen/ATen.h>

#include "reverie/core/device.h"

namespace reverie::image {
namespace {

/// [from,to]: what each of so many cells gives to each of the others.
Tensor shares(std::int64_t from, std::int64_t to, Corners corners, c10::Device device) {
    const Tensor each = at::eye(from, at::kFloat).view({from, 1, 1, from});
    const bool aligned = corners == Corners::Aligned;
    const Tensor spread = to < from && !aligned ? at::_upsample_bilinear2d_aa(each, {1, to}, /*align_corners=*/false)
                                                : at::upsample_bilinear2d(each, {1, to}, aligned);
    return on_device(spread.view({from, to}), device);
}

}  // namespace

Tensor bilinear(const Tensor& maps, Size size, Corners corners) {
    const FullPrecision exact;
    const Tensor rows = shares(maps.size(2), size.height, corners, maps.device());
    const Tensor columns = shares(maps.size(3), size.width, corners, maps.device());
    return at::matmul(rows.t(), at::matmul(maps, columns));
}

Tensor bilinear_back(const Tensor& gradient, Size from, Corners corners) {
    const FullPrecision exact;
    const Tensor rows = shares(from.height, gradient.size(2), corners, gradient.device());
    const Tensor columns = shares(from.width, gradient.size(3), corners, gradient.device());
    return at::matmul(rows, at::matmul(gradient, columns.t()));
}

}  // namespace reverie::image
