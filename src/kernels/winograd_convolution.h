// Private: convolutions of 4x4 windows with stride 2 and of 3x3 windows with stride 1, both with padding 1, the
// transposed ones, and all their gradients, for weights that change from call to call.
//
// A window of stride 2 sees each of the four phases of the input (odd and even rows and columns) through a 2x2 window
// of stride 1, so the convolution is a sum of four, each by Winograd's F(4x4,2x2): 25 products for 64. The phases are
// added up among the products, before the one transform to the output. A 3x3 window of stride 1 is one phase, by
// F(4x4,3x3): 36 products for 144. The gradient of the input, which is also the transposed convolution, and that of the
// weights are the same steps the other way round (winograd_kernels.h).
//
// Maps are channels-last, weights [outputs][window][window][inputs], which is how LibTorch's channels-last keeps
// weights of a convolution; those of a transposed one, from the small map to the large, lie in the same order. Every
// sum is taken in an order that depends on shapes and processor alone: the same bits come out with any number of
// threads.
#pragma once

#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

enum class WinogradWindow {
    Strided,  ///< 4x4 of stride 2 and padding 1
    Square,   ///< 3x3 of stride 1 and padding 1
    Phases    ///< 2x2 of stride 1 without padding, on a phase_map.h: the first one, on few channels
};

/// The convolution. `large` is the map before it; `small`, as large or half as high and wide, rounded either way, is
/// written by way of `finish`, of which everything counts.
void convolve_tiles(WinogradWindow window, const Map& large, const float* weights, const Map& small,
                    const Finish& finish, const Kernels& kernels, Workspace& work);

/// The transposed convolution: `small` to `large`, or gradients the same way. `bias` [channels of large] may be null.
void spread_tiles(WinogradWindow window, const Map& small, const float* weights, const Map& large, const float* bias,
                  const Kernels& kernels, Workspace& work);

/// The gradient of the weights of both: sums over all pixels of `small` times what its window sees of `large`.
void correlate_tiles(WinogradWindow window, const Map& large, const Map& small, float* weights, const Kernels& kernels,
                     Workspace& work);

/// Sums over all pixels by channel: the gradient of a bias.
void sum_pixels(const Map& map, float* sums, Workspace& work);

}  // namespace reverie::kernels
