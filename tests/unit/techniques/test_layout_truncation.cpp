// Images with more usual layouts: --truncation of a fastgan generator.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "reverie/core/noise.h"
#include "reverie/core/parallel.h"
#include "reverie/techniques/gan.h"
#include "reverie/techniques/latent_space.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);

GanNetOptions fastgan(std::int64_t classes = 0) {
    return {.size = {40, 52},
            .channels = 1,
            .latent = 12,
            .generator_width = 6,
            .classes = classes,
            .generator = GanGeneratorKind::Fastgan};
}

/// Weights of a generator whose latents, and labels, matter.
NamedTensors weights_of(const GanNetOptions& options) {
    const c10::NoGradGuard no_grad;
    NamedTensors weights;
    const auto net = make_gan_generator(resolved(options), 3);
    for (const auto& item : net->named_parameters()) {
        weights["generator." + item.key()] = item.value();
    }
    for (const auto& item : net->named_buffers()) {
        weights["generator." + item.key()] = item.value();
    }
    for (auto& [name, tensor] : weights) {
        if (name.ends_with("norm.weight") || name.ends_with("scales.weight") || name.ends_with("shifts.weight")) {
            tensor.add_(normal_noise(1, stream_of(name), 0, 1, tensor.sizes().vec())[0], 0.5);
        }
    }
    return weights;
}

Gan gan_of(const GanNetOptions& options) { return {options, weights_of(options), kCpu}; }

/// How much of images is the same in all of them, from 0 to 1, less how light each is.
double sameness(const Tensor& images) {
    const Tensor layouts = images - images.mean({1, 2, 3}, /*keepdim=*/true);
    return (layouts.mean(0).square().mean() / layouts.square().mean()).item<double>();
}

TEST(LayoutTruncation, MakesImagesMoreAlikeAndKeepsTheirContrast) {
    const Gan gan = gan_of(fastgan());
    const Tensor latents = normal_noise(5, 6, 0, 40, {12});
    const auto images = [&](double share) { return gan.with_truncated_layouts(share).generate(latents); };
    const Tensor all = images(1.0);
    const Tensor some = images(0.3);
    EXPECT_GT(sameness(some), 1.1 * sameness(all));
    EXPECT_GT(sameness(images(0.0)), 1.1 * sameness(some));
    const auto contrast = [](const Tensor& of) { return of.std({1, 2, 3}).mean().item<double>(); };
    EXPECT_NEAR(contrast(some) / contrast(all), 1.0, 0.25);
}

TEST(LayoutTruncation, LeavesTheGeneratorItWasAskedOfAlone) {
    const Gan gan = gan_of(fastgan());
    const Tensor latents = seed_latents({1, 2, 3}, 12);
    const Tensor before = gan.generate(latents);
    const Tensor truncated = gan.with_truncated_layouts(0.5).generate(latents);
    EXPECT_TRUE(at::equal(gan.generate(latents), before));
    EXPECT_FALSE(at::equal(truncated, before));
}

TEST(LayoutTruncation, ImageDependsNeitherOnItsNeighboursNorOnThreads) {
    const Gan gan = gan_of(fastgan(2));
    const Tensor latents = seed_latents({1, 2, 3, 4, 5}, 12);
    const Tensor labels = at::tensor({0, 1, 1, 0, 1}, at::kLong);
    const Tensor all = gan.with_truncated_layouts(0.6).generate(latents, labels);
    const auto third = [&](int threads) {
        const ThreadShare share(threads);
        return gan.with_truncated_layouts(0.6).generate(latents.narrow(0, 2, 1), labels.narrow(0, 2, 1));
    };
    for (const int threads : {1, 2, 5}) {
        EXPECT_TRUE(at::equal(third(threads)[0], all[2])) << threads;
    }
}

TEST(LayoutTruncation, MeanLayoutIsThatOfTheLabel) {
    const Gan gan = gan_of(fastgan(3)).with_truncated_layouts(0.0);
    const Tensor latents = normal_noise(5, 6, 0, 60, {12});
    const auto mean_of = [&](std::int64_t label) {
        return gan.generate(latents, at::full({60}, label, at::kLong)).mean(0);
    };
    const Tensor first = mean_of(0);
    EXPECT_GT((mean_of(1) - first).abs().mean().item<double>(), 0.01);
    EXPECT_GT((mean_of(2) - mean_of(1)).abs().mean().item<double>(), 0.01);
}

TEST(LayoutTruncation, NormsBehindTheLayoutsAreMeasuredAnew) {
    NamedTensors weights = weights_of(fastgan());
    const Tensor latents = seed_latents({1, 2, 3}, 12);
    const auto images = [&] { return Gan(fastgan(), weights, kCpu).with_truncated_layouts(0.7).generate(latents); };
    const Tensor before = images();
    for (auto& [name, tensor] : weights) {
        if (name.find("stages.") != std::string::npos && name.ends_with("running_mean")) {
            tensor.add_(0.25);
        } else if (name.find("stages.") != std::string::npos && name.ends_with("running_var")) {
            tensor.mul_(3.0);
        }
    }
    EXPECT_TRUE(at::allclose(images(), before, 1e-4, 1e-5)) << "what norms were is forgotten";
    weights.at("generator.norm.running_mean").add_(1.0);
    EXPECT_FALSE(at::allclose(images(), before, 1e-4, 1e-3)) << "but for the one before";
}

TEST(LayoutTruncation, IsForGeneratorsWithLayouts) {
    GanNetOptions options = fastgan();
    options.generator = GanGeneratorKind::Dcgan;
    const Gan gan = gan_of(options);
    EXPECT_FALSE(gan.has_layouts());
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { gan.with_truncated_layouts(0.5); }), HasSubstr("fastgan"));
    EXPECT_TRUE(gan_of(fastgan()).has_layouts());
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { gan_of(fastgan()).with_truncated_layouts(-0.5); }),
                HasSubstr("-0.5"));
}

TEST(LayoutTruncation, CanBeCancelled) {
    CancelToken cancel;
    cancel.request();
    Hooks hooks;
    hooks.cancel = &cancel;
    expect_error(ErrorKind::Cancelled, [&] { gan_of(fastgan()).with_truncated_layouts(0.5, hooks); });
}

}  // namespace
}  // namespace reverie
