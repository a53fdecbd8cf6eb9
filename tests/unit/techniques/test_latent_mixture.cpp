#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "reverie/techniques/latent_space.h"
#include "support/expect_error.h"
#include "support/latent_samples.h"

namespace reverie {
namespace {

using test::formula_normal;

/// Three clusters in 7 dimensions, 900, 600 and 300 strong, means 6 apart along different axes, deviations 0.5, 1, 1.5.
Tensor clustered() {
    std::vector<Tensor> parts;
    const std::int64_t counts[] = {900, 600, 300};
    for (std::int64_t k = 0; k < 3; ++k) {
        Tensor part = formula_normal(counts[k], 7, "cluster" + std::to_string(k)) * (0.5 * static_cast<double>(k + 1));
        part.select(1, 2 * k) += 6.0;
        parts.push_back(part);
    }
    return at::cat(parts);
}

/// What a mixture says in the latents' own coordinates.
Tensor means_of(const Mixture& mixture) { return mixture.center + mixture.means.matmul(mixture.basis); }
Tensor covariance_of(const Mixture& mixture, std::int64_t k) {
    return (mixture.basis.t() * mixture.variances[k]).matmul(mixture.basis);
}

TEST(Mixture, RecoversAKnownOne) {
    const Tensor latents = clustered();
    for (const std::uint64_t seed : {0, 1, 2}) {
        const Mixture found = fit_mixture(latents, 3, seed);
        EXPECT_NEAR(found.weights.sum().item<double>(), 1.0, 1e-12);
        for (std::int64_t k = 0; k < 3; ++k) {
            const Tensor means = means_of(found);
            const auto own = means.select(1, 2 * k).argmax().item<std::int64_t>();
            const double deviation = 0.5 * static_cast<double>(k + 1);
            const double count = 300.0 * static_cast<double>(3 - k);
            // the clusters are 6 apart, four of their widths and more: each is estimated as if it stood alone, so five
            // standard errors of mean and variance, with a few borderline rows for the weight
            EXPECT_NEAR(found.weights[own].item<double>(), count / 1800.0, 0.01) << seed << " " << k;
            EXPECT_NEAR(means[own][2 * k].item<double>(), 6.0, 5.0 * deviation / std::sqrt(count));
            const Tensor deviations = covariance_of(found, own).diagonal().sqrt();
            EXPECT_LT((deviations - deviation).abs().max().item<double>(), 5.0 * deviation / std::sqrt(2.0 * count));
        }
    }
}

TEST(Mixture, OfOneComponentIsMeanAndCovariance) {
    const Tensor latents = clustered() + 100.0;  // far from the origin
    const Mixture one = fit_mixture(latents, 1, 3);
    const Tensor exact = latents.to(at::kDouble);
    EXPECT_TRUE(at::allclose(means_of(one)[0], exact.mean(0), 1e-10, 1e-10));
    EXPECT_TRUE(at::allclose(covariance_of(one, 0), exact.t().cov(/*correction=*/0), 1e-8, 1e-8));
}

TEST(Mixture, SurvivesCopiesAndConstants) {
    const Tensor copies = at::cat({at::zeros({20, 4}), at::ones({20, 4})});  // fewer different rows than components
    const Mixture found = fit_mixture(copies, 5, 1);
    for (const Tensor& part : {found.weights, found.means, found.variances}) {
        EXPECT_TRUE(part.isfinite().all().item<bool>());
    }
    EXPECT_GT(found.variances.min().item<double>(), 0.0);
    const Tensor samples = sample_mixture(found, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    const Tensor to_nearest = at::minimum(samples.abs(), (samples - 1.0).abs());
    EXPECT_LT(to_nearest.max().item<double>(), 0.1);
    const Mixture constant = fit_mixture(at::full({6, 3}, 2.0), 2, 0);
    EXPECT_TRUE(at::allclose(sample_mixture(constant, {4}), at::full({1, 3}, 2.0)));
    test::expect_error(ErrorKind::Usage, [&] { fit_mixture(copies, 41, 0); });
    test::expect_error(ErrorKind::Usage, [&] { fit_mixture(copies, 0, 0); });
}

TEST(Mixture, SamplesAreTheSeedsAlone) {
    const Mixture mixture = fit_mixture(clustered(), 3, 0);
    const Tensor many = sample_mixture(mixture, {11, 12, 13, 14});
    const Tensor other = sample_mixture(mixture, {14, 99, 12});
    EXPECT_TRUE(at::equal(many[3], other[0]));
    EXPECT_TRUE(at::equal(many[1], other[2]));
    EXPECT_FALSE(at::equal(many[0], many[1]));
}

TEST(Mixture, SamplesFollowIt) {
    const Mixture mixture = fit_mixture(clustered(), 3, 0);
    std::vector<std::uint64_t> seeds;
    for (std::uint64_t seed = 0; seed < 1800; ++seed) {
        seeds.push_back(seed);
    }
    const Tensor samples = sample_mixture(mixture, seeds);
    for (std::int64_t k = 0; k < 3; ++k) {
        const Tensor own = samples.index({samples.select(1, 2 * k) > 3.5});  // 6 - 1.67 x 1.5 of the widest cluster
        const double share = static_cast<double>(own.size(0)) / 1800.0;
        EXPECT_NEAR(share, static_cast<double>(3 - k) / 6.0, 0.05) << k;
        const auto fitted = means_of(mixture).select(1, 2 * k).argmax().item<std::int64_t>();
        const auto deviation = covariance_of(mixture, fitted)[1][1].sqrt().item<double>();
        const double error = deviation / std::sqrt(2.0 * static_cast<double>(own.size(0)));
        EXPECT_NEAR(own.select(1, 1).std().item<double>(), deviation, 4.0 * error) << k;
    }
    // without any spread each sample is one of the means, and the same one
    const Tensor centers = sample_mixture(mixture, seeds, 0.0);
    const Tensor half = sample_mixture(mixture, seeds, 0.5);
    EXPECT_TRUE(at::allclose(half, 0.5 * (centers + samples), 1e-4, 1e-4));
    const Tensor distances = (centers.unsqueeze(1).to(at::kDouble) - means_of(mixture)).abs().amax(2);
    EXPECT_LT(distances.amin(1).max().item<double>(), 1e-5);
}

}  // namespace
}  // namespace reverie
