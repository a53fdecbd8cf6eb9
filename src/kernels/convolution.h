// Convolutions and transposed convolutions of nets whose weights are trained, with gradients of any order: on the CPU
// by kernels of our own where there are some, else by LibTorch.
//
// The choice is a pure function of shapes, types and devices, unless LibTorch is asked for (engine.h). Ours are float32
// square windows of any stride and padding; their results and gradients are channels-last, whatever came in, and the
// same bits with any number of threads. Under CPU autocast, which would take another type, LibTorch has them all.
#pragma once

#include <cstdint>
#include <optional>

#include "reverie/core/tensor.h"

namespace reverie {

/// What comes after a convolution, in this order, without another pass over memory.
struct Afterwards {
    Tensor addend = {};                                ///< [N,outputs,h,w]; may be undefined
    std::optional<double> leaky_slope = std::nullopt;  ///< of a leaky ReLU, at least 0
};

/// input [N,C,H,W], weight [outputs,C,height,width], bias [outputs] or undefined -> [N,outputs,h,w].
Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, std::int64_t stride,
                   std::int64_t padding, const Afterwards& afterwards = {});

/// input [N,C,h,w], weight [C,outputs,height,width], bias [outputs] or undefined -> [N,outputs,H,W], where
/// H = (h - 1) * stride - 2 * padding + height + output_padding.
Tensor transposed_convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, std::int64_t stride,
                              std::int64_t padding, std::int64_t output_padding = 0);

/// x [N,F], weight [outputs,F], bias [outputs] or undefined -> [N,outputs].
Tensor fully_connected(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace reverie
