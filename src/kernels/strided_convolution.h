// Private: convolutions of 4x4 windows with stride 2 and padding 1, the transposed ones, and all their gradients, for
// weights that change from call to call.
//
// A window of stride 2 sees each of the four phases of the input (odd and even rows and columns) through a 2x2 window
// of stride 1, so the convolution is a sum of four, each by Winograd's F(4x4,2x2): 25 products for 64. The phases are
// added up among the products, before the one transform to the output. The gradient of the input, which is also the
// transposed convolution, and that of the weights are the same steps the other way round (strided_kernels.h).
//
// Maps are channels-last, weights [outputs][4][4][inputs], which is how LibTorch's channels-last keeps weights of a
// convolution; those of a transposed one, from the few pixels to the many, lie in the same order. Every sum is taken
// in an order that depends on shapes and processor alone: the same bits come out with any number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

/// The convolution. `large` is the map before it; `small`, half as high and wide (rounded down), is written by way of
/// `finish`, of which everything counts.
void convolve_strided(const Map& large, const float* weights, const Map& small, Finish finish, const Kernels& kernels,
                      Workspace& work);

/// The transposed convolution: `small` to `large`, or gradients the same way. `bias` [channels of large] may be null.
void spread_strided(const Map& small, const float* weights, const Map& large, const float* bias, const Kernels& kernels,
                    Workspace& work);

/// The gradient of the weights of both: sums over all pixels of `small` times what its window sees of `large`.
void correlate_strided(const Map& large, const Map& small, float* weights, const Kernels& kernels, Workspace& work);

/// Sums over all pixels by channel: the gradient of a bias.
void sum_pixels(const Map& map, float* sums, Workspace& work);

// The same on tensors: float32 [N,C,H,W]. What is not channels-last is copied first; results are channels-last.
at::Tensor convolve_strided(const at::Tensor& large, const at::Tensor& weight, const at::Tensor& bias,
                            const Kernels& kernels, Workspace& work);
/// `height`, `width`: of the result, twice those of `small` or one more.
at::Tensor spread_strided(const at::Tensor& small, const at::Tensor& weight, const at::Tensor& bias,
                          std::int64_t height, std::int64_t width, const Kernels& kernels, Workspace& work);
/// [channels of small, channels of large, 4, 4].
at::Tensor correlate_strided(const at::Tensor& large, const at::Tensor& small, const Kernels& kernels, Workspace& work);
at::Tensor sum_pixels(const at::Tensor& map, Workspace& work);

}  // namespace reverie::kernels
