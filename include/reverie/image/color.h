// Colour spaces and colour matching on float32 RGB images [3,H,W] in [0,1] (sRGB), any device. Where a `weights`
// [1,H,W] in [0,1] is taken, only so much of each pixel counts; undefined: all of it. Where nothing counts, nothing is
// matched: the image comes back as it is.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// CIE L*a*b* (D65): L in [0,100]. Goes through linear light.
Tensor rgb_to_lab(const Tensor& rgb);
/// Not clamped: colours outside sRGB come out beyond [0,1].
Tensor lab_to_rgb(const Tensor& lab);

/// Rec. 709 luma of the sRGB values: [1,H,W].
Tensor luma_of(const Tensor& rgb);

/// Lightness (L*) of `image` with the chroma (a*, b*) of `colors`. Colours that sRGB does not hold lose chroma, not
/// hue or lightness, until they fit.
Tensor with_chroma_of(const Tensor& image, const Tensor& colors);

/// Grey levels `luma` [1,H,W] with the colour differences (RGB minus luma) of `colors`, kept exactly: a level that
/// would take a channel out of [0,1] is clamped to the nearest that does not (luminance-only transfer; Gatys et al.,
/// Preserving Color in Neural Artistic Style Transfer, 2016).
Tensor with_differences_of(const Tensor& luma, const Tensor& colors);

/// `image` with its RGB mean and covariance made those of `reference`, by the symmetric matrix that does it
/// (image-analogies matching in Gatys et al. 2016), clamped. A picture of one colour only changes its mean.
Tensor match_mean_covariance(const Tensor& image, const Tensor& reference, const Tensor& reference_weights = {});

/// Each channel's histogram made that of `reference`'s by matching ranks, 16-bit fine and without banding.
Tensor match_histogram(const Tensor& image, const Tensor& reference, const Tensor& reference_weights = {});

/// `content` with the Lab mean and covariance of `style` (Reinhard et al. 2001, with the full covariance); colours that
/// sRGB does not hold lose chroma as in with_chroma_of.
Tensor transfer_color(const Tensor& content, const Tensor& style, const Tensor& content_weights = {});

}  // namespace reverie
