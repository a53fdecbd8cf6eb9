// Private: the products of convolutions on tensors, float32 [N,C,H,W]: by winograd_convolution.h where its transforms
// save more than they cost, else by window_convolution.h. Which it is depends on shapes alone.
//
// What is not channels-last is copied first; results are channels-last.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "kernels/machine.h"
#include "kernels/window_convolution.h"

namespace reverie::kernels {

/// The tensor itself, or a copy.
at::Tensor channels_last(const at::Tensor& t);
/// large [N,C,H,W], weight [outputs,C,size,size] -> [N,outputs,h,w]. `bias` and `addend` [N,outputs,h,w] may be
/// undefined. With a `slope` a leaky ReLU comes last.
at::Tensor convolve(const SquareWindow& window, const at::Tensor& large, const at::Tensor& weight,
                    const at::Tensor& bias, const at::Tensor& addend, std::optional<double> slope,
                    const Machine& machine);
/// The transposed one: small [N,outputs,h,w] -> [N,C,height,width], of which the convolution makes h and w.
at::Tensor spread(const SquareWindow& window, const at::Tensor& small, const at::Tensor& weight, const at::Tensor& bias,
                  std::int64_t height, std::int64_t width, const Machine& machine);
/// The gradient of the weights, [outputs,C,size,size].
at::Tensor correlate(const SquareWindow& window, const at::Tensor& large, const at::Tensor& small,
                     const Machine& machine);
/// [C]: sums over all pixels.
at::Tensor sum_pixels(const at::Tensor& map, const Machine& machine);

}  // namespace reverie::kernels
