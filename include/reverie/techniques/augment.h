// Differentiable augmentation of what a discriminator sees, reals and fakes alike, so that few images do not make it
// learn them by heart (Zhao et al. 2020), each image with a probability (Karras et al. 2020).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

struct AugmentKinds {
    bool color = false;        ///< brightness +-0.5, saturation 0..2, contrast 0.5..1.5, in [-1,1]
    bool translation = false;  ///< by up to an eighth of a side, what comes in being 0
    bool cutout = false;       ///< a rectangle becomes 0
    double cutout_side = 0.5;  ///< its sides, as a share of the image's
    friend bool operator==(const AugmentKinds&, const AugmentKinds&) = default;
    bool any() const { return color || translation || cutout; }
};

/// "color,translation,cutout" in any order, with the usual cutout. Throws Usage, naming --augment.
AugmentKinds augment_kinds(const std::string& text);
std::string text_of(const AugmentKinds& kinds);

/// Images [N,C,H,W] in [-1,1] (grey has no saturation; a fourth channel, alpha, is moved and cut but not coloured).
/// Each kind happens to an image with `probability` (a scalar tensor on the images' device) of its own; image i of the
/// batch draws from (seed, stream, first + i), so the same call gives the same changes. Differentiable in `images`.
Tensor augmented(const Tensor& images, const AugmentKinds& kinds, const Tensor& probability, std::uint64_t seed,
                 std::uint64_t stream, std::int64_t first);

}  // namespace reverie
