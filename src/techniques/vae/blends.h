// Private: the two ways of putting a part of one picture into another.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// All [C,H,W] float32 on the CPU and contiguous, the mask [1,H,W]. The result is not clamped.
Tensor poisson_blend(const Tensor& inside, const Tensor& outside, const Tensor& mask);
Tensor multi_band_blend(const Tensor& inside, const Tensor& outside, const Tensor& mask);

}  // namespace reverie
