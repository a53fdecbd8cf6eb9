#include "reverie/optimize/gradient_transform.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace reverie {
namespace {

/// Keeps a division by the size of an all-zero gradient finite.
constexpr double kTiny = 1e-12;

/// The functions of LibTorch below want a batch.
Tensor batched(const Tensor& x) { return x.dim() == 3 ? x.unsqueeze(0) : x; }
Tensor like(const Tensor& result, const Tensor& original) { return original.dim() == 3 ? result.squeeze(0) : result; }

std::array<std::int64_t, 2> sides(const Tensor& x) { return {x.size(-2), x.size(-1)}; }

// The pyramid's two steps.
bool can_halve(const Tensor& x) {
    constexpr std::int64_t kSmallest = 8;
    return std::min(x.size(2), x.size(3)) >= kSmallest;
}
Tensor halve(const Tensor& x) {
    const std::array<std::int64_t, 2> half = {(x.size(2) + 1) / 2, (x.size(3) + 1) / 2};
    return at::_upsample_bilinear2d_aa(x, half, /*align_corners=*/false);
}
Tensor enlarge(const Tensor& x, std::array<std::int64_t, 2> size) {
    return at::upsample_bilinear2d(x, size, /*align_corners=*/false);
}

/// Correlates one axis (2 or 3) with an odd kernel, mirrored at the borders. A library's convolution would lay three
/// channels out as sixteen, in memory that a picture has not to spare.
Tensor filter_axis(const Tensor& x, const std::vector<double>& kernel, std::int64_t axis) {
    const auto radius = static_cast<std::int64_t>(kernel.size()) / 2;
    const bool rows = axis == 2;
    const std::array<std::int64_t, 4> pad = {rows ? 0 : radius, rows ? 0 : radius, rows ? radius : 0,
                                             rows ? radius : 0};
    const Tensor padded = at::reflection_pad2d(x, pad);
    Tensor sum = padded.narrow(axis, 0, x.size(axis)) * kernel.front();
    for (std::size_t k = 1; k < kernel.size(); ++k) {
        sum.add_(padded.narrow(axis, static_cast<std::int64_t>(k), x.size(axis)), kernel[k]);
    }
    return sum;
}

std::vector<double> gaussian_kernel(double sigma, std::int64_t radius) {
    std::vector<double> values;
    double sum = 0.0;
    for (std::int64_t t = -radius; t <= radius; ++t) {
        const auto distance = static_cast<double>(t);
        values.push_back(std::exp(-distance * distance / (2.0 * sigma * sigma)));
        sum += values.back();
    }
    for (double& value : values) {
        value /= sum;
    }
    return values;
}

/// Rows: red, green, blue; columns: the directions of the decorrelated basis, strongest first.
Tensor decorrelated_basis() {
    return at::tensor({0.26, 0.09, 0.02, 0.27, 0.00, -0.05, 0.27, -0.09, 0.03}, at::kDouble).view({3, 3});
}

ColorMatrix matrix_of(const Tensor& values) {
    ColorMatrix result{};
    for (std::size_t o = 0; o < 3; ++o) {
        for (std::size_t c = 0; c < 3; ++c) {
            result[o][c] = values[static_cast<std::int64_t>(o)][static_cast<std::int64_t>(c)].item<double>();
        }
    }
    return result;
}

}  // namespace

Tensor root_mean_square(const Tensor& x) { return x.square().mean().sqrt(); }

Tensor gaussian_blur(const Tensor& image, double sigma) {
    return gaussian_blur(image, sigma, std::max<std::int64_t>(1, std::llround(3.0 * sigma)));
}

Tensor gaussian_blur(const Tensor& image, double sigma, std::int64_t radius) {
    if (sigma <= 0.0) {
        return image;
    }
    Tensor x = batched(image);
    for (const std::int64_t axis : {std::int64_t{3}, std::int64_t{2}}) {
        // Mirroring reaches at most to the other border.
        const std::int64_t reach = std::min(radius, x.size(axis) - 1);
        if (reach > 0) {
            x = filter_axis(x, gaussian_kernel(sigma, reach), axis);
        }
    }
    return like(x, image);
}

Tensor normalize_bands(const Tensor& gradient, const BandOptions& options) {
    if (options.levels <= 0) {
        return gradient;
    }
    // In their own memory: these are as large as the picture.
    const auto normalized = [](const Tensor& band) { return band.div_(root_mean_square(band) + kTiny); };
    std::vector<Tensor> bands;
    Tensor rest = batched(gradient);
    for (std::int64_t level = 0; level < options.levels && can_halve(rest); ++level) {
        const Tensor smaller = halve(rest);
        bands.push_back(rest - enlarge(smaller, sides(rest)));
        rest = smaller;
    }
    Tensor sum = rest * (options.residual / (root_mean_square(rest) + kTiny));
    for (std::size_t k = bands.size(); k-- > 0;) {
        const Tensor band = normalized(std::move(bands[k])).mul_(std::pow(options.band_ratio, static_cast<double>(k)));
        sum = enlarge(sum, sides(band)).add_(band);
    }
    return like(sum, gradient);
}

Tensor low_pass(const Tensor& image, std::int64_t levels) {
    std::vector<std::array<std::int64_t, 2>> sizes;
    Tensor x = batched(image);
    for (std::int64_t level = 0; level < levels && can_halve(x); ++level) {
        sizes.push_back(sides(x));
        x = halve(x);
    }
    for (std::size_t k = sizes.size(); k-- > 0;) {
        x = enlarge(x, sizes[k]);
    }
    return like(x, image);
}

Tensor focus(const Tensor& gradient, double power) {
    if (power <= 0.0) {
        return gradient;
    }
    constexpr std::int64_t kLevels = 4;
    constexpr double kMost = 3.0;
    Tensor local = low_pass(gradient.square().mean(-3, /*keepdim=*/true), kLevels).clamp_min_(0.0).sqrt_();
    local.div_(root_mean_square(gradient) + kTiny).pow_(power).clamp_max_(kMost);
    return gradient * local;
}

ColorMatrix natural_colors(double power) {
    const Tensor basis = decorrelated_basis();
    const auto [values, vectors] = at::linalg_eigh(basis.mm(basis.t()));
    const Tensor matrix = vectors.mm(at::diag(values.clamp_min(kTiny).pow(power))).mm(vectors.t());
    return matrix_of(matrix / (matrix.sum() / 3.0));
}

ColorMatrix color_directions() {
    const Tensor basis = decorrelated_basis();
    return matrix_of(basis / basis.square().sum(0).max().sqrt());
}

ColorMatrix luma_colors() {
    constexpr std::array<double, 3> weights = {0.2126, 0.7152, 0.0722};
    return {weights, weights, weights};
}

Tensor ColorMixer::operator()(const Tensor& gradient) {
    if (!kernel_.defined() || kernel_.device() != gradient.device()) {
        std::vector<double> flat;
        for (const auto& row : matrix_) {
            flat.insert(flat.end(), row.begin(), row.end());
        }
        kernel_ = at::tensor(flat, at::kFloat).view({3, 3}).to(gradient.device());
    }
    return at::matmul(kernel_, gradient.flatten(-2)).view_as(gradient);
}

Tensor mix_colors(const Tensor& gradient, const ColorMatrix& matrix) { return ColorMixer(matrix)(gradient); }

}  // namespace reverie
