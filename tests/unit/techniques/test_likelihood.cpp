#include "reverie/techniques/likelihood.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numbers>

#include "support/expect_error.h"
#include "support/formula_net.h"
#include "support/vae_reference.h"
#include "techniques/vae/perceptual_distance.h"

namespace reverie {
namespace {

Likelihood likelihood(LikelihoodKind kind, bool logits = false, std::int64_t channels = 1) {
    return {{.kind = kind, .logits = logits, .channels = channels}, nullptr};
}

/// Every level of an 8-bit image as 256 images of one pixel.
Tensor all_levels() { return (at::arange(256, at::kFloat) / 255.0).view({256, 1, 1, 1}); }

TEST(Likelihood, LogisticIsAProbabilityOf256Levels) {
    Likelihood logistic = likelihood(LikelihoodKind::Logistic);
    const c10::NoGradGuard no_grad;
    for (const double log_scale : {-7.0, -5.0, -3.0, -1.0, 2.0}) {
        logistic.named_parameters()["log_scale"].fill_(log_scale);
        for (const double mean : {-0.5, 0.0, 0.1234, 0.5, 1.0, 3.0}) {
            const Tensor logs = logistic.log_probability(at::full({256, 1, 1, 1}, mean), all_levels());
            EXPECT_TRUE(logs.isfinite().all().item<bool>()) << log_scale << " " << mean;
            // 256 numbers, each rounded to float32 and, at -7, logarithms of some hundred: 1e-7 x 100 at most.
            EXPECT_NEAR(logs.to(at::kDouble).exp().sum().item<double>(), 1.0, 2e-5) << log_scale << " " << mean;
        }
    }
}

TEST(Likelihood, LogisticStaysANumberFarFromTheImage) {
    Likelihood logistic = likelihood(LikelihoodKind::Logistic);
    for (const double log_scale : {-100.0, -7.0, 5.0, 100.0}) {
        {
            const c10::NoGradGuard no_grad;
            logistic.named_parameters()["log_scale"].fill_(log_scale);
        }
        const Tensor outputs = at::full({256, 1, 1, 1}, -200.0).requires_grad_();
        const Tensor sum = logistic.log_probability(outputs, all_levels()).sum();
        logistic.zero_grad();
        sum.backward();
        EXPECT_TRUE(std::isfinite(sum.item<double>())) << log_scale;
        EXPECT_TRUE(outputs.grad().isfinite().all().item<bool>()) << log_scale;
        const auto pull = logistic.named_parameters()["log_scale"].grad().item<double>();
        EXPECT_TRUE(std::isfinite(pull)) << log_scale;
        EXPECT_NE(pull, 0.0) << "a scale beyond its range must come back";
    }
}

TEST(Likelihood, GaussianIsTheDensityOfItsScale) {
    Likelihood gaussian = likelihood(LikelihoodKind::Gaussian);
    gaussian.eval();
    gaussian.named_buffers()["log_scale"].fill_(-1.5);
    const Tensor images = test::reference_images(3, 1, 5, 7);
    const Tensor outputs = images.flip(0) * 0.5;
    const Tensor found = gaussian.log_probability(outputs, images);
    const double s = std::exp(-1.5);
    const Tensor z = (images - outputs).to(at::kDouble) / s;
    const Tensor wanted = (-0.5 * z.square() - std::log(s * std::sqrt(2 * std::numbers::pi))).flatten(1).sum(1);
    EXPECT_TRUE(at::allclose(found.to(at::kDouble), wanted, 1e-6, 0));
    EXPECT_NEAR(gaussian.scales().item<double>(), s, 1e-6);
    EXPECT_FALSE(gaussian.is_probability());
}

TEST(Likelihood, GaussianTakesTheBatchsBestScaleWhileTraining) {
    Likelihood gaussian = likelihood(LikelihoodKind::Gaussian);
    const Tensor images = test::reference_images(3, 1, 5, 7);
    const Tensor outputs = images.flip(0).mul(0.5).requires_grad_();
    const double before = std::log(gaussian.scales().item<double>());
    const Tensor found = gaussian.log_probability(outputs, images).sum();
    // At the best scale the density is a function of the mean square alone, and so is its gradient.
    const Tensor twin = outputs.detach().clone().requires_grad_();
    const auto count = static_cast<double>(images.numel());
    const Tensor wanted = -0.5 * count * (at::log((images - twin).square().mean() * 2 * std::numbers::pi) + 1.0);
    EXPECT_NEAR(found.item<double>(), wanted.item<double>(), 1e-5 * count);
    found.backward();
    wanted.backward();
    EXPECT_TRUE(at::allclose(outputs.grad(), twin.grad(), 1e-4, 1e-5));
    // The running mean goes a fiftieth of the way.
    const double best = 0.5 * std::log((images - outputs).square().mean().item<double>());
    EXPECT_NEAR(std::log(gaussian.scales().item<double>()), before + 0.02 * (best - before), 1e-5);
    gaussian.eval();
    gaussian.log_probability(outputs, images);
    EXPECT_NEAR(std::log(gaussian.scales().item<double>()), before + 0.02 * (best - before), 1e-5);
}

TEST(Likelihood, APerfectReconstructionIsNoInfinity) {
    const Tensor images = test::reference_images(2, 1, 4, 4);
    for (const LikelihoodKind kind : {LikelihoodKind::Gaussian, LikelihoodKind::Logistic, LikelihoodKind::Mse}) {
        Likelihood one = likelihood(kind);
        const Tensor outputs = images.clone().requires_grad_();
        const Tensor sum = one.log_probability(outputs, images).sum();
        sum.backward();
        EXPECT_TRUE(std::isfinite(sum.item<double>())) << text_of(kind);
        EXPECT_TRUE(outputs.grad().isfinite().all().item<bool>()) << text_of(kind);
    }
}

TEST(Likelihood, LogitsAreTakenThroughTheSigmoid) {
    const Tensor images = test::reference_images(2, 3, 4, 5);
    const Tensor outputs = images.flip(0) * 4 - 2;
    for (const LikelihoodKind kind : {LikelihoodKind::Gaussian, LikelihoodKind::Logistic, LikelihoodKind::Mse}) {
        Likelihood of_logits = likelihood(kind, true, 3);
        Likelihood of_means = likelihood(kind, false, 3);
        EXPECT_TRUE(at::allclose(of_logits.log_probability(outputs, images),
                                 of_means.log_probability(at::sigmoid(outputs), images)))
            << text_of(kind);
    }
}

TEST(Likelihood, BernoulliKnowsHopelessLogits) {
    Likelihood bernoulli = likelihood(LikelihoodKind::Bernoulli, true);
    const Tensor outputs = at::tensor({-200.0F, 200.0F, 200.0F, 0.0F}).view({1, 1, 2, 2});
    const Tensor images = at::tensor({1.0F, 1.0F, 0.0F, 1.0F}).view({1, 1, 2, 2});
    EXPECT_NEAR(bernoulli.log_probability(outputs, images).item<double>(), -400.0 - std::numbers::ln2, 1e-3);
    EXPECT_TRUE(bernoulli.is_probability());
}

TEST(Likelihood, ItsNamesLeadBack) {
    for (const std::string& name : likelihood_kinds()) {
        EXPECT_EQ(text_of(likelihood_kind(name)), name);
    }
    EXPECT_EQ(likelihood_kinds().size(), 5U);
    const std::string message = test::expect_error(ErrorKind::Usage, [] { likelihood_kind("huber"); });
    EXPECT_NE(message.find("'huber'"), std::string::npos);
    EXPECT_NE(message.find("mse or perceptual"), std::string::npos);
}

TEST(PerceptualDistance, IsZeroForEqualImagesAndAboutOneForOthers) {
    FrozenNet net = test::formula_lite0();
    const Tensor images = test::reference_images(3, 3, 33, 38);
    EXPECT_EQ(perceptual_distance(net, images, images).abs().max().item<double>(), 0.0);
    const Tensor other = perceptual_distance(net, images.flip(3), images);
    EXPECT_EQ(other.sizes().vec(), std::vector<std::int64_t>{3});
    EXPECT_GT(other.min().item<double>(), 0.01);
    EXPECT_LT(other.max().item<double>(), 10.0);
    // Each image's own: a neighbour says nothing.
    EXPECT_NEAR(perceptual_distance(net, images.flip(3).narrow(0, 1, 1), images.narrow(0, 1, 1)).item<double>(),
                other[1].item<double>(), 1e-5);
}

TEST(PerceptualDistance, IsOfFullPrecisionWithinAutocast) {
    FrozenNet net = test::formula_net("efficientnet_lite0", "lite0", Engine::Libtorch);
    const Tensor targets = test::reference_images(2, 3, 32, 32);
    const auto gradient_of = [&] {
        const Tensor images = targets.flip(3).contiguous().requires_grad_();
        perceptual_distance(net, images, targets).sum().backward();
        return images.grad();
    };
    const Tensor exact = gradient_of();
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);  // as CUDA's is by --mixed-precision
    const Tensor within = gradient_of();
    const Tensor of_halves = perceptual_distance(net, targets.flip(3).to(at::kBFloat16), targets);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    EXPECT_TRUE(at::equal(within, exact));
    EXPECT_EQ(of_halves.scalar_type(), at::kFloat);
}

TEST(PerceptualDistance, GradientIsThatOfTheNumber) {
    FrozenNet net = test::formula_lite0();
    for (const std::int64_t channels : {1, 3, 4}) {
        Tensor targets = test::reference_images(2, std::min<std::int64_t>(channels, 3), 32, 32);
        if (channels == 4) {
            targets = at::cat({targets, targets.narrow(1, 0, 1)}, 1);
        }
        const Tensor images = targets.flip(2).mul(0.8).add(0.1).contiguous().requires_grad_();
        const Tensor weights = at::tensor({1.0F, 3.0F});
        (perceptual_distance(net, images, targets) * weights).sum().backward();
        const Tensor gradient = images.grad();
        // Along the gradient the distance changes by its square per unit: a central difference over so small a step
        // that few units of the net cross their kinks.
        const c10::NoGradGuard no_grad;
        const auto square = gradient.square().sum().item<double>();
        const double step = 1e-3 / std::sqrt(square);
        const auto value = [&](double at) {
            return (perceptual_distance(net, images + at * gradient, targets) * weights).sum().item<double>();
        };
        EXPECT_NEAR((value(step) - value(-step)) / (2 * step), square, 0.01 * square) << channels;
        if (channels == 4) {
            EXPECT_EQ(gradient.narrow(1, 3, 1).abs().max().item<double>(), 0.0);
        }
    }
}

}  // namespace
}  // namespace reverie
