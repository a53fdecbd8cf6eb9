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

/// Noise [3,side,side] whose amplitude falls with the frequency to a power: 0 is white, 1 is what photos have.
Tensor noise(std::int64_t side, double power) {
    const Tensor white = test::formula_image(side, side, "n1") - test::formula_image(side, side, "n2");
    const Tensor f = at::fft_fftfreq(side, 1.0, at::TensorOptions(at::kFloat)).square();
    const Tensor radius = (f.unsqueeze(0) + f.unsqueeze(1)).sqrt() + 1.0 / static_cast<double>(side);
    return at::real(at::fft_ifft2(at::fft_fft2(white.squeeze(0)) / radius.pow(power))).contiguous();
}

/// Strength of the octave of frequencies from 2^-(k+2) to 2^-(k+1) cycles per pixel.
double octave(const Tensor& x, std::int64_t k) {
    const std::int64_t side = x.size(1);
    const Tensor f = at::fft_fftfreq(side, 1.0, at::TensorOptions(at::kFloat)).square();
    const Tensor radius = (f.unsqueeze(0) + f.unsqueeze(1)).sqrt();
    const double low = std::pow(2.0, -static_cast<double>(k + 2));
    return ((at::fft_fft2(x).abs().square() * ((radius >= low) & (radius < 2 * low))).sum().sqrt()).item<double>();
}

TEST(GradientTransform, OctavesOfFrequenciesComeOutEquallyStrong) {
    for (const double power : {0.0, 1.0}) {
        const Tensor flat = normalize_bands(noise(256, power), {.levels = 4, .band_ratio = 1.0, .residual = 0.0});
        for (std::int64_t k = 1; k < 4; ++k) {
            // The pyramid's triangle filters leak between octaves; within a factor of 1.5 looks flat.
            EXPECT_LT(octave(flat, k) / octave(flat, 0), 1.5) << power << " " << k;
            EXPECT_GT(octave(flat, k) / octave(flat, 0), 1.0 / 1.5) << power << " " << k;
        }
    }
    EXPECT_LT(octave(noise(256, 0.0), 3) / octave(noise(256, 0.0), 0), 0.2) << "else the test says nothing";
}

TEST(GradientTransform, SteepSpectraBecomeFlatter) {
    const Tensor steep = noise(256, 2.0);
    const Tensor flat = normalize_bands(steep, {.levels = 4, .band_ratio = 1.0, .residual = 0.0});
    EXPECT_LT(octave(flat, 3) / octave(flat, 0), 0.5 * octave(steep, 3) / octave(steep, 0));
}

TEST(GradientTransform, BandRatioRaisesTheCoarserBands) {
    const auto ratio = [](double band_ratio) {
        const Tensor g = normalize_bands(noise(128, 0.0), {.levels = 3, .band_ratio = band_ratio, .residual = 0.0});
        return octave(g, 2) / octave(g, 0);
    };
    EXPECT_GT(ratio(2.0), 2.5 * ratio(1.0));  // 4 but for leakage
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
