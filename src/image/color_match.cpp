#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <vector>

#include "image/color_pixels.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/image/color.h"

namespace reverie {
namespace {

using image::for_bands;
using image::Matrix3;
using image::pixels_of;

/// [1,H,W] -> [H*W], or undefined where all counts.
Tensor weights_of(const Tensor& weights, const Tensor& pixels) {
    if (!weights.defined()) {
        return {};
    }
    if (weights.numel() != pixels.size(1)) {
        throw Error(ErrorKind::Usage, "the weights of " + std::to_string(pixels.size(1)) + " pixels are " +
                                          tensor_text(weights) + "; wanted one for each");
    }
    return weights.detach().reshape({-1});
}

Tensor unchanged(const Tensor& band) { return band; }

/// Float64 on the CPU: mean [3] and covariance [3,3] of the colours; undefined where nothing counts.
struct Moments {
    Tensor mean;
    Tensor covariance;
};

template <typename Convert>
Moments moments_of(const Tensor& pixels, const Tensor& weights, const Convert& convert) {
    const at::TensorOptions wide = pixels.options().dtype(at::kDouble);
    const Tensor first_moments = at::zeros({3}, wide);
    const Tensor second_moments = at::zeros({3, 3}, wide);
    const Tensor total = at::zeros({}, wide);
    for_bands(pixels.size(1), [&](std::int64_t first, std::int64_t count) {
        const Tensor colors = convert(pixels.narrow(1, first, count)).to(at::kDouble);
        const Tensor counted = weights.defined() ? colors * weights.narrow(0, first, count) : colors;
        first_moments.add_(counted.sum(1));
        second_moments.add_(counted.mm(colors.t()));
        total.add_(weights.defined() ? weights.narrow(0, first, count).sum(at::kDouble)
                                     : at::scalar_tensor(count, wide));
    });
    if (total.item<double>() <= 0.0) {
        return {};
    }
    const Tensor mean = (first_moments / total).cpu();
    return {mean, (second_moments / total).cpu() - at::outer(mean, mean)};
}

/// A power of a symmetric matrix without negative eigenvalues, but for rounding.
Tensor power_of(const Tensor& symmetric, double power) {
    const auto [values, vectors] = at::linalg_eigh(symmetric);
    return (vectors * values.clamp_min(0.0).pow(power)).mm(vectors.t());
}

/// The affine map of colours that makes one's moments the other's: optimal transport between Gaussians,
/// S^-1/2 (S^1/2 R S^1/2)^1/2 S^-1/2. Of all linear maps that do, the symmetric one moves colours least.
class MomentMap {
  public:
    /// `unit`: the value of full white. Both covariances are taken with the variance of rounding to 8 bits on top:
    /// what varies by less is no colour to be amplified, and singular covariances have an inverse.
    MomentMap(const Moments& from, const Moments& to, double unit) {
        const double step = unit / 255.0;
        const Tensor rounding = at::eye(3, from.covariance.options()) * (step * step / 12.0);
        const Tensor s = from.covariance + rounding;
        const Tensor root = power_of(s, 0.5);
        const Tensor inverse_root = power_of(s, -0.5);
        const Tensor map = inverse_root.mm(power_of(root.mm(to.covariance + rounding).mm(root), 0.5)).mm(inverse_root);
        for (std::size_t o = 0; o < 3; ++o) {
            for (std::size_t c = 0; c < 3; ++c) {
                matrix_[o][c] = map[static_cast<std::int64_t>(o)][static_cast<std::int64_t>(c)].item<double>();
            }
        }
        from_ = from.mean.unsqueeze(1);
        to_ = to.mean.unsqueeze(1);
    }

    Tensor operator()(const Tensor& pixels) const {
        return image::mix(pixels - from_.to(pixels.options()), matrix_).add_(to_.to(pixels.options()));
    }

  private:
    Matrix3 matrix_{};
    Tensor from_;
    Tensor to_;
};

/// `image` with every colour mapped.
template <typename Map>
Tensor mapped(const Tensor& image, const Map& map) {
    const Tensor from = pixels_of(image);
    const Tensor to = at::empty_like(from);
    for_bands(from.size(1), [&](std::int64_t first, std::int64_t count) {
        to.narrow(1, first, count).copy_(map(from.narrow(1, first, count)));
    });
    return to.view(image.sizes());
}

// Histograms have a bin for each value of 16 bits.
constexpr std::int64_t kLast = 65535;
constexpr std::int64_t kBins = kLast + 1;

/// Float64 [kBins] on the CPU, where sums are made in one order.
Tensor histogram_of(const Tensor& channel, const Tensor& weights) {
    Tensor histogram = at::zeros({kBins}, at::kDouble);
    for_bands(channel.size(0), [&](std::int64_t first, std::int64_t count) {
        const Tensor values = channel.narrow(0, first, count).clamp(0.0, 1.0).mul_(kLast).round_();
        histogram.add_(at::bincount(
            values.to(at::kCPU, at::kLong),
            weights.defined() ? weights.narrow(0, first, count).to(at::kCPU, at::kDouble) : Tensor{}, kBins));
    });
    return histogram;
}

/// A continuous curve through points whose x do not fall, evaluated at x that do not fall; level outside.
class Curve {
  public:
    void add(double x, double y) { points_.push_back({x, y}); }
    double operator()(double x) {
        while (next_ < points_.size() && points_[next_].x < x) {
            ++next_;
        }
        if (next_ == 0 || next_ == points_.size()) {
            return next_ == 0 ? points_.front().y : points_.back().y;
        }
        const Point& a = points_[next_ - 1];
        const Point& b = points_[next_];
        return a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x);
    }

  private:
    struct Point {
        double x;
        double y;
    };
    std::vector<Point> points_;
    std::size_t next_ = 0;
};

/// A value that occurs, in [0,1], and the share of all pixels below it and up to it.
struct Level {
    double value;
    double below;
    double up_to;
    double rank() const { return (below + up_to) / 2.0; }
};

std::vector<Level> levels_of(const Tensor& histogram) {
    const auto total = histogram.sum().item<double>();
    const auto* counts = histogram.data_ptr<double>();
    std::vector<Level> levels;
    double sum = 0.0;
    for (std::int64_t i = 0; i < kBins; ++i) {
        if (counts[i] > 0.0) {
            const double below = sum / total;
            sum += counts[i];
            levels.push_back({static_cast<double>(i) / kLast, below, sum / total});
        }
    }
    return levels;
}

/// Rank to value. A level stands for all values halfway to its neighbours, so that ranks between two of them get
/// values between them: no banding. But gaps beyond a few 8-bit steps are true gaps, and stay empty.
Curve values_by_rank(const std::vector<Level>& levels) {
    constexpr double kReach = 2.0 / 255.0;
    Curve curve;
    for (std::size_t i = 0; i < levels.size(); ++i) {
        const double value = levels[i].value;
        const double left = i > 0 ? std::min((value - levels[i - 1].value) / 2.0, kReach) : 0.0;
        const double right = i + 1 < levels.size() ? std::min((levels[i + 1].value - value) / 2.0, kReach) : 0.0;
        curve.add(levels[i].below, value - left);
        curve.add(levels[i].rank(), value);
        curve.add(levels[i].up_to, value + right);
    }
    return curve;
}

/// What each value of 16 bits becomes: [kBins + 1], the last one twice. Ties share their middle rank; what the image
/// does not hold lies on the line between what it does.
Tensor matching_table(const std::vector<Level>& image, const std::vector<Level>& reference) {
    Curve by_rank = values_by_rank(reference);
    Curve by_value;
    for (const Level& level : image) {
        by_value.add(level.value, by_rank(level.rank()));
    }
    Tensor table = at::empty({kBins + 1}, at::kFloat);
    auto* entries = table.data_ptr<float>();
    for (std::int64_t i = 0; i <= kBins; ++i) {
        entries[i] = static_cast<float>(by_value(static_cast<double>(std::min(i, kLast)) / kLast));
    }
    return table;
}

/// The table's values at the pixels [N], interpolated.
Tensor looked_up(const Tensor& table, const Tensor& channel) {
    const Tensor position = channel.clamp(0.0, 1.0).mul_(kLast);
    const Tensor entry = position.floor();
    const Tensor index = entry.to(at::kLong);
    return at::lerp(table.index_select(0, index), table.index_select(0, index + 1), position - entry);
}

}  // namespace

Tensor match_mean_covariance(const Tensor& image, const Tensor& reference, const Tensor& reference_weights) {
    const Tensor wanted = pixels_of(reference);
    const Moments to = moments_of(wanted, weights_of(reference_weights, wanted), unchanged);
    if (!to.mean.defined()) {
        return image;
    }
    const MomentMap map(moments_of(pixels_of(image), {}, unchanged), to, 1.0);
    return mapped(image, [&](const Tensor& rgb) { return map(rgb).clamp_(0.0, 1.0); });
}

Tensor match_histogram(const Tensor& image, const Tensor& reference, const Tensor& reference_weights) {
    const Tensor from = pixels_of(image);
    const Tensor wanted = pixels_of(reference);
    const Tensor weights = weights_of(reference_weights, wanted);
    const Tensor result = at::empty_like(from);
    for (std::int64_t c = 0; c < 3; ++c) {
        const std::vector<Level> levels = levels_of(histogram_of(wanted[c], weights));
        if (levels.empty()) {
            return image;
        }
        const Tensor table = matching_table(levels_of(histogram_of(from[c], {})), levels).to(from.options());
        for_bands(from.size(1), [&](std::int64_t first, std::int64_t count) {
            result[c].narrow(0, first, count).copy_(looked_up(table, from[c].narrow(0, first, count)));
        });
    }
    return result.view(image.sizes());
}

Tensor transfer_color(const Tensor& content, const Tensor& style, const Tensor& content_weights) {
    const Tensor from = pixels_of(content);
    const Moments moments = moments_of(from, weights_of(content_weights, from), image::lab_of);
    if (!moments.mean.defined()) {
        return content;
    }
    constexpr double kWhite = 100.0;
    const MomentMap map(moments, moments_of(pixels_of(style), {}, image::lab_of), kWhite);
    return mapped(content, [&](const Tensor& rgb) { return image::fitted_rgb_of(map(image::lab_of(rgb))); });
}

}  // namespace reverie
