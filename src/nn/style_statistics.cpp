#include "reverie/nn/style_statistics.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "nn/frozen/row_products.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

// Sums over so many positions are taken in float32 and added up in float64. A block's error is a few 1e-7 of its sum
// (the matrix product itself adds up in blocks of some hundred), errors of different blocks are independent, and the
// total over blocks is exact: second moments are good to 1e-6 at any size, where plain float32 sums over the 50 million
// positions of a large picture would not be. Converting the features themselves to float64 would double their memory.
constexpr std::int64_t kBlockRows = 16384;

// Fewer positions than channels: the covariance is singular, and what W2 says of the directions it lacks hangs on the
// ridge, which may be near the rounding errors of float32. So few take no time in float64.
at::ScalarType summing_type(const Tensor& rows) { return rows.size(0) <= rows.size(1) ? at::kDouble : at::kFloat; }

Tensor symmetric(const Tensor& matrix) { return 0.5 * (matrix + matrix.t()); }

Tensor covariance(const Tensor& mean, const Tensor& second) { return second - mean.outer(mean); }

/// Standard deviations with the ridge, never so small that dividing by them could overflow.
Tensor deviations(const Tensor& mean, const Tensor& second, double ridge) {
    constexpr double kTiny = 1e-12;
    return ((second.diagonal() - mean.square()).clamp_min(0.0) + ridge).sqrt().clamp_min(kTiny);
}

/// How many of the eigenvalues, which ascend, hold no more than is left beside `share` of their sum; never all.
std::int64_t lesser_directions(const Tensor& values, double share) {
    if (share >= 1.0) {
        return 0;
    }
    const Tensor sums = values.clamp_min(0.0).cumsum(0);
    return std::min((sums <= (1.0 - share) * sums[-1]).sum().item<std::int64_t>(), values.numel() - 1);
}

[[noreturn]] void throw_not_finite() {
    throw Error(ErrorKind::Usage, "the picture is no longer made of numbers; try a smaller {--step-size}");
}

/// On a GPU this is where it shows that a matrix is not finite: looking at it before would make the host wait.
std::tuple<Tensor, Tensor> eigen_of(const Tensor& matrix) {
    try {
        return at::linalg_eigh(matrix);
    } catch (const c10::LinAlgError&) {
        throw_not_finite();
    }
}

}  // namespace

Tensor rows_of(const Tensor& features) { return features[0].permute({1, 2, 0}).reshape({-1, features.size(1)}); }

void Moments::add(const Tensor& rows, const Tensor& weights) {
    add(rows, weights, weights.defined() ? weights.sum(at::kDouble).item<double>() : static_cast<double>(rows.size(0)));
}

void Moments::add(const Tensor& rows, const Tensor& weights, double sum_of_weights) {
    require_rows(rows, "what moments are taken of", first.defined() ? first.numel() : 0);
    const std::int64_t positions = rows.size(0);
    const std::int64_t channels = rows.size(1);
    if (weights.defined() && (weights.dim() != 1 || weights.numel() != positions)) {
        throw Error(ErrorKind::Usage, "the weights of " + std::to_string(positions) + " positions are " +
                                          tensor_text(weights) + "; wanted one for each");
    }
    if (!first.defined()) {
        first = at::zeros({channels}, rows.options().dtype(at::kDouble));
        second = at::zeros({channels, channels}, rows.options().dtype(at::kDouble));
    }
    weight += sum_of_weights;
    if (summing_type(rows) == at::kFloat && frozen::takes_rows(rows)) {
        const Tensor dense = rows.contiguous();
        frozen::add_moments_(first, second, weights.defined() ? dense * weights.unsqueeze(1) : dense, dense);
        return;
    }
    for (std::int64_t start = 0; start < positions; start += kBlockRows) {
        const std::int64_t count = std::min(kBlockRows, positions - start);
        const Tensor block = rows.narrow(0, start, count).to(summing_type(rows));
        const Tensor weighted = weights.defined() ? block * weights.narrow(0, start, count).unsqueeze(1) : block;
        first.add_(weighted.sum(0));
        second.add_(weighted.t().mm(block));
    }
}

Moments Moments::means() const {
    if (empty()) {
        return *this;
    }
    return {first / weight, symmetric(second) / weight, 1.0};
}

void Moments::blend(const Moments& other, double share) {
    if (other.empty()) {
        return;
    }
    first = first.defined() ? first + share * other.first : share * other.first;
    second = second.defined() ? second + share * other.second : share * other.second;
    weight += share * other.weight;
}

StyleTarget::StyleTarget(StyleStatistic statistic, const Moments& target, double scale, double ridge, double share)
    : statistic_(statistic),
      scale_(scale),
      ridge_(ridge),
      mean_(target.first * scale),
      second_(target.second * (scale * scale)) {
    // Covariances are differences: a ridge below their rounding errors would not keep them positive.
    constexpr double kRounding = 1e-15;
    ridge_ = std::max(ridge_, kRounding * second_.diagonal().sum().item<double>());
    if (statistic_ == StyleStatistic::W2) {
        covariance_ = covariance(mean_, second_);
        covariance_.diagonal().add_(ridge_);
        const auto [values, vectors] = at::linalg_eigh(covariance_);
        const Tensor deviations = values.clamp_min(ridge_).sqrt();
        const std::int64_t rest = lesser_directions(values, share);
        const std::int64_t main = values.numel() - rest;
        if (rest == 0) {
            root_ = vectors.matmul(deviations.unsqueeze(1) * vectors.t());
        } else {
            root_ = (vectors * deviations).narrow(1, rest, main).contiguous();
            rest_ = vectors.narrow(1, 0, rest).contiguous();
            rest_deviations_ = deviations.narrow(0, 0, rest).contiguous();
        }
    }
}

StyleDistance StyleTarget::distance(const Moments& moments) const {
    const Tensor mean = moments.first * scale_;
    const Tensor second = moments.second * (scale_ * scale_);
    const auto channels = static_cast<double>(mean.numel());
    if (second.is_cpu() && !second.isfinite().all().item<bool>()) {
        throw_not_finite();
    }

    // `to_mean` and `to_second`: derivatives with respect to the scaled means.
    Tensor value;
    Tensor to_mean;
    Tensor to_second;
    if (statistic_ == StyleStatistic::Gram) {
        const Tensor difference = second - second_;
        value = difference.square().mean();
        to_mean = at::zeros_like(mean);
        to_second = difference * (2.0 / (channels * channels));
    } else if (statistic_ == StyleStatistic::MeanStd) {
        const Tensor shift = mean - mean_;
        const Tensor deviation = deviations(mean, second, ridge_);
        const Tensor stretch = deviation - deviations(mean_, second_, ridge_);
        const Tensor to_variance = stretch / deviation;
        value = (shift.square() + stretch.square()).mean();
        to_mean = (shift - to_variance * mean) * (2.0 / channels);
        to_second = to_variance.diag() / channels;
    } else {
        const Tensor shift = mean - mean_;
        Tensor own = covariance(mean, second);
        own.diagonal().add_(ridge_);
        const auto [values, vectors] = eigen_of((rest_.defined() ? root_.t() : root_).matmul(own).matmul(root_));
        // Both covariances are at least the ridge, so no eigenvalue is truly below its square; and none is known better
        // than to the rounding of the largest, which bounds the derivative where a covariance is singular.
        constexpr double kSmallest = 1e-200;
        const Tensor true_values = values.clamp_min(ridge_ * ridge_);
        const Tensor resolved =
            at::maximum(true_values, (values.max() * std::numeric_limits<double>::epsilon()).clamp_min(kSmallest));
        Tensor overlap = true_values.sqrt().sum();
        const Tensor half = root_.matmul(vectors * resolved.pow(-0.25));  // half half^T = A^1/2 M^-1/2 A^1/2
        to_second = half.matmul(half.t()).neg_();
        if (rest_.defined()) {
            const Tensor own_deviations =
                (own.matmul(rest_) * rest_).sum(0).clamp_min(std::max(ridge_, kSmallest)).sqrt();
            overlap = overlap + rest_deviations_.dot(own_deviations);
            to_second.sub_((rest_ * (rest_deviations_ / own_deviations)).matmul(rest_.t()));
        }
        value = (shift.square().sum() + own.diagonal().sum() + covariance_.diagonal().sum() - 2.0 * overlap) / channels;
        to_second.diagonal().add_(1.0);
        to_second.div_(channels);
        to_mean = shift * (2.0 / channels) - 2.0 * to_second.mv(mean);
    }
    return {value, to_mean * scale_, symmetric(to_second) * (scale_ * scale_)};
}

void add_rows_gradient_(Tensor& gradient, const Tensor& rows, const Tensor& weights, const StyleDistance& distance,
                        double factor, bool begun) {
    const at::ScalarType type = summing_type(rows);
    const Tensor linear = (distance.second * (2.0 * factor)).to(type);
    const Tensor constant = (distance.first * factor).to(type);
    if (!weights.defined() && type == at::kFloat && frozen::takes_rows(rows) && frozen::takes_rows(gradient)) {
        frozen::multiply_rows_(gradient, rows, linear, constant, begun);
        return;
    }
    Tensor part = at::addmm(constant, rows.to(type), linear).to(at::kFloat);
    if (weights.defined()) {
        part.mul_(weights.unsqueeze(1));
    }
    begun ? gradient.add_(part) : gradient.copy_(part);
}

}  // namespace reverie
