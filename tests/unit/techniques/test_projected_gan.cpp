// GANs whose discriminator looks through a frozen net.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <string>
#include <vector>

#include "image/bilinear.h"
#include "reverie/core/noise.h"
#include "reverie/techniques/gan.h"
#include "support/expect_error.h"
#include "support/projector_net.h"
#include "support/relative_error.h"
#include "techniques/gan/projected_view.h"
#include "train/copy_tensors.h"
#include "train/stepper.h"

namespace reverie {
namespace {

using test::expect_error;
using test::formula_projector;
using test::relative_error;
using testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);

GanOptions small(Size size = Size{24, 20}, std::int64_t channels = 1) {
    GanOptions options = gan_recipe("projected", size, channels, 1000).options;
    options.net.latent = 8;
    options.net.generator_width = 8;
    options.net.discriminator_width = 8;
    options.net.projected_side = 64;
    return options;
}

Batch batch_of(const GanOptions& options, std::int64_t count, std::int64_t first = 0) {
    const Size size = options.net.size;
    return {uniform_noise(1, 2, first, count, {options.net.channels, size.height, size.width}),
            at::arange(count, at::kLong) % std::max<std::int64_t>(1, options.net.classes), at::arange(count, at::kLong),
            first};
}

/// The task's state before and after two steps.
std::pair<NamedTensors, NamedTensors> two_steps(const GanOptions& options, std::uint64_t projections = 5) {
    GanTask task(options, 3, kCpu, {}, {}, formula_projector(projections));
    std::pair<NamedTensors, NamedTensors> states;
    keep_values(states.first, task.state());
    TrainOptions training;
    training.steps = 10;
    Stepper stepper(task, training);
    for (std::int64_t step = 0; step < 2; ++step) {
        stepper.step(batch_of(options, 4, 4 * step), step, 10, 1, 1.0);
    }
    keep_values(states.second, task.state());
    return states;
}

TEST(ProjectedGan, LearnsAtAnySizeInGreyColourAndWithAlpha) {
    for (const auto& [size, channels] : {std::pair{Size{24, 20}, 1}, {Size{32, 32}, 3}, {Size{67, 90}, 4}}) {
        const auto [before, after] = two_steps(small(size, channels));
        for (const auto& [name, tensor] : after) {
            EXPECT_TRUE(tensor.to(at::kDouble).isfinite().all().item<bool>()) << name;
            const bool learnt = name.ends_with("weight") || name.ends_with("head.bias");
            if (learnt && (name.starts_with("generator.") || name.starts_with("discriminator."))) {
                EXPECT_FALSE(tensor.equal(before.at(name))) << name;
            }
        }
    }
}

TEST(ProjectedGan, ConditionalNetsLearnWhatALabelIs) {
    GanOptions options = small();
    options.net.classes = 2;
    const auto [before, after] = two_steps(options);
    for (const char* name : {"generator.norm.scales.weight", "generator.stages.0.norm.shifts.weight",
                             "discriminator.scales.3.embedding.weight"}) {
        EXPECT_FALSE(after.at(name).equal(before.at(name))) << name;
    }
}

TEST(ProjectedGan, TakesTheGeneratorOfADcganToo) {
    GanOptions options = small();
    options.net.generator = GanGeneratorKind::Dcgan;
    const auto [before, after] = two_steps(options);
    EXPECT_FALSE(after.at("generator.stem.weight").equal(before.at("generator.stem.weight")));
}

TEST(ProjectedGan, PixelBranchMayBeLeftOut) {
    GanOptions options = small();
    const NamedTensors with = two_steps(options).second;
    options.net.pixel_branch = false;
    const NamedTensors without = two_steps(options).second;
    EXPECT_TRUE(with.contains("discriminator.scales.4.head.weight"));
    EXPECT_FALSE(without.contains("discriminator.scales.4.head.weight"));
    EXPECT_FALSE(with.at("generator.head.weight").equal(without.at("generator.head.weight")));
}

TEST(ProjectedGan, OtherProjectionsAreAnotherGame) {
    const NamedTensors once = two_steps(small(), 5).second;
    const NamedTensors again = two_steps(small(), 5).second;
    const NamedTensors other = two_steps(small(), 6).second;
    EXPECT_TRUE(once.at("generator.stem.weight").equal(again.at("generator.stem.weight")));
    EXPECT_FALSE(once.at("generator.stem.weight").equal(other.at("generator.stem.weight")));
}

/// The generator's phase goes on from what the discriminator's saw: its gradient is that of a pass of its own.
TEST(ProjectedGan, GeneratorsGradientIsThatOfItsImagesThroughTheNet) {
    GanOptions options = small();
    options.augment = {};
    options.augment_probability = 0.0;
    GanTask task(options, 3, kCpu, {}, {}, formula_projector(5));
    const std::vector<Phase> phases = task.phases();
    const Batch batch = batch_of(options, 4);
    StepLog log;
    phases[0].loss({batch, 0, 10, 1}, log).backward();
    const Tensor& weight = phases[1].parameters.at("generator.head.weight");
    weight.mutable_grad() = Tensor();
    phases[1].loss({batch, 0, 10, 1}, log).backward();
    const Tensor found = weight.grad().clone();

    // The same from the nets' parts. A step forward and back of the weight says what the loss does.
    const auto loss_with = [&](double change) {
        GanTask moved(options, 3, kCpu, {}, {}, formula_projector(5));
        const std::vector<Phase> both = moved.phases();
        StepLog unused;
        {  // the first batch gives the generator its colours, and norms one step
            const c10::NoGradGuard no_grad;
            both[1].parameters.at("generator.head.weight").add_(found / found.norm(), change);
        }
        both[0].loss({batch, 0, 10, 1}, unused);
        return both[1].loss({batch, 0, 10, 1}, unused).item<double>();
    };
    const double step = 1e-4;
    const double slope = (loss_with(step) - loss_with(-step)) / (2 * step);
    EXPECT_NEAR(slope / found.norm().item<double>(), 1.0, 0.1);
}

TEST(ProjectedView, ShowsAlphaOnWhatLiesBehind) {
    const ProjectedView view(formula_projector(5), {64, 64});
    const Tensor opaque = at::cat({uniform_noise(1, 2, 0, 2, {3, 64, 64}), at::ones({2, 1, 64, 64})}, 1);
    const Tensor clear = at::cat({opaque.narrow(1, 0, 3), at::zeros({2, 1, 64, 64})}, 1);
    const Tensor dark = at::full({2, 3, 1, 1}, 0.1);
    const Tensor light = at::full({2, 3, 1, 1}, 0.9);
    EXPECT_TRUE(view.of(opaque, dark)[0].equal(view.of(opaque.narrow(1, 0, 3), {})[0]));
    EXPECT_GT(relative_error(view.of(clear, dark)[0], view.of(clear, light)[0]), 0.1);
    EXPECT_TRUE(view.of(opaque, dark)[3].equal(view.of(opaque, light)[3]));
}

/// What the frozen net says of the shown images, and what LibTorch says of how they were made.
TEST(ProjectedView, GivesGradientsOfLargerAndSmallerImages) {
    for (const std::int64_t side : {20, 64, 150}) {
        const Tensor images = uniform_noise(1, 3, 0, 2, {1, side, side}).requires_grad_();
        const ProjectedView view(formula_projector(5), {64, 64});
        const std::vector<Tensor> maps = view.of(images, {});
        std::vector<Tensor> slopes;
        for (const Tensor& map : maps) {
            slopes.push_back(at::cos(map.detach() * 3.0));
        }
        torch::autograd::backward({maps[0], maps[1], maps[2], maps[3]}, slopes);

        const Tensor again = images.detach().requires_grad_();
        const Tensor resized = side == 64 ? again : image::bilinear(again, Size{64, 64}, image::Corners::Centres);
        const Tensor shown = resized.expand({-1, 3, -1, -1});
        const std::shared_ptr<FrozenNet> net = formula_projector(5);
        Features of;
        std::vector<std::string> taps;
        for (std::size_t i = 0; i < slopes.size(); ++i) {
            taps.push_back(projections()[i].tap);
            of[taps.back()] = slopes[i];
        }
        const Features seen = net->forward(shown.detach().contiguous(), taps);
        shown.backward(net->backward(of));
        EXPECT_TRUE(seen.at(taps[2]).equal(maps[2])) << side;
        EXPECT_LT(relative_error(images.grad(), again.grad()), 1e-6) << side;
    }
}

TEST(ProjectedView, GradientAfterAnotherLookIsRefused) {
    const ProjectedView view(formula_projector(5), {64, 64});
    const Tensor images = uniform_noise(1, 3, 0, 1, {3, 64, 64}).requires_grad_();
    const Tensor first = view.of(images, {})[0].sum();
    view.of(images.detach(), {});
    EXPECT_ANY_THROW(first.backward());
}

TEST(ProjectedOptions, RefuseWhatTheDiscriminatorCannot) {
    const auto refusal = [](auto change) {
        GanOptions options = small();
        change(options);
        return expect_error(ErrorKind::Usage, [&] { validate(options); });
    };
    EXPECT_THAT(refusal([](auto& o) { o.r1 = 1.0; }), HasSubstr("--r1"));
    EXPECT_THAT(refusal([](auto& o) { o.gradient_penalty = 1.0; }), HasSubstr("--gradient-penalty"));
    EXPECT_THAT(refusal([](auto& o) { o.net.minibatch_deviation = true; }), HasSubstr("--minibatch-std"));
    EXPECT_THAT(refusal([](auto& o) { o.net.attention = 8; }), HasSubstr("--attention 8"));
    for (const std::int64_t side : {32, 100, 2048}) {
        EXPECT_THAT(refusal([side](auto& o) { o.net.projected_side = side; }),
                    HasSubstr("--projected-size is " + std::to_string(side)));
    }
    EXPECT_THAT(refusal([](auto& o) { o.net.discriminator = GanDiscriminatorKind::Own; }),
                HasSubstr("--pixel-branch is for"));
    EXPECT_THAT(refusal([](auto& o) {
                    o.net.discriminator = GanDiscriminatorKind::Own;
                    o.net.pixel_branch = false;
                }),
                HasSubstr("--projected-size is for"));
}

TEST(ProjectedOptions, SizesKeepTheImagesProportions) {
    GanNetOptions options = small({48, 100}).net;
    EXPECT_EQ(projected_size(options), (Size{64, 128}));
    options.size = {100, 48};
    EXPECT_EQ(projected_size(options), (Size{128, 64}));
    options.projected_side = 224;
    options.size = {33, 33};
    EXPECT_EQ(projected_size(options), (Size{224, 224}));
}

TEST(ProjectedOptions, ATaskAndItsNetBelongTogether) {
    expect_error(ErrorKind::Usage, [] { GanTask(small(), 1, kCpu, {}); });
    const GanOptions own = gan_recipe("reverie", Size{16, 16}, 1, 10).options;
    expect_error(ErrorKind::Usage, [&] { GanTask(own, 1, kCpu, {}, {}, formula_projector(1)); });
    EXPECT_EQ(looked_through(small().net), "efficientnet_lite0");
    EXPECT_EQ(looked_through(own.net), "");
}

}  // namespace
}  // namespace reverie
