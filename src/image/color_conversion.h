// What makes sRGB of the samples that a file holds.
#pragma once

#include <cstdint>
#include <memory>

#include "reverie/core/tensor.h"

namespace reverie::image {

/// Never changes, so that pictures of one kind share it on any thread.
class ColorConversion {
  public:
    virtual ~ColorConversion() = default;
    /// One plane per colour of the file, samples in [0,1]: grey, RGB, or CMYK (1 is all ink). Out come planes of sRGB:
    /// one of grey, else three. `out` may be the same planes as `in`.
    virtual void convert(const float* const* in, float* const* out, std::int64_t count) const = 0;
};

/// None: the samples are sRGB already.
using Conversion = std::shared_ptr<const ColorConversion>;

/// [C,H,W] -> [3,H,W], or [1,H,W] of grey. Overwrites what it is given.
Tensor convert_to_srgb_(const Tensor& planes, const ColorConversion& conversion);

/// A conversion of RGB for pictures of so many colours (1 or 3), none when nothing would change by more than 1/255:
/// what a grey picture means in an RGB space are the neutral colours there.
Conversion fit_conversion(Conversion rgb, int colors);

/// The grey that a conversion makes of grey samples, looked up.
Conversion grey_conversion(const ColorConversion& conversion, int planes);

/// Whether no sample changes by more than 1/255, tried on a grid. For 1 or 3 colours.
bool changes_nothing(const ColorConversion& conversion, int colors);

/// The light that inks and black leave on white paper, for want of a profile.
Conversion plain_inks();

}  // namespace reverie::image
