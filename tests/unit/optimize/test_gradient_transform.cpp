#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "reverie/optimize/gradient_transform.h"
#include "support/closed_formula.h"

namespace reverie {
namespace {

double rms(const Tensor& x) { return root_mean_square(x).item<double>(); }

/// Noise whose spectrum falls steeply, as gradients' spectra do.
Tensor uneven_gradient(std::int64_t height, std::int64_t width) {
    const Tensor noise = test::formula_image(height, width, "noise").squeeze(0) - 0.5;
    return noise * 0.01 + gaussian_blur(noise, 3.0);
}

TEST(GradientTransform, BlurKeepsAConstantAndTheMean) {
    const Tensor constant = at::full({3, 17, 23}, 0.4);
    EXPECT_LT((gaussian_blur(constant, 2.0) - constant).abs().max().item<double>(), 1e-6);
    const Tensor impulse = at::zeros({3, 33, 41});
    impulse.select(1, 16).select(1, 20).fill_(1.0);
    const Tensor spread = gaussian_blur(impulse, 2.0);
    EXPECT_NEAR(spread.sum().item<double>(), 3.0, 1e-5);
    // a Gaussian's height is 1 / (2 pi sigma^2); cutting at three sigma raises it by under 1 %
    EXPECT_NEAR(spread[0][16][20].item<double>(), 1.0 / (2 * M_PI * 4), 0.01 / (2 * M_PI * 4) + 1e-4);
}

TEST(GradientTransform, BlurOfATinyImageWorks) {
    EXPECT_EQ(gaussian_blur(at::rand({3, 1, 5}), 10.0).sizes(), (at::IntArrayRef{3, 1, 5}));
    EXPECT_TRUE(at::equal(gaussian_blur(at::full({3, 1, 1}, 0.5), 3.0), at::full({3, 1, 1}, 0.5)));
}

/// Band k as the pyramid cuts it.
double band(const Tensor& x, std::int64_t k) { return rms(low_pass(x, k) - low_pass(x, k + 1)); }

TEST(GradientTransform, BandsOfNoiseComeOutEquallyStrong) {
    const Tensor noise = at::cat({test::formula_image(127, 161, "n1"), test::formula_image(127, 161, "n2")}, 0);
    const Tensor flat = normalize_bands(noise[0] - noise[1], {.levels = 4, .band_ratio = 1.0, .residual = 0.0});
    EXPECT_GT(band(noise[0] - noise[1], 0) / band(noise[0] - noise[1], 3), 3.0) << "else the test says nothing";
    for (std::int64_t k = 1; k < 4; ++k) {
        // Bands leak into their neighbours; equal within a factor of 1.5 looks flat.
        EXPECT_LT(band(flat, k) / band(flat, 0), 1.5) << k;
        EXPECT_GT(band(flat, k) / band(flat, 0), 1.0 / 1.5) << k;
    }
}

TEST(GradientTransform, SteepSpectraBecomeFlatter) {
    const Tensor gradient = uneven_gradient(127, 161);
    const Tensor flat = normalize_bands(gradient, {.levels = 4, .band_ratio = 1.0, .residual = 0.0});
    const auto steepness = [](const Tensor& x) { return band(x, 2) / band(x, 0); };
    EXPECT_LT(steepness(flat), 0.35 * steepness(gradient));
}

TEST(GradientTransform, BandRatioRaisesTheCoarserBands) {
    const Tensor gradient = uneven_gradient(64, 96);
    const auto ratio = [&](double band_ratio) {
        const Tensor g = normalize_bands(gradient, {.levels = 2, .band_ratio = band_ratio, .residual = 0.0});
        return band(g, 1) / band(g, 0);
    };
    EXPECT_GT(ratio(2.0), 1.5 * ratio(1.0));
}

TEST(GradientTransform, BandsIgnoreTheGradientsScaleAndItsMean) {
    const Tensor gradient = uneven_gradient(64, 80);
    const BandOptions options{.levels = 3, .band_ratio = 1.2, .residual = 0.0};
    const Tensor a = normalize_bands(gradient, options);
    EXPECT_LT((normalize_bands(gradient * 1e-6, options) - a).abs().max().item<double>(), 1e-3 * rms(a));
    EXPECT_LT((normalize_bands(gradient + 5.0, options) - a).abs().max().item<double>(), 1e-3 * rms(a));
    EXPECT_TRUE(normalize_bands(at::zeros({3, 32, 32}), options).isfinite().all().item<bool>());
}

TEST(GradientTransform, NoLevelsLeaveTheGradientAlone) {
    const Tensor gradient = uneven_gradient(20, 30);
    EXPECT_TRUE(at::equal(normalize_bands(gradient, {.levels = 0}), gradient));
}

TEST(GradientTransform, LowPassKeepsTheMeanAndRemovesDetail) {
    const Tensor image = test::formula_image(96, 131, "low").squeeze(0);
    const Tensor low = low_pass(image, 4);
    EXPECT_EQ(low.sizes(), image.sizes());
    EXPECT_NEAR(low.mean().item<double>(), image.mean().item<double>(), 0.01);
    EXPECT_LT((low - low.mean()).abs().max().item<double>(), 0.5 * (image - image.mean()).abs().max().item<double>());
    EXPECT_EQ(low_pass(at::rand({3, 5, 200}), 4).sizes(), (at::IntArrayRef{3, 5, 200}));
}

TEST(GradientTransform, ColourMatricesKeepGrey) {
    const Tensor grey = at::rand({1, 9, 7}).expand({3, 9, 7}).contiguous();
    for (const ColorMatrix& matrix : {natural_colors(1.0), natural_colors(0.9), natural_colors(0.0)}) {
        // Photographs' main direction is grey but for a trace of colour: grey keeps its mean exactly.
        EXPECT_LT((mix_colors(grey, matrix).mean(0) - grey[0]).abs().max().item<double>(), 1e-5);
    }
    EXPECT_LT((mix_colors(grey, luma_colors()) - grey).abs().max().item<double>(), 1e-6);
    const Tensor anything = at::rand({3, 9, 7});
    EXPECT_LT((mix_colors(anything, natural_colors(0.0)) - anything).abs().max().item<double>(), 1e-5);
}

TEST(GradientTransform, NaturalColoursDampWhatPhotosRarelyDo) {
    const Tensor green_against_magenta = at::tensor({1.0F, -2.0F, 1.0F}).view({3, 1, 1}).expand({3, 4, 4}).contiguous();
    EXPECT_LT(rms(mix_colors(green_against_magenta, natural_colors(1.0))), 0.1 * rms(green_against_magenta));
}

}  // namespace
}  // namespace reverie
