// What is stored instead of pixels: it gives the image back, its gradient is the image's, and no bit depends on
// threads.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "reverie/core/parallel.h"
#include "reverie/optimize/noise_image.h"
#include "reverie/optimize/parameterization.h"
#include "reverie/optimize/step_rules.h"
#include "support/closed_formula.h"
#include "support/distance.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::Distance;
using test::expect_error;
using testing::HasSubstr;

constexpr ColorMatrix kEach = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

Tensor picture(Size size, const std::string& name = "photo") {
    return test::formula_image(size.height, size.width, name).squeeze(0);
}

/// Whole levels of 8 bits, black and white among them.
Tensor photo(Size size) { return (picture(size) * 1.5 - 0.25).clamp(0.0, 1.0).mul(255.0).round().div(255.0); }

using Make = std::function<std::unique_ptr<Parameterization>(const Tensor&)>;

const std::vector<std::pair<std::string, Make>>& spectra() {
    static const std::vector<std::pair<std::string, Make>> all = {
        {"fourier", [](const Tensor& image) { return std::make_unique<FourierImage>(image, color_directions()); }},
        {"fourier rgb", [](const Tensor& image) { return std::make_unique<FourierImage>(image, kEach); }},
        {"phases", [](const Tensor& image) { return std::make_unique<PhaseImage>(image, color_directions()); }},
        {"phases rgb", [](const Tensor& image) { return std::make_unique<PhaseImage>(image, kEach); }},
    };
    return all;
}

TEST(Parameterization, GivesAPhotoBackToTheLevel) {
    for (const auto& [name, make] : spectra()) {
        for (const Size size : {Size{1, 1}, {1, 7}, {6, 1}, {2, 2}, {17, 23}, {16, 24}, {255, 31}, {120, 161}}) {
            SCOPED_TRACE(name + " " + text_of(size));
            const Tensor image = photo(size);
            const auto spectrum = make(image);
            const Tensor back = spectrum->image_of(spectrum->stored_of(image));
            EXPECT_LT((back - image).abs().max().item<double>(), 1.0 / 255);
            EXPECT_TRUE(back.mul(255.0).round().equal(image.mul(255.0).round()));
        }
    }
}

TEST(Parameterization, AFlatPhotoComesBackToo) {
    for (const auto& [name, make] : spectra()) {
        for (const double level : {0.0, 0.2, 1.0}) {
            const Tensor image = at::full({3, 9, 12}, level);
            const auto spectrum = make(image);
            EXPECT_LT((spectrum->image_of(spectrum->stored_of(image)) - image).abs().max().item<double>(), 1.0 / 255)
                << name << " " << level;
        }
    }
}

/// Of a weighted sum of the pixels' squares, which is not linear either.
void expect_gradient(const Parameterization& parameterization, const Tensor& stored, const Tensor& weights) {
    const auto value = [&](const Tensor& at) {
        return (parameterization.image_of(at).square() * weights).sum().item<double>();
    };
    const Tensor image = parameterization.image_of(stored);
    const Tensor found = parameterization.pull_back(2.0 * weights * image, stored);
    ASSERT_EQ(found.sizes(), stored.sizes());
    Tensor expected = at::empty_like(stored);
    constexpr double kStep = 1e-5;
    for (std::int64_t i = 0; i < stored.numel(); ++i) {
        Tensor moved = stored.clone();
        auto* const at = moved.data_ptr<double>() + i;
        const double before = *at;
        *at = before + kStep;
        const double above = value(moved);
        *at = before - kStep;
        expected.data_ptr<double>()[i] = (above - value(moved)) / (2 * kStep);
    }
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-6 * expected.abs().max().item<double>() + 1e-9);
}

TEST(Parameterization, GradientIsThatOfCentralDifferences) {
    for (const auto& [name, make] : spectra()) {
        for (const Size size : {Size{1, 1}, {1, 4}, {5, 1}, {2, 2}, {4, 5}, {5, 4}, {6, 3}, {3, 6}}) {
            SCOPED_TRACE(name + " " + text_of(size));
            const Tensor image = picture(size).to(at::kDouble);
            const Tensor other = picture(size, "other").to(at::kDouble);
            const auto spectrum = make(image);
            // Another image's phases, so that there is something to win.
            const Tensor stored = spectrum->stored_of(other);
            const Tensor weights = picture(size, "weights").to(at::kDouble) - 0.3;
            expect_gradient(*spectrum, stored, weights);
            const Tensor free = picture(size, "free").to(at::kDouble).narrow(0, 0, 1);
            expect_gradient(PartlyStill(*spectrum, other, free), stored, weights);
        }
    }
}

TEST(Parameterization, WhatIsNotFreeIsStillToTheBit) {
    const Tensor image = photo({19, 22});
    const FourierImage fourier(image, color_directions());
    Tensor free = at::ones({1, 19, 22});
    free.narrow(1, 3, 8).zero_();
    const PartlyStill partly(fourier, image, free);
    const Tensor moved = partly.image_of(partly.stored_of(image) + 0.1);
    EXPECT_TRUE(moved.narrow(1, 3, 8).equal(image.narrow(1, 3, 8)));
    EXPECT_GT((moved - image).abs().max().item<double>(), 0.01);
}

Tensor magnitudes(const Tensor& image) {
    at::Tensor colors = at::empty({3, 3}, at::kDouble);
    const ColorMatrix matrix = color_directions();
    for (std::int64_t o = 0; o < 3; ++o) {
        for (std::int64_t c = 0; c < 3; ++c) {
            colors[o][c] = matrix[static_cast<std::size_t>(o)][static_cast<std::size_t>(c)];
        }
    }
    const Tensor planes = at::matmul(at::linalg_inv(colors), at::logit(image.to(at::kDouble)).flatten(1));
    return at::fft_rfft2(planes.view_as(image)).abs();
}

TEST(Parameterization, StepsInPhasesLeaveEveryMagnitude) {
    for (const Size size : {Size{31, 38}, {24, 17}}) {
        const Tensor start = 0.3 + 0.4 * picture(size);
        const PhaseImage phases(start, color_directions());
        Adam adam({.step_size = 0.1});
        StoredStep rule(phases, adam);
        Distance objective(picture(size, "target"));
        Tensor gradient;
        const double before = objective.value_and_gradient(start, 0, gradient).item<double>();
        const Tensor end = minimize_image(start, objective, {}, rule, {.steps = 30}).image;
        EXPECT_LT(objective.value_and_gradient(end, 0, gradient).item<double>(), 0.9 * before);
        EXPECT_GT((end - start).abs().max().item<double>(), 0.1);
        const Tensor expected = magnitudes(start);
        EXPECT_LT((magnitudes(end) - expected).abs().max().item<double>(), 1e-4 * expected.max().item<double>());
    }
}

TEST(Parameterization, StepsInASpectrumReachATarget) {
    const Size size{21, 30};
    const Tensor start = natural_noise_image(size, 0.05, 0);
    const Tensor target = natural_noise_image(size, 0.7, 1);
    const FourierImage fourier(start, color_directions());
    Adam adam({.step_size = 0.05});
    FadingStep fading(adam, {.decay = 0.9, .steps = 300});
    StoredStep rule(fourier, fading);
    Distance objective(target);
    const Tensor end = minimize_image(start, objective, {}, rule, {.steps = 300}).image;
    EXPECT_LT(root_mean_square(end - target).item<double>(), 0.1 * root_mean_square(start - target).item<double>());
}

TEST(Parameterization, NoBitDependsOnThreads) {
    for (const auto& [name, make] : spectra()) {
        SCOPED_TRACE(name);
        const Size size{203, 310};
        const auto made = [&, &make = make](int threads) {
            const ThreadShare share(threads);
            const Tensor image = photo(size);
            const auto spectrum = make(image);
            const Tensor stored = spectrum->stored_of(image);
            return std::vector{stored, spectrum->image_of(stored), spectrum->pull_back(picture(size, "g"), stored)};
        };
        const std::vector<Tensor> one = made(1);
        const std::vector<Tensor> many = made(16);
        for (std::size_t i = 0; i < one.size(); ++i) {
            EXPECT_TRUE(one[i].equal(many[i])) << i;
        }
    }
}

TEST(Parameterization, OtherSizesAndTypesAreOneSentence) {
    const FourierImage fourier(photo({12, 16}), color_directions());
    for (const Tensor& wrong : {at::zeros({3, 16, 12}), at::zeros({1, 12, 16}), at::zeros({3, 12, 16}, at::kDouble)}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { fourier.stored_of(wrong); }), HasSubstr("16x12"));
    }
    const Tensor stored = fourier.stored_of(photo({12, 16}));
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [&] {
                                 fourier.pull_back(at::zeros({3, 4, 4}), stored);
                             }),
                HasSubstr("the gradient"));
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [&] {
                                 FourierImage(at::zeros({3, 0, 4}), kEach);
                             }),
                HasSubstr("[3,H,W]"));
}

TEST(NoiseImage, IsAFunctionOfTheSeedAlone) {
    const std::vector<std::function<Tensor(std::uint64_t)>> kinds = {
        [](std::uint64_t seed) {
            return white_noise_image({101, 150}, 0.2, seed);
        },
        [](std::uint64_t seed) {
            return natural_noise_image({101, 150}, 1.0, seed);
        }};
    for (const auto& noise : kinds) {
        Tensor many;
        {
            const ThreadShare share(16);
            many = noise(7);
        }
        const ThreadShare share(1);
        EXPECT_TRUE(noise(7).equal(many));
        EXPECT_GT((noise(8) - many).abs().max().item<double>(), 0.05);
        EXPECT_GE(many.min().item<double>(), 0.0);
        EXPECT_LE(many.max().item<double>(), 1.0);
        EXPECT_NEAR(many.mean().item<double>(), 0.5, 0.05);
    }
}

TEST(NoiseImage, NaturalNoiseIsSmoothAndAsStrongAsAskedFor) {
    const auto deviation = [](const Tensor& image) { return image.std().item<double>(); };
    const Tensor strong = natural_noise_image({120, 160}, 1.0, 0);
    const Tensor faint = natural_noise_image({120, 160}, 0.05, 0);
    EXPECT_GT(deviation(strong), 0.15);
    EXPECT_LT(deviation(faint), 0.04);
    EXPECT_GT(deviation(faint), 0.005);
    EXPECT_LT(strong.diff(1, 2).square().mean().sqrt().item<double>(), 0.5 * deviation(strong))
        << "neighbours are alike, unlike those of white noise";
    EXPECT_TRUE(natural_noise_image({1, 1}, 1.0, 3).equal(at::full({3, 1, 1}, 0.5)));
}

}  // namespace
}  // namespace reverie
