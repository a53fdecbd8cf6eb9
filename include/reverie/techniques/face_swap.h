// What a mask holds of one picture, put into another without a seam.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

enum class SwapBlend {
    Poisson,    ///< gradients are kept, colours taken from around (Perez et al. 2003)
    MultiBand,  ///< Laplacian pyramid (Burt, Adelson 1983)
};

/// An oval over the inner face (eyes, nose, mouth) of a portrait cropped to the face, feathered: [1,H,W] in [0,1],
/// exactly 1 within and 0 in the corners.
Tensor face_mask(std::int64_t height, std::int64_t width);

/// `inside` where the mask [1,H,W] is 1, `outside` where it is 0; [1|3,H,W] in [0,1], all of one size. Where the mask
/// is exactly 0 the result is `outside` to the bit; between, gradients (Poisson) or bands are mixed. Throws Usage for
/// shapes that differ or an empty mask.
Tensor blend_inside(const Tensor& inside, const Tensor& outside, const Tensor& mask, SwapBlend blend);

}  // namespace reverie
