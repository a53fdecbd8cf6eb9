#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "reverie/techniques/vae.h"
#include "support/vae_reference.h"

namespace reverie {
namespace {

TEST(VaeLoss, BetaWarmsUpOrCycles) {
    VaeOptions options;
    options.beta = 2.0;
    EXPECT_EQ(beta_at(options, 0, 100), 2.0);
    options.kl_warmup = 0.2;
    EXPECT_EQ(beta_at(options, 0, 100), 0.0);
    EXPECT_NEAR(beta_at(options, 5, 100), 0.5, 1e-12);
    EXPECT_EQ(beta_at(options, 20, 100), 2.0);
    EXPECT_EQ(beta_at(options, 99, 100), 2.0);
    options.kl_cycles = 4;  // of 25 steps, the first 12.5 a ramp
    EXPECT_EQ(beta_at(options, 0, 100), 0.0);
    EXPECT_NEAR(beta_at(options, 5, 100), 2.0 * 5 / 12.5, 1e-12);
    EXPECT_EQ(beta_at(options, 13, 100), 2.0);
    EXPECT_EQ(beta_at(options, 25, 100), 0.0);
    EXPECT_NEAR(beta_at(options, 80, 100), 2.0 * 5 / 12.5, 1e-12);
}

TEST(VaeLoss, KlIsThatOfTwoGaussians) {
    const Posterior posterior = {at::tensor({0.0F, 1.5F, 0.0F, -2.0F}).view({1, 2, 2, 1}),
                                 at::tensor({0.0F, 0.0F, -10.0F, 1e-4F}).view({1, 2, 2, 1})};
    const Tensor kl = kl_per_dimension(posterior);
    ASSERT_EQ(kl.sizes().vec(), (std::vector<std::int64_t>{1, 4}));
    EXPECT_EQ(kl[0][0].item<double>(), 0.0);
    EXPECT_NEAR(kl[0][1].item<double>(), 1.125, 1e-6);
    EXPECT_NEAR(kl[0][2].item<double>(), 0.5 * (std::exp(-10.0) - 1 + 10), 1e-6);
    EXPECT_NEAR(kl[0][3].item<double>(), 2.0 + 0.5 * (std::exp(1e-4) - 1 - 1e-4), 1e-6);
}

TEST(VaeLoss, BinarisingIsOneCoinForEachImageAndPixel) {
    const Tensor levels = at::tensor({0.0F, 0.1F, 0.5F, 1.0F}).view({1, 1, 4, 1});
    const Tensor images = levels.expand({2, 1, 4, 5000}).contiguous();
    const Tensor coins = binarized(images, at::tensor({7, 3}, at::kLong));
    EXPECT_TRUE(((coins == 0) | (coins == 1)).all().item<bool>());
    const Tensor means = coins[0].mean(2).flatten();
    EXPECT_EQ(means[0].item<double>(), 0.0);
    // Five standard deviations of the mean of 5000 coins.
    EXPECT_NEAR(means[1].item<double>(), 0.1, 5 * std::sqrt(0.1 * 0.9 / 5000));
    EXPECT_NEAR(means[2].item<double>(), 0.5, 5 * std::sqrt(0.25 / 5000));
    EXPECT_EQ(means[3].item<double>(), 1.0);
    EXPECT_FALSE(at::equal(coins[0], coins[1]));
    // The same image has the same coins wherever it stands.
    EXPECT_TRUE(at::equal(binarized(images.narrow(0, 0, 1), at::tensor({3}, at::kLong))[0], coins[1]));
}

}  // namespace
}  // namespace reverie
