// What happens to an image gradient between the objective and the step: pure functions that chain. All take and give
// [3,H,W] or [N,3,H,W], float32, on any device.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "reverie/core/tensor.h"

namespace reverie {

/// One link of the chain.
using GradientTransform = std::function<Tensor(const Tensor& gradient)>;

/// sqrt(mean(x^2)) over everything, as a scalar tensor on x's device (nothing is read back).
Tensor root_mean_square(const Tensor& x);

/// Gaussian of that sigma in pixels, cut at 3 sigma, mirrored at the borders; sigma <= 0 returns the input.
Tensor gaussian_blur(const Tensor& image, double sigma);

/// The same, cut at so many pixels.
Tensor gaussian_blur(const Tensor& image, double sigma, std::int64_t radius);

struct BandOptions {
    std::int64_t levels = 4;  ///< bands of the Laplacian pyramid, finest first; 0: the gradient is left alone
    double band_ratio = 1.0;  ///< strength of each band relative to the next finer one
    double residual = 0.0;    ///< strength of what is left below the coarsest band (overall brightness and colour)
};

/// Laplacian-pyramid gradient normalisation (Mordvintsev, DeepDream with TensorFlow, 2016): every band is brought to
/// the same root mean square, so large shapes are as strong as fine ones. A level halves each side, rounding up, by an
/// antialiased triangle filter; levels end where a side would fall below 8.
Tensor normalize_bands(const Tensor& gradient, const BandOptions& options);

/// What is left of an image below so many levels of the same pyramid, at the image's own size: local means.
Tensor low_pass(const Tensor& image, std::int64_t levels);

/// Gathers a gradient where it is strong: every pixel times (local root mean square / that of all) to a power, the
/// local one over about 16 pixels, at most 3 times. 0: the gradient itself.
Tensor focus(const Tensor& gradient, double power);

using ColorMatrix = std::array<std::array<double, 3>, 3>;

/// The colour covariance of natural photographs (the matrix of Olah, Mordvintsev, Schubert: Feature Visualization,
/// Distill 2017, times its transpose) to a power, scaled so that grey keeps its size: 0 is the identity, 1 the
/// covariance itself.
ColorMatrix natural_colors(double power = 1.0);

/// The columns are directions in which the colours of natural photographs vary independently of each other, strongest
/// first, of which the first is 1 long (the matrix of Olah et al.): it makes colours of what is decorrelated.
ColorMatrix color_directions();

/// Onto lightness alone: every channel becomes their Rec. 709 weighted sum, scaled so that grey keeps its size.
ColorMatrix luma_colors();

/// out[o] = sum over c of matrix[o][c] * in[c]. The matrix goes to the gradients' device once.
class ColorMixer {
  public:
    explicit ColorMixer(const ColorMatrix& matrix) : matrix_(matrix) {}
    Tensor operator()(const Tensor& gradient);

  private:
    ColorMatrix matrix_;
    Tensor kernel_;
};

/// The same once.
Tensor mix_colors(const Tensor& gradient, const ColorMatrix& matrix);

}  // namespace reverie
