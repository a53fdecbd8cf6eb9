#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>

#include "reverie/techniques/vae_evaluation.h"
#include "reverie/techniques/vae_latents.h"
#include "small_vae.h"
#include "support/expect_error.h"
#include "support/formula_net.h"

namespace reverie {
namespace {

TEST(VaeEvaluation, ElboIsTheSumOfItsParts) {
    const Vae vae = test::small_vae();
    const ImageSource images = test::small_images(5);
    const Posterior posterior = encode_images(vae, images);
    const ElboEstimate found = estimate_elbo(vae, images, posterior, 7);
    EXPECT_DOUBLE_EQ(found.elbo, -(found.reconstruction + found.kl));
    ASSERT_EQ(found.kl_per_dimension.size(), 4U);
    EXPECT_NEAR(std::accumulate(found.kl_per_dimension.begin(), found.kl_per_dimension.end(), 0.0), found.kl,
                1e-5 * found.kl);
    const Tensor kl = kl_per_dimension(posterior).sum(1).mean();
    EXPECT_NEAR(found.kl, kl.item<double>(), 1e-5 * found.kl);
    ASSERT_TRUE(found.bits_per_dim.has_value());
    EXPECT_DOUBLE_EQ(*found.bits_per_dim, bits_per_dimension(LikelihoodKind::Gaussian, -found.elbo, 3.0 * 16 * 20));
    EXPECT_EQ(estimate_elbo(vae, images, posterior, 7).elbo, found.elbo);
    EXPECT_NE(estimate_elbo(vae, images, posterior, 8).reconstruction, found.reconstruction);
}

TEST(VaeEvaluation, WithoutVarianceReconstructionIsThatOfTheMeans) {
    VaeOptions options;
    options.likelihood.kind = LikelihoodKind::Mse;
    const Vae vae = test::small_vae(options);
    const ImageSource images = test::small_images(3);
    Posterior posterior = encode_images(vae, images);
    posterior.log_variance.fill_(-80.0);
    const ElboEstimate found = estimate_elbo(vae, images, posterior, 7);
    const Tensor wanted = -vae.log_likelihood(posterior.mean, images.images(0, 3)).mean();
    EXPECT_NEAR(found.reconstruction, wanted.item<double>(), 1e-5 * found.reconstruction);
    EXPECT_FALSE(found.bits_per_dim.has_value());
}

TEST(VaeEvaluation, CountsTheDimensionsThatVary) {
    const Vae vae = test::small_vae();
    const ImageSource images = test::small_images(4);
    Posterior posterior = encode_images(vae, images);
    posterior.mean = at::arange(4, at::kFloat).unsqueeze(1) * at::tensor({1.0, 0.0, 0.01, 0.5});
    posterior.mean = posterior.mean.to(at::kFloat);
    EXPECT_EQ(estimate_elbo(vae, images, posterior, 7).active_units, 2);  // variances 1.25 k^2: 1.25, 0, 0.0001, 0.3
}

TEST(VaeEvaluation, LikelihoodIsNoLessThanTheElbo) {
    const Vae vae = test::small_vae();
    const ImageSource images = test::small_images(3);
    const Posterior posterior = encode_images(vae, images);
    const LikelihoodEstimate found = estimate_likelihood(vae, images, posterior, {.samples = 40, .seed = 3});
    EXPECT_EQ(found.images, 3);
    EXPECT_EQ(found.samples, 40);
    EXPECT_LT(found.nll, -estimate_elbo(vae, images, posterior, 3).elbo);
}

TEST(VaeEvaluation, DistancesOfTheSameLatentsAreTheSame) {
    const Vae vae = test::small_vae();
    const ImageSource images = test::small_images(3);
    const Posterior posterior = encode_images(vae, images);
    FrozenNet net = test::formula_lite0();
    const FeatureProtocol protocol = feature_protocol("efficientnet_lite0");
    std::vector<double> fractions;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) { fractions.push_back(progress.done / progress.total); };
    const VaeDistances same = vae_distances(vae, images, posterior, posterior.mean, Tensor(), net, protocol, hooks);
    EXPECT_EQ(same.samples.frechet, same.reconstructions.frechet);
    EXPECT_EQ(same.samples.kernel, same.reconstructions.kernel);
    EXPECT_GT(same.samples.frechet, 0.0);
    ASSERT_EQ(fractions.size(), 3U);
    EXPECT_EQ(fractions.back(), 1.0);
    const VaeDistances other =
        vae_distances(vae, images, posterior, seed_latents({1, 2, 3}, 4), Tensor(), net, protocol);
    EXPECT_EQ(other.reconstructions.frechet, same.reconstructions.frechet);
    EXPECT_NE(other.samples.frechet, same.samples.frechet);
}

TEST(VaeEvaluation, WantsOneOfEachForEveryImage) {
    const Vae vae = test::small_vae();
    const Posterior posterior = encode_images(vae, test::small_images(3));
    test::expect_error(ErrorKind::Usage, [&] { estimate_elbo(vae, test::small_images(2), posterior, 1); });
    test::expect_error(ErrorKind::Usage,
                       [&] { estimate_likelihood(vae, test::small_images(4), posterior, {.samples = 2}); });
}

}  // namespace
}  // namespace reverie
