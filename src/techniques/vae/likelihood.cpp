#include "reverie/techniques/likelihood.h"
#include "core/precision.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "models/held.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "techniques/vae/perceptual_distance.h"

namespace reverie {
namespace {

/// Learned scales stay between a quarter of a level of 8-bit images and many times their range.
constexpr double kLeastLogScale = -7.0;
constexpr double kMostLogScale = 5.0;
/// First ones: a Gaussian's is replaced at once; a logistic's heavy tails bear a beginning far from images.
constexpr double kFirstGaussian = -1.7;
constexpr double kFirstLogistic = -3.0;
constexpr double kFollowing = 0.02;  // share of a batch's logarithm in the running mean

Tensor sum_of_each(const Tensor& values) { return values.flatten(1).sum(1); }

/// -(x - mean)^2 / (2 s^2) - log s - log(2 pi) / 2, summed.
Tensor gaussian(const Tensor& means, const Tensor& images, const Tensor& log_scale) {
    const double constant = 0.5 * std::log(2.0 * std::numbers::pi);
    const auto values = static_cast<double>(images[0].numel());
    const Tensor squares = sum_of_each((images - means).square());
    return -0.5 * squares * at::exp(-2.0 * log_scale) - values * (log_scale + constant);
}

/// log of the root mean square of the errors.
Tensor best_log_scale(const Tensor& means, const Tensor& images, const Ranks& ranks) {
    const c10::NoGradGuard no_grad;
    return (0.5 * at::log(ranks.mean((images - means).square().mean()))).clamp(kLeastLogScale, kMostLogScale);
}

/// The mass that a logistic distribution gives to an image's level k of 0 ... 255, with b and a the standardised ends
/// (k -+ 1/2)/255 of its bin: sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), whose logarithm loses
/// no digits however far away or narrow the bin is. The bins at the ends reach to infinity.
Tensor discretised_logistic(const Tensor& means, const Tensor& images, const Tensor& log_scales) {
    constexpr double kHalf = 0.5 / 255.0;
    const Tensor inverse = at::exp(-log_scales).view({1, -1, 1, 1});
    const Tensor centred = images - means;
    const Tensor below_upper = at::log_sigmoid((centred + kHalf) * inverse);
    const Tensor above_lower = at::log_sigmoid((kHalf - centred) * inverse);
    const Tensor both = below_upper + above_lower + at::log(-at::expm1(-2.0 * kHalf * inverse));
    return sum_of_each(at::where(images < kHalf, below_upper, at::where(images > 1.0 - kHalf, above_lower, both)));
}

constexpr std::array<std::pair<LikelihoodKind, const char*>, 5> kNames = {{{LikelihoodKind::Bernoulli, "bernoulli"},
                                                                           {LikelihoodKind::Gaussian, "gaussian"},
                                                                           {LikelihoodKind::Logistic, "logistic"},
                                                                           {LikelihoodKind::Mse, "mse"},
                                                                           {LikelihoodKind::Perceptual, "perceptual"}}};

}  // namespace

std::string text_of(LikelihoodKind kind) {
    return std::ranges::find(kNames, kind, &std::pair<LikelihoodKind, const char*>::first)->second;
}

LikelihoodKind likelihood_kind(const std::string& name) {
    for (const auto& [kind, known] : kNames) {
        if (name == known) {
            return kind;
        }
    }
    throw Error(ErrorKind::Usage, "{--likelihood} is '" + name + "'; wanted " + join(likelihood_kinds(), ", ", " or "));
}

std::vector<std::string> likelihood_kinds() {
    std::vector<std::string> names;
    for (const auto& [kind, name] : kNames) {
        names.emplace_back(name);
    }
    return names;
}

bool has_bits(LikelihoodKind kind) { return kind != LikelihoodKind::Mse && kind != LikelihoodKind::Perceptual; }

Likelihood::Likelihood(const LikelihoodOptions& options, std::shared_ptr<FrozenNet> net)
    : options_(options), net_(std::move(net)) {
    if (options.kind == LikelihoodKind::Gaussian || options.kind == LikelihoodKind::Perceptual) {
        log_scale_ = register_buffer("log_scale", at::full({}, kFirstGaussian));
    } else if (options.kind == LikelihoodKind::Logistic) {
        log_scale_ = register_parameter("log_scale", at::full({options.channels}, kFirstLogistic));
    }
}

Tensor Likelihood::log_probability(const Tensor& outputs, const Tensor& images, const Ranks& ranks) {
    const Tensor values = at_least_single(outputs);
    if (options_.kind == LikelihoodKind::Bernoulli) {
        return -sum_of_each(at::binary_cross_entropy_with_logits(values, images, {}, {}, at::Reduction::None));
    }
    const Tensor means = options_.logits ? at::sigmoid(values) : values;
    if (options_.kind == LikelihoodKind::Mse) {
        return -0.5 * sum_of_each((images - means).square());
    }
    if (options_.kind == LikelihoodKind::Logistic) {
        return discretised_logistic(means, images, held(log_scale_, kLeastLogScale, kMostLogScale));
    }
    Tensor log_scale = log_scale_;
    if (is_training()) {
        log_scale = best_log_scale(means, images, ranks);
        const c10::NoGradGuard no_grad;
        log_scale_.lerp_(log_scale, kFollowing);
    }
    Tensor density = gaussian(means, images, log_scale);
    if (options_.kind == LikelihoodKind::Perceptual && net_ != nullptr) {
        const double weight = options_.perceptual_weight * static_cast<double>(images[0].numel());
        return density - weight * perceptual_distance(*net_, means, images);
    }
    return density;
}

Tensor Likelihood::scales() const { return log_scale_.defined() ? log_scale_.detach().exp() : Tensor(); }

bool Likelihood::is_probability() const {
    return options_.kind == LikelihoodKind::Bernoulli || options_.kind == LikelihoodKind::Logistic;
}

}  // namespace reverie
