// Dreams that start from anything, and in which not pixels change.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reverie/core/parallel.h"
#include "reverie/image/resample.h"
#include "reverie/optimize/gradient_transform.h"
#include "reverie/techniques/dream.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "techniques/dream/dream_turn.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

constexpr DreamParameterization kSpectra[] = {DreamParameterization::Fourier, DreamParameterization::Maco};

FrozenNet& lite0() {
    static FrozenNet net = test::formula_lite0();
    return net;
}

Tensor photo(std::int64_t height, std::int64_t width, const std::string& name = "photo") {
    return test::formula_image(height, width, name).squeeze(0);
}

/// Small enough for tests: two octaves of three steps.
DreamOptions quick(DreamParameterization parameterization = DreamParameterization::Pixels,
                   DreamInit init = DreamInit::Content) {
    DreamOptions options = dream_recipe("efficientnet_lite0");
    start_from(init, options);
    set_parameterization(parameterization, options);
    options.layers = {{"block3", 1.0}};
    options.octaves = 2;
    options.steps = 3;
    options.jitter = 4;
    options.margin = 4;
    return options;
}

Tensor dreamt(const DreamJob& job, const DreamOptions& options) { return dream(job, lite0(), options).image; }

double distance(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(DreamStart, NoiseIsTheSeedsAndNothingOfThePhotoIsLeft) {
    for (const auto parameterization :
         {DreamParameterization::Pixels, DreamParameterization::Fourier, DreamParameterization::Maco}) {
        DreamOptions options = quick(parameterization, DreamInit::Noise);
        options.seed = 3;
        const Tensor first = dreamt(photo(52, 67), options);
        EXPECT_TRUE(dreamt(photo(52, 67, "other"), options).equal(first));
        options.seed = 4;
        EXPECT_GT(distance(dreamt(photo(52, 67), options), first), 0.05);
    }
}

TEST(DreamStart, APictureOfAnySizeIsStartedFrom) {
    DreamOptions options = quick();
    options.octaves = 1;
    options.steps = 1;
    options.step_size = 1e-5;
    DreamJob job(photo(50, 66));
    job.init = photo(31, 90, "start");
    const Tensor expected = resize(job.init, Size{50, 66}).clamp(0.0, 1.0);
    options.tone = 0;
    options.calm = 0;
    EXPECT_LT(distance(dreamt(job, options), expected), 1e-3);
    job.init = at::zeros({1, 4, 4});
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { dreamt(job, options); }), HasSubstr("--init"));
}

TEST(DreamStart, WhatIsProtectedIsThePhotoWhateverItStartsFrom) {
    DreamJob job(photo(48, 64));
    job.protect = at::zeros({1, 48, 64});
    job.protect.narrow(2, 10, 20).fill_(1.0);
    for (const auto parameterization :
         {DreamParameterization::Pixels, DreamParameterization::Fourier, DreamParameterization::Maco}) {
        for (const DreamInit init : {DreamInit::Content, DreamInit::Noise}) {
            const Tensor image = dreamt(job, quick(parameterization, init));
            EXPECT_TRUE(image.narrow(2, 10, 20).equal(job.photo.narrow(2, 10, 20)));
            EXPECT_GT(distance(image, job.photo), 0.01);
        }
    }
}

TEST(DreamSpectrum, NextToNoStepGivesThePhotoBack) {
    const Tensor image = (photo(57, 78) * 1.4 - 0.2).clamp(0.0, 1.0);  // with black and white
    for (const auto parameterization : kSpectra) {
        DreamOptions options = quick(parameterization);
        options.octaves = 1;
        options.steps = 1;
        options.step_size = 1e-6;
        EXPECT_LT(distance(dreamt(image, options), image), 1.0 / 255);
    }
}

TEST(DreamSpectrum, RaisesTheActivationsItIsToldTo) {
    const Tensor image = photo(61, 83);
    const auto activation = [](const Tensor& of) {
        return lite0().forward(of, {"block2"}, false).at("block2").square().mean().item<double>();
    };
    for (const auto parameterization : kSpectra) {
        DreamOptions options = quick(parameterization);
        options.layers = {{"block2", 1.0}};
        options.octaves = 1;
        options.steps = 12;
        const double before = activation(image);
        EXPECT_GT(activation(dreamt(image, options)), 1.1 * before);
        options.layers = {{"block2", -1.0}};
        EXPECT_LT(activation(dreamt(image, options)), 0.95 * before);
    }
}

TEST(DreamSpectrum, KeepAndVariationHoldItToo) {
    const Tensor image = photo(48, 64);
    for (const auto parameterization : kSpectra) {
        DreamOptions options = quick(parameterization);
        options.steps = 10;
        const double free = root_mean_square(dreamt(image, options) - image).item<double>();
        options.keep = 10.0;
        EXPECT_LT(root_mean_square(dreamt(image, options) - image).item<double>(), 0.8 * free);
        options.keep = 0.0;
        const auto roughness = [&](double tv) {
            options.tv = tv;
            return dreamt(image, options).diff(1, 2).square().mean().item<double>();
        };
        EXPECT_LT(roughness(3.0), roughness(0.0));
    }
}

TEST(DreamSpectrum, WhatMeansNothingInASpectrumIsRefused) {
    const auto refused = [](const std::function<void(DreamOptions&)>& spoil, DreamInit init = DreamInit::Content) {
        DreamOptions options = quick(DreamParameterization::Maco, init);
        spoil(options);
        return expect_error(ErrorKind::Usage, [&] { validate(options); });
    };
    EXPECT_THAT(refused([](DreamOptions& o) { o.preset = DreamPreset::Google; }), HasSubstr("--preset google"));
    EXPECT_THAT(refused([](DreamOptions& o) { o.smooth = 1; }), HasSubstr("--smooth"));
    EXPECT_THAT(refused([](DreamOptions& o) { o.laplacian = 3; }), HasSubstr("--laplacian"));
    EXPECT_THAT(refused([](DreamOptions& o) { o.tone = 0.1; }), HasSubstr("--parameterization maco"));
    EXPECT_THAT(refused([](DreamOptions& o) { o.color_basis = ColorBasis::Luma; }), HasSubstr("--color-basis luma"));
    EXPECT_THAT(refused([](DreamOptions& o) { o.calm = 0.5; }, DreamInit::Noise), HasSubstr("--calm"));
    EXPECT_NO_THROW(validate(quick(DreamParameterization::Fourier, DreamInit::Noise)));
}

TEST(DreamTurn, LooksUprightWithoutRobustness) {
    const DreamTurn turn({20, 30}, quick(), 0, 0, at::kCPU);
    const Tensor image = photo(20, 30);
    EXPECT_TRUE(turn.of(image).is_same(image));
    EXPECT_EQ(turn.seen({3, 4}).y, 3);
    EXPECT_EQ(turn.seen({3, 4}).x, 4);
}

TEST(DreamTurn, GoesBackByItsTransposeAndFindsPlaces) {
    DreamOptions options = quick();
    options.robust = 2.0;
    const Tensor image = photo(41, 60);
    const Tensor gradient = photo(41, 60, "gradient") - 0.5;
    for (std::int64_t step = 0; step < 4; ++step) {
        const DreamTurn turn({41, 60}, options, 1, step, at::kCPU);
        const double forth = (turn.of(image) * gradient).sum().item<double>();
        EXPECT_NEAR((image * turn.back(gradient)).sum().item<double>(), forth, 1e-3 * std::abs(forth) + 1e-3);
        Tensor spot = at::zeros({3, 41, 60});
        spot.narrow(1, 12, 3).narrow(2, 40, 3).fill_(1.0);  // around (13, 41)
        const Tensor lit = turn.of(spot)[0];
        const DreamTurn::Place place = turn.seen({13, 41});
        EXPECT_GT(lit[place.y][place.x].item<double>(), 0.5);
    }
}

TEST(DreamTurn, IsOfSeedOctaveAndStep) {
    DreamOptions options = quick();
    options.robust = 1.0;
    const Tensor image = photo(41, 60);
    const auto seen = [&](std::uint64_t stage, std::int64_t step) {
        return DreamTurn({41, 60}, options, stage, step, at::kCPU).of(image);
    };
    EXPECT_TRUE(seen(1, 2).equal(seen(1, 2)));
    EXPECT_GT(distance(seen(1, 2), seen(1, 3)), 0.01);
    EXPECT_GT(distance(seen(1, 2), seen(2, 2)), 0.01);
    const Tensor before = seen(1, 2);
    options.seed = 5;
    EXPECT_GT(distance(seen(1, 2), before), 0.01);
}

}  // namespace
}  // namespace reverie
