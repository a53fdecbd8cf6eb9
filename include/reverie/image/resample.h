// Resampling with antialiasing: the filter is widened by the scale when shrinking, as Pillow and image editors do.
#pragma once

#include "reverie/core/size.h"

namespace reverie {

enum class Resample {
    Area,     ///< the exact mean over the covered area (Pillow's BOX has whole samples only); steps when enlarging
    Bicubic,  ///< a = -0.5 (Catmull-Rom), Pillow's BICUBIC to rounding
    Lanczos,  ///< a = 3, Pillow's LANCZOS to rounding
};

/// [C,H,W] or [N,C,H,W] on any device, float32 in and out; separable, weights in double, borders renormalised. Bicubic
/// and Lanczos may overshoot [0,1]; clamp where that matters. The same size returns the image itself. Data only: on the
/// CPU no gradient flows through. Spell `Size{...}` in calls: bare braces are ambiguous with at::resize.
Tensor resize(const Tensor& image, Size size, Resample filter = Resample::Bicubic);

/// The size with the longest side brought to `longest`, aspect kept, each side at least 1.
Size fit_longest(Size size, std::int64_t longest);

/// The size brought to the largest that fits into `box`, likewise.
Size fit_into(Size size, Size box);

}  // namespace reverie
