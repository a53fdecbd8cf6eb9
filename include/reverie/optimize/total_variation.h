// Total variation of an image [3,H,W] in [0,1]: values and gradients in closed form. Each works in bands of rows, so
// that a print-sized image needs no second copy of itself.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

enum class Variation {
    Squared,   ///< mean squared differences to the right, below and on both diagonals, borders replicated:
               ///< (2/3)(mean dx^2 + mean dy^2) + (1/6)(mean squares of both diagonals) (crowsonkb)
    Absolute,  ///< sum |dx| + sum |dy| (neural-style-pt)
    Power      ///< sum (dx^2 + dy^2)^1.25 over all but the last row and column (Chollet)
};

/// The value (scalar float64 tensor on the image's device); factor * its gradient is added to `gradient` [3,H,W].
/// `pixel_range`: the recipe counts pixels from 0 to this; value and gradient are those of image * pixel_range with
/// respect to `image`.
Tensor add_variation_(const Tensor& image, Variation kind, double factor, double pixel_range, Tensor& gradient);

/// Variation::Squared with lightness (luma_of, taken as three equal channels) and the colour differences from it
/// weighing apart: the value is luma_factor * that of the lightness + chroma_factor * that of the differences.
Tensor add_variation_(const Tensor& image, double luma_factor, double chroma_factor, Tensor& gradient);

}  // namespace reverie
