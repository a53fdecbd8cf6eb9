// Private: planes and their Fourier transforms.
#pragma once

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/optimize/gradient_transform.h"

namespace reverie {

/// [3,H,W] -> complex [3,H,W/2+1] and back, of orthonormal scale: a spectrum's values do not grow with the image.
Tensor fourier(const Tensor& planes);
Tensor inverse_fourier(const Tensor& spectrum, Size size);

/// Cycles per pixel of every entry of such a spectrum, float64 [H,W/2+1]; at least `least`.
Tensor frequencies(Size size, double least);

/// One cycle over an image's longest side.
double lowest_frequency(Size size);

/// float64 [3,3].
Tensor tensor_of(const ColorMatrix& matrix);

/// out[o] = sum over c of matrix[o][c] * planes[c].
Tensor mixed(const Tensor& matrix, const Tensor& planes);

}  // namespace reverie
