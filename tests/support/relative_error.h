// How far a tensor is from what it should be.
#pragma once

#include <ATen/ATen.h>

#include "reverie/core/tensor.h"

namespace reverie::test {

/// Norm of the difference by the norm of what is right.
inline double relative_error(const Tensor& found, const Tensor& right) {
    const Tensor wanted = right.to(at::kDouble);
    const auto size = wanted.norm().item<double>();
    const auto difference = (found.to(at::kDouble) - wanted).norm().item<double>();
    return size == 0.0 ? difference : difference / size;
}

}  // namespace reverie::test
