#include "reverie/image/color.h"

#include <ATen/ATen.h>

#include "image/color_pixels.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace image {
namespace {

// Linear sRGB to XYZ and back (IEC 61966-2-1: Rec. 709 primaries, white at x = 0.3127, y = 0.3290), each of X, Y and Z
// divided by the white's, so that every row of the first sums to 1 and greys have no chroma. The digits are those of
// tests/parity/make_color_references.py.
constexpr Matrix3 kWhiteXyzOfRgb = {{{0.433887345566040, 0.376224009137499, 0.189888645296461},
                                     {0.212639005871510, 0.715168678767756, 0.072192315360734},
                                     {0.017750040070973, 0.109447620855239, 0.872802339073788}}};
constexpr Matrix3 kRgbOfWhiteXyz = {{{3.080399090679464, -1.537383177570094, -0.543015913109371},
                                     {-0.921223358860277, 1.875967501507721, 0.045255857352556},
                                     {0.052873938970365, -0.203976958888977, 1.151103019918612}}};

// CIE 15: f is a cube root above delta^3 and its tangent below.
constexpr double kDelta = 6.0 / 29.0;
constexpr double kDeltaSlope = 3.0 * kDelta * kDelta;
constexpr double kOffset = 4.0 / 29.0;

Tensor linear_of(const Tensor& rgb) {
    return at::where(rgb > 0.04045, ((rgb.clamp_min(0.04045) + 0.055) / 1.055).pow_(2.4), rgb / 12.92);
}

Tensor rgb_of_linear(const Tensor& linear) {
    constexpr double kKnee = 0.0031308;
    return at::where(linear > kKnee, linear.clamp_min(kKnee).pow_(1.0 / 2.4).mul_(1.055).sub_(0.055), linear * 12.92);
}

Tensor linear_of_lab(const Tensor& lab) {
    const Tensor fy = (lab[0] + 16.0) / 116.0;
    const Tensor f = at::stack({fy + lab[1] / 500.0, fy, fy - lab[2] / 200.0});
    return mix(at::where(f > kDelta, f * f * f, (f - kOffset) * kDeltaSlope), kRgbOfWhiteXyz);
}

/// Whether sRGB holds each colour, but for rounding. Linear [3,N] -> bool [N].
Tensor fits(const Tensor& linear) {
    constexpr double kRounding = 1e-6;
    return ((linear >= -kRounding) & (linear <= 1.0 + kRounding)).all(0);
}

Tensor with_chroma_scaled(const Tensor& lab, const Tensor& scale) {
    return at::stack({lab[0], lab[1] * scale, lab[2] * scale});
}

/// The largest chroma that fits, by bisection between grey, which does, and the colour, which does not.
Tensor with_fitting_chroma(const Tensor& lab) {
    constexpr int kHalvings = 20;  // far below a 16-bit step
    Tensor low = at::zeros_like(lab[0]);
    Tensor high = at::ones_like(low);
    for (int i = 0; i < kHalvings; ++i) {
        const Tensor middle = (low + high) / 2.0;
        const Tensor fitting = fits(linear_of_lab(with_chroma_scaled(lab, middle)));
        low = at::where(fitting, middle, low);
        high = at::where(fitting, high, middle);
    }
    return with_chroma_scaled(lab, low);
}

}  // namespace

Tensor pixels_of(const Tensor& image) {
    if (!image.defined() || image.dim() != 3 || image.size(0) != 3 || image.numel() == 0 ||
        !image.is_floating_point()) {
        throw Error(ErrorKind::Usage,
                    "what colours are taken from is " + tensor_text(image) + "; wanted floating-point [3,H,W]");
    }
    return image.detach().reshape({3, -1}).contiguous();
}

Tensor mix(const Tensor& pixels, const Matrix3& matrix) {
    const auto weighted = [&](const std::array<double, 3>& row) {
        return (pixels[0] * row[0]).add_(pixels[1], row[1]).add_(pixels[2], row[2]);
    };
    return at::stack({weighted(matrix[0]), weighted(matrix[1]), weighted(matrix[2])});
}

Tensor lab_of(const Tensor& rgb) {
    constexpr double kKnee = kDelta * kDelta * kDelta;
    const Tensor t = mix(linear_of(rgb), kWhiteXyzOfRgb);
    const Tensor f = at::where(t > kKnee, t.clamp_min(kKnee).pow_(1.0 / 3.0), t / kDeltaSlope + kOffset);
    return at::stack({116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])});
}

Tensor rgb_of(const Tensor& lab) { return rgb_of_linear(linear_of_lab(lab)); }

Tensor fitted_rgb_of(const Tensor& lab) {
    Tensor fitted = lab.clone();
    fitted[0].clamp_(0.0, 100.0);
    const Tensor outside = fits(linear_of_lab(fitted)).logical_not().nonzero().squeeze(1);
    if (outside.numel() > 0) {
        fitted.index_copy_(1, outside, with_fitting_chroma(fitted.index_select(1, outside)));
    }
    return rgb_of(fitted).clamp_(0.0, 1.0);
}

}  // namespace image

namespace {

/// `colors` made one by one into others.
template <typename Convert>
Tensor converted(const Tensor& colors, const Convert& convert) {
    const Tensor from = image::pixels_of(colors);
    const Tensor to = at::empty_like(from);
    image::for_bands(from.size(1), [&](std::int64_t first, std::int64_t count) {
        to.narrow(1, first, count).copy_(convert(from.narrow(1, first, count)));
    });
    return to.view(colors.sizes());
}

void check_same_size(const Tensor& a, const Tensor& b) {
    if (a.dim() != 3 || b.dim() != 3 || a.size(-2) != b.size(-2) || a.size(-1) != b.size(-1)) {
        throw Error(ErrorKind::Usage, "colours of " + tensor_text(b) + " are wanted on " + tensor_text(a) +
                                          "; wanted pictures of one size");
    }
}

}  // namespace

Tensor rgb_to_lab(const Tensor& rgb) { return converted(rgb, image::lab_of); }
Tensor lab_to_rgb(const Tensor& lab) { return converted(lab, image::rgb_of); }

Tensor luma_of(const Tensor& rgb) {
    return (rgb.narrow(0, 0, 1) * 0.2126).add_(rgb.narrow(0, 1, 1), 0.7152).add_(rgb.narrow(0, 2, 1), 0.0722);
}

Tensor with_chroma_of(const Tensor& image, const Tensor& colors) {
    check_same_size(image, colors);
    const Tensor lightness = image::pixels_of(image);
    const Tensor chroma = image::pixels_of(colors);
    const Tensor result = at::empty_like(lightness);
    image::for_bands(lightness.size(1), [&](std::int64_t first, std::int64_t count) {
        Tensor lab = image::lab_of(chroma.narrow(1, first, count));
        lab[0] = image::lab_of(lightness.narrow(1, first, count))[0];
        result.narrow(1, first, count).copy_(image::fitted_rgb_of(lab));
    });
    return result.view(image.sizes());
}

Tensor with_differences_of(const Tensor& luma, const Tensor& colors) {
    check_same_size(luma, colors);
    const Tensor levels = luma.detach().reshape({1, -1});
    const Tensor from = image::pixels_of(colors);
    const Tensor result = at::empty_like(from);
    image::for_bands(from.size(1), [&](std::int64_t first, std::int64_t count) {
        const Tensor rgb = from.narrow(1, first, count);
        const Tensor differences = rgb - luma_of(rgb);
        const Tensor level =
            levels.narrow(1, first, count).clamp(-differences.amin(0, true), 1.0 - differences.amax(0, true));
        result.narrow(1, first, count).copy_((level + differences).clamp_(0.0, 1.0));  // clamps rounding only
    });
    return result.view(colors.sizes());
}

}  // namespace reverie
