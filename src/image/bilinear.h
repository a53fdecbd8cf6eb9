// Private: maps and images brought to another size between their cells, as PyTorch's "bilinear" does, by products of
// matrices: differentiable, and deterministic on every device, which the gradient of LibTorch's own is not on CUDA.
#pragma once

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie::image {

enum class Corners {
    Centres,  ///< pixels are areas; antialiased along a side that becomes smaller
    Aligned,  ///< the outermost cells stay the outermost (align_corners)
};

/// [N,C,H,W] -> [N,C,size], in float32.
Tensor bilinear(const Tensor& maps, Size size, Corners corners);
/// The gradient of what bilinear() made, to that of maps of size `from`.
Tensor bilinear_back(const Tensor& gradient, Size from, Corners corners);

}  // namespace reverie::image
