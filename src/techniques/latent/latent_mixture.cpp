#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/random.h"
#include "reverie/techniques/latent_space.h"
#include "techniques/latent/latent_streams.h"

namespace reverie {
namespace {

// A component that closes in on one point would have no width and an endless likelihood.
constexpr double kSmallestVariance = 1e-4;   // of the latents' own
constexpr double kSmallestDeviation = 1e-6;  // along an axis, of the largest
constexpr double kConverged = 1e-7;          // nats a row and step

/// The index that the share `u` in [0,1) of the summed weights falls on.
std::int64_t weighted_choice(const Tensor& weights, double u) {
    const Tensor sums = weights.cumsum(0);
    const auto total = sums[-1].item<double>();
    const auto index = (sums <= u * total).sum().item<std::int64_t>();
    return std::min(index, weights.numel() - 1);
}

/// k-means++ (Arthur, Vassilvitskii 2007): each centre is a row drawn by its squared distance to those before it.
Tensor first_centers(const Tensor& rows, std::int64_t count, std::uint64_t seed) {
    std::vector<Tensor> centers;
    Tensor nearest = at::ones({rows.size(0)}, at::kDouble);
    for (std::int64_t k = 0; k < count; ++k) {
        const double u = random_uniform(seed, kClusterStream, static_cast<std::uint64_t>(k));
        centers.push_back(rows[weighted_choice(nearest, u)]);
        const Tensor distance = (rows - centers.back()).square().sum(1);
        nearest = k == 0 ? distance : at::minimum(nearest, distance);
    }
    return at::stack(centers);
}

/// log(weight_k) + log N(row; mean_k, variance_k): [N,K]. The square is expanded, so that all is matrix products.
Tensor joint_log_densities(const Tensor& rows, const Mixture& mixture) {
    const Tensor precision = mixture.variances.reciprocal();
    const Tensor constant =
        mixture.weights.log() -
        0.5 * ((mixture.variances * (2.0 * M_PI)).log() + mixture.means.square() * precision).sum(1);
    return constant + rows.matmul((mixture.means * precision).t()) - 0.5 * rows.square().matmul(precision.t());
}

/// The mixture that explains the rows best when row n belongs to component k by shares[n,k].
Mixture maximization_step(const Tensor& rows, const Tensor& shares, const Tensor& floor) {
    // A component that holds nothing keeps no weight; the bound only keeps its means finite.
    const Tensor counts = shares.sum(0).clamp_min(std::numeric_limits<double>::min());
    const Tensor means = shares.t().matmul(rows) / counts.unsqueeze(1);
    const Tensor seconds = shares.t().matmul(rows.square()) / counts.unsqueeze(1);
    return {counts / counts.sum(), means, at::maximum(seconds - means.square(), floor), {}, {}};
}

/// Latents about their mean, along their principal axes and in units of their deviations there.
struct Whitened {
    Tensor rows;
    Tensor center;
    Tensor basis;
};
Whitened whiten(const Tensor& latents) {
    const Tensor center = latents.mean(0);
    const Tensor centered = latents - center;
    const auto [values, vectors] = at::linalg_eigh(centered.t().matmul(centered) / latents.size(0));
    const Tensor deviations = values.clamp_min(0.0).sqrt();
    // Along axes on which nothing varies rows are zero, whatever the unit.
    const Tensor units =
        deviations.clamp_min(kSmallestDeviation * deviations.max().item<double>() + std::numeric_limits<float>::min());
    return {centered.matmul(vectors) / units, center, (vectors * units).t().contiguous()};
}

}  // namespace

Mixture fit_mixture(const Tensor& latents, std::int64_t components, std::uint64_t seed, std::int64_t iterations) {
    const std::int64_t count = latents.size(0);
    if (components < 1 || components > count) {
        throw Error(ErrorKind::Usage, "a mixture of " + std::to_string(components) + " components was asked for over " +
                                          std::to_string(count) + " latents; take 1 to " + std::to_string(count));
    }
    const Whitened whitened = whiten(latents.to(at::kDouble));
    const Tensor& rows = whitened.rows;
    const Tensor floor = rows.square().mean(0) * kSmallestVariance + std::numeric_limits<float>::min();

    const Tensor centers = first_centers(rows, components, seed);
    const Tensor affinity = rows.matmul(centers.t()) - 0.5 * centers.square().sum(1);
    Mixture mixture = maximization_step(rows, at::one_hot(affinity.argmax(1), components).to(at::kDouble), floor);

    double before = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < iterations; ++i) {
        const Tensor joint = joint_log_densities(rows, mixture);
        const auto likelihood = joint.logsumexp(1).mean().item<double>();
        mixture = maximization_step(rows, joint.softmax(1), floor);
        if (likelihood - before < kConverged) {
            break;
        }
        before = likelihood;
    }
    mixture.center = whitened.center;
    mixture.basis = whitened.basis;
    return mixture;
}

Tensor sample_mixture(const Mixture& mixture, const std::vector<std::uint64_t>& seeds, double truncation) {
    const std::int64_t dimensions = mixture.means.size(1);
    Tensor latents = at::empty({static_cast<std::int64_t>(seeds.size()), dimensions}, at::kFloat);
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        const std::int64_t k = weighted_choice(mixture.weights, random_uniform(seeds[i], kComponentStream, 0));
        const Tensor noise = normal_noise(seeds[i], kLatentStream, 0, 1, {dimensions})[0].to(at::kDouble);
        const Tensor point = mixture.means[k] + noise * mixture.variances[k].sqrt() * truncation;
        latents[static_cast<std::int64_t>(i)].copy_(mixture.center + point.matmul(mixture.basis));
    }
    return latents;
}

}  // namespace reverie
