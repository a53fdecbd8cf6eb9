#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reverie/image/resample.h"
#include "reverie/techniques/dream.h"
#include "support/expect_error.h"
#include "support/formula_net.h"

namespace reverie {
namespace {

using test::expect_error;

FrozenNet& lite0() {
    static FrozenNet net = test::formula_lite0();
    return net;
}

Tensor photo(std::int64_t height, std::int64_t width) { return test::formula_image(height, width, "photo").squeeze(0); }

/// Small enough for tests: two octaves of three steps.
DreamOptions quick() {
    DreamOptions options = dream_recipe("efficientnet_lite0");
    options.layers = {{"block3", 1.0}, {"block5.expand", 0.5}};
    options.octaves = 2;
    options.steps = 3;
    options.jitter = 4;
    options.margin = 4;
    return options;
}

double activation(const Tensor& image, const std::string& tap) {
    return lite0().forward(image, {tap}, false).at(tap).square().mean().item<double>();
}

TEST(Dream, RaisesTheActivationsItIsToldToAndLowersTheNegativeOnes) {
    const Tensor image = photo(61, 83);
    // The plain gradient: what makes dreams beautiful also makes them slower.
    DreamOptions options = quick();
    options.laplacian = 0;
    options.smooth = 0;
    options.color_basis = ColorBasis::Rgb;
    options.tone = 0;
    options.headroom = 0;
    options.octaves = 1;
    options.steps = 10;
    options.step_size = 0.03;
    for (const char* tap : {"block1.expand", "block2"}) {
        const double before = activation(image, tap);
        options.layers = {{tap, 1.0}};
        EXPECT_GT(activation(dream(image, lite0(), options, 0).image, tap), 1.1 * before) << tap;
        options.layers = {{tap, -1.0}};
        EXPECT_LT(activation(dream(image, lite0(), options, 0).image, tap), 0.9 * before) << tap;
    }
}

TEST(Dream, KeepsTheSizeAndTheRange) {
    const DreamResult result = dream(photo(45, 67), lite0(), quick(), 0);
    EXPECT_EQ(result.image.sizes(), (at::IntArrayRef{3, 45, 67}));
    EXPECT_TRUE(result.image.is_contiguous());
    EXPECT_GE(result.image.min().item<double>(), 0.0);
    EXPECT_LE(result.image.max().item<double>(), 1.0);
    EXPECT_EQ(result.steps, 6);
}

TEST(Dream, SameSeedGivesTheSameBitsAndAnotherSeedOthers) {
    DreamOptions options = quick();
    const Tensor first = dream(photo(48, 64), lite0(), options, 0).image;
    EXPECT_TRUE(at::equal(first, dream(photo(48, 64), lite0(), options, 0).image));
    options.seed = 1;
    EXPECT_FALSE(at::equal(first, dream(photo(48, 64), lite0(), options, 0).image));
}

TEST(Dream, WithFullDetailHardlyDreamingGivesThePhotoBack) {
    DreamOptions options = quick();
    options.octaves = 4;
    options.step_size = 1e-6;
    options.steps = 1;
    const Tensor image = photo(90, 120);
    EXPECT_LT((dream(image, lite0(), options, 0).image - image).abs().max().item<double>(), 1.0 / 255);
    options.detail = 0.0;
    EXPECT_GT((dream(image, lite0(), options, 0).image - image).abs().max().item<double>(), 0.1)
        << "without detail it blurs";
}

TEST(Dream, ChangePerStepIsTheSameAtAnySize) {
    DreamOptions options = quick();
    options.octaves = 1;
    options.steps = 1;
    options.headroom = 0;
    options.tone = 0;
    std::vector<double> changes;
    for (const std::int64_t side : {64, 128, 256}) {
        const Tensor image = photo(side, side) * 0.5 + 0.25;  // far from the bounds
        changes.push_back((dream(image, lite0(), options, 0).image - image).square().mean().sqrt().item<double>());
    }
    for (const double change : changes) {
        EXPECT_NEAR(change, options.step_size, 0.01 * options.step_size);
    }
}

TEST(Dream, LumaBasisKeepsTheColours) {
    DreamOptions options = quick();
    options.color_basis = ColorBasis::Luma;
    options.octaves = 1;
    options.headroom = 0;  // slows channels apart
    options.tone = 0;
    const Tensor image = photo(48, 64) * 0.3 + 0.35;
    const Tensor change = dream(image, lite0(), options, 0).image - image;
    EXPECT_GT(change.abs().max().item<double>(), 0.02);
    EXPECT_LT((change[0] - change[1]).abs().max().item<double>(), 1e-5);
    EXPECT_LT((change[0] - change[2]).abs().max().item<double>(), 1e-5);
}

TEST(Dream, OctavesBelowTheNetsMinimumAreDroppedWithOneWarning) {
    FrozenNet net = test::formula_net("inception_v3", "inception");
    DreamOptions options = quick();
    options.layers = {{"Mixed_6a", 1.0}};
    options.octaves = 8;
    options.steps = 1;
    std::vector<std::string> warnings;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& sentence) { warnings.push_back(sentence); };
    const DreamResult result = dream(photo(64, 64), net, options, 0, hooks);
    EXPECT_EQ(result.image.sizes(), (at::IntArrayRef{3, 64, 64}));
    ASSERT_EQ(warnings.size(), 1U);
    const DreamPlan plan = plan_dream({64, 64}, net, options, 0);
    EXPECT_GT(plan.dropped, 0);
    EXPECT_EQ(plan.dropped + static_cast<std::int64_t>(plan.octaves.size()), 8);
    EXPECT_EQ(plan.octaves.back(), (Size{64, 64}));
}

TEST(Dream, OctavesFollowThePictureUnlessTheyAreCounted) {
    DreamOptions options = quick();
    options.octaves = 0;
    options.smallest = 115;
    options.octave_scale = 1.35;
    EXPECT_EQ(plan_dream({100, 80}, lite0(), options, 0).octaves.size(), 1U);
    const std::vector<Size> sizes = plan_dream({600, 800}, lite0(), options, 0).octaves;
    EXPECT_EQ(sizes.size(), 7U);
    EXPECT_EQ(sizes.back(), (Size{600, 800}));
    EXPECT_NEAR(static_cast<double>(sizes.front().width), 115, 25);
}

TEST(Dream, FewOctavesGetMoreSteps) {
    DreamOptions options = quick();
    options.steps = 0;
    const auto steps = [&](std::int64_t octaves) {
        options.octaves = octaves;
        return plan_dream({200, 200}, lite0(), options, 0).steps;
    };
    EXPECT_EQ(steps(1), 40);
    EXPECT_EQ(steps(4), 21);
    EXPECT_EQ(steps(8), 14);
    options.steps = 5;
    EXPECT_EQ(steps(4), 5);
}

TEST(Dream, TooSmallAPictureIsRefused) {
    EXPECT_THAT(expect_error(ErrorKind::Input, [] { dream(photo(1, 1), lite0(), quick(), 0); }),
                testing::AllOf(testing::HasSubstr("1x1"), testing::HasSubstr("--size")));
    FrozenNet net = test::formula_net("inception_v3", "inception");
    DreamOptions options = quick();
    options.layers = {{"Mixed_7c", 1.0}};
    expect_error(ErrorKind::Input, [&] { plan_dream({20, 20}, net, options, 0); });
}

TEST(Dream, OneLayerUnderTwoNamesIsRefused) {
    DreamOptions options = quick();
    options.layers = {{"block3", 1.0}, {"_blocks.3", 1.0}};
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { dream(photo(48, 57), lite0(), options, 0); }),
                testing::AllOf(testing::HasSubstr("block3"), testing::HasSubstr("one layer")));
}

TEST(Dream, TensorsOfAnotherKindAreRefusedBeforeAnyWork) {
    const auto refuse = [](const Tensor& image, const char* said) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { dream(image, lite0(), quick(), 0); }),
                    testing::HasSubstr(said));
    };
    refuse(at::zeros({1, 48, 57}), "[1,48,57]");
    refuse(at::zeros({48, 57}), "[48,57]");
    refuse(at::zeros({3, 48, 57}, at::kDouble), "float64");
    refuse(Tensor(), "undefined");
    refuse(at::full({3, 48, 57}, std::nan("")), "not finite");
}

TEST(Dream, OptionsOutOfRangeNameTheirFlag) {
    const auto refuse = [](const char* flag, const std::function<void(DreamOptions&)>& spoil) {
        DreamOptions options = quick();
        spoil(options);
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { validate(options); }), testing::HasSubstr(flag));
    };
    refuse("--layers", [](DreamOptions& o) { o.layers.clear(); });
    refuse("--layers", [](DreamOptions& o) { o.layers[0].weight = 0; });
    refuse("--octaves", [](DreamOptions& o) { o.octaves = -1; });
    refuse("--octave-scale", [](DreamOptions& o) { o.octave_scale = 1.0; });
    refuse("--steps", [](DreamOptions& o) { o.steps = -1; });
    refuse("--step-size", [](DreamOptions& o) { o.step_size = std::nan(""); });
    refuse("--jitter", [](DreamOptions& o) { o.jitter = -1; });
    refuse("--smooth", [](DreamOptions& o) { o.smooth = -0.5; });
    refuse("--laplacian", [](DreamOptions& o) { o.laplacian = 17; });
    refuse("--tone", [](DreamOptions& o) { o.tone = 2; });
    refuse("--tile", [](DreamOptions& o) { o.tile = -5; });
    refuse("--caricature", [](DreamOptions& o) { o.caricature = 1.5; });
    refuse("--strength", [](DreamOptions& o) { o.strength = -0.1; });
    refuse("--keep", [](DreamOptions& o) { o.keep = -1; });
    refuse("--tv", [](DreamOptions& o) { o.tv = -1; });
    refuse("--detail", [](DreamOptions& o) { o.detail = 1.5; });
    for (const char* network : {"inception_v3", "vgg19", "vgg16", "vgg16_hed", "efficientnet_lite0"}) {
        EXPECT_NO_THROW(validate(dream_recipe(network))) << network;
    }
}

TEST(Dream, RecipesNameLayersOfTheirNets) {
    for (const auto& [network, architecture] :
         std::vector<std::pair<std::string, std::string>>{{"inception_v3", "inception_v3"},
                                                          {"inception_v3_keras", "inception_v3_keras"},
                                                          {"vgg19", "vgg19"},
                                                          {"vgg16", "vgg16"},
                                                          {"vgg16_hed", "vgg16"},
                                                          {"googlenet", "googlenet"},
                                                          {"resnet50", "resnet50"},
                                                          {"efficientnet_lite1", "efficientnet_lite1"},
                                                          {"efficientnet_lite2", "efficientnet_lite2"},
                                                          {"efficientnet_lite0", "efficientnet_lite0"}}) {
        const Graph graph = make_graph(architecture, "torchvision");
        for (const DreamPreset preset : {DreamPreset::Reverie, DreamPreset::Chollet2e, DreamPreset::Chollet1e,
                                         DreamPreset::Google, DreamPreset::Gordic, DreamPreset::NeuralDream}) {
            EXPECT_NO_THROW(check_targets(graph, dream_recipe(network, preset).layers)) << network;
        }
    }
}

TEST(Dream, MemoryLimitChoosesTilesAndSaysTheLeastThatWorks) {
    const DreamOptions options = quick();
    const Size size{1400, 1800};  // the net's maps are most of it
    const DreamPlan whole = plan_dream(size, lite0(), options, 0);
    EXPECT_EQ(whole.tile, 0);
    const DreamPlan tiled = plan_dream(size, lite0(), options, whole.peak_bytes * 3 / 4);
    EXPECT_GE(tiled.tile, 128);
    EXPECT_LE(tiled.peak_bytes, whole.peak_bytes * 3 / 4);
    EXPECT_THAT(expect_error(ErrorKind::Device, [&] { plan_dream(size, lite0(), options, 1 << 20); }),
                testing::AllOf(testing::HasSubstr("--max-memory"), testing::HasSubstr("at least")));
}

TEST(Dream, StoppedEarlyItStillGivesAPictureOfFullSize) {
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    int reports = 0;
    hooks.on_progress = [&](const Progress& progress) {
        EXPECT_LE(progress.done, progress.total);
        if (++reports == 2) {
            cancel.request();
        }
    };
    const DreamResult result = dream(photo(50, 70), lite0(), quick(), 0, hooks);
    EXPECT_TRUE(result.cancelled);
    EXPECT_EQ(result.steps, 2);
    EXPECT_EQ(result.image.sizes(), (at::IntArrayRef{3, 50, 70}));
}

TEST(Dream, WhatIsProtectedStaysToTheBitAndTheRestDreamsAsStrongly) {
    const Tensor image = photo(60, 80) * 0.5 + 0.25;
    DreamOptions options = quick();
    DreamJob job(image);
    job.protect = at::zeros({1, 60, 80});
    job.protect.narrow(2, 0, 40).fill_(1.0);  // with a soft edge
    job.protect.narrow(2, 40, 4).fill_(0.5);
    const Tensor change = (dream(job, lite0(), options, 0).image - image).abs();
    EXPECT_EQ(change.narrow(2, 0, 40).max().item<double>(), 0.0);
    const double half = change.narrow(2, 44, 36).square().mean().sqrt().item<double>();
    const double whole =
        (dream(image, lite0(), options, 0).image - image).narrow(2, 44, 36).square().mean().sqrt().item<double>();
    EXPECT_NEAR(half, whole, 0.3 * whole);
    EXPECT_GT(change.narrow(2, 40, 4).max().item<double>(), 0.0);

    job.protect = at::ones({1, 60, 80});
    EXPECT_TRUE(at::equal(dream(job, lite0(), options, 0).image, image)) << "all of it";
    job.protect = at::zeros({1, 60, 81});
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { dream(job, lite0(), options, 0); }),
                testing::HasSubstr("--protect"));
}

TEST(Dream, StrengthIsTheShareOfTheDream) {
    const Tensor image = photo(48, 64);
    DreamOptions options = quick();
    const Tensor whole = dream(image, lite0(), options, 0).image;
    options.strength = 0.25;
    EXPECT_TRUE(at::allclose(dream(image, lite0(), options, 0).image, image + 0.25 * (whole - image)));
    options.strength = 0.0;
    EXPECT_TRUE(at::equal(dream(image, lite0(), options, 0).image, image));
}

TEST(Dream, TheMoreIsKeptTheNearerThePhoto) {
    const Tensor image = photo(48, 64);
    DreamOptions options = quick();
    options.steps = 10;
    options.tone = 0;
    const auto distance = [&](double keep) {
        options.keep = keep;
        return (dream(image, lite0(), options, 0).image - image).square().mean().sqrt().item<double>();
    };
    const double free = distance(0.0);
    EXPECT_LT(distance(1.0), 0.95 * free);
    EXPECT_LT(distance(10.0), 0.6 * free);
}

TEST(Dream, TotalVariationSmooths) {
    const Tensor image = photo(48, 64);
    DreamOptions options = quick();
    options.steps = 10;
    const auto roughness = [&](double tv) {
        options.tv = tv;
        const Tensor dreamt = dream(image, lite0(), options, 0).image;
        return dreamt.diff(1, 2).square().mean().item<double>();
    };
    EXPECT_LT(roughness(1.0), 0.9 * roughness(0.0));
}

TEST(Dream, TilesAreAsTheyAreAskedFor) {
    DreamOptions options = quick();
    const Size size{700, 900};
    EXPECT_EQ(plan_dream(size, lite0(), options, 0).tile, 0);
    options.tile = 256;
    EXPECT_EQ(plan_dream(size, lite0(), options, 0).tile, 256);
    EXPECT_LT(plan_dream(size, lite0(), options, 0).peak_bytes, 400'000'000);
    options.tile = 4000;
    EXPECT_EQ(plan_dream(size, lite0(), options, 0).tile, 0) << "a picture that fits into one";
    options.tile = 0;
    EXPECT_THAT(expect_error(ErrorKind::Device, [&] { plan_dream(size, lite0(), options, 1 << 20); }),
                testing::HasSubstr("--tile"));
}

TEST(Dream, OfADreamSizeALargerPhotoGetsTheSameDreamWithItsOwnDetail) {
    DreamOptions options = quick();
    options.largest = 64;
    options.octaves = 1;                               // a smaller one would be shrunk from different pictures
    const Tensor large = photo(192, 256) * 0.4 + 0.3;  // far from black and white
    EXPECT_EQ(plan_dream({192, 256}, lite0(), options, 0).octaves.back(), (Size{48, 64}));
    const Tensor change = dream(large, lite0(), options, 0).image - large;
    EXPECT_EQ(change.sizes(), large.sizes());
    options.largest = 0;
    const Tensor small = resize(large, Size{48, 64}).clamp(0.0, 1.0);
    const Tensor expected = resize(dream(small, lite0(), options, 0).image - small, Size{192, 256});
    EXPECT_GT(expected.abs().max().item<double>(), 0.02);
    EXPECT_LT((change - expected).square().mean().sqrt().item<double>(),
              0.1 * expected.square().mean().sqrt().item<double>());
}

}  // namespace
}  // namespace reverie
