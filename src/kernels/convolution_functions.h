// Private: convolution_tensors.h with gradients of any order, on the kernels of this processor. Each of the three
// products is linear in both of its factors, and the derivatives of each are the other two: so gradients of gradients,
// which R1 and gradient penalties take, run on the same kernels.
#pragma once

#include <cstdint>

#include "kernels/convolution.h"
#include "kernels/window_convolution.h"
#include "reverie/core/tensor.h"

namespace reverie::kernels {

// Float32 on the CPU, of shapes that go together; nothing of this is checked. A bias may be undefined. What is not
// channels-last is copied once, in the graph; results and gradients are channels-last.

Tensor convolution_function(const SquareWindow& window, const Tensor& large, const Tensor& weight, const Tensor& bias,
                            const Afterwards& afterwards);
/// The transposed one; `height`, `width`: of its result.
Tensor transposed_function(const SquareWindow& window, const Tensor& small, const Tensor& weight, const Tensor& bias,
                           std::int64_t height, std::int64_t width);

}  // namespace reverie::kernels
