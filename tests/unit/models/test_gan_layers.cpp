#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/gan_layers.h"
#include "reverie/core/noise.h"
#include "unit/models/small_gans.h"

namespace reverie {
namespace {

using test::labels_of;
using test::of_kind;
using test::pictures;
using test::slope_of;
using test::small;

TEST(GanLayers, AttentionStartsAsNothingAtTheNearestStage) {
    const c10::NoGradGuard no_grad;
    GanNetOptions options = small({64, 64}, 1);
    const std::pair<std::int64_t, std::int64_t> cases[] = {{40, 8}, {16, 16}, {9, 32}, {1, 64}};
    for (const auto& [wanted, channels] : cases) {
        options.attention = wanted;
        const GanNets nets = make_gan(options, 1);
        for (const torch::nn::Module* net : {static_cast<torch::nn::Module*>(nets.generator.get()),
                                             static_cast<torch::nn::Module*>(nets.discriminator.get())}) {
            const auto parameters = net->named_parameters();
            EXPECT_EQ(parameters["attention.query.weight"].size(1), channels) << wanted;
            EXPECT_EQ(parameters["attention.gamma"].item<double>(), 0.0);
        }
    }
    options.attention = 16;
    const auto net = make_gan(options, 1).discriminator;
    const Tensor images = pictures(2, options);
    const Tensor before = net->forward(images, labels_of(2), {});
    for (const char* name : {"query", "key", "value", "out"}) {
        net->named_parameters()["attention." + std::string(name) + ".weight"].add_(0.1);
    }
    EXPECT_TRUE(at::equal(net->forward(images, labels_of(2), {}), before));
    net->named_parameters()["attention.gamma"].fill_(0.5);
    EXPECT_FALSE(at::allclose(net->forward(images, labels_of(2), {}), before));
}

TEST(GanLayers, SpectralNormsFindTheLargestSingularValue) {
    const GanNetOptions options = small({28, 28}, 3);
    const auto net = make_gan(options, 1).discriminator;
    const auto largest = [&](double tolerance) {
        int found = 0;
        for (const auto& module : net->modules()) {
            if (const auto* weight = module->as<GanWeight>()) {
                const Tensor values = std::get<1>(at::linalg_svd(weight->weight().detach().flatten(1)));
                EXPECT_NEAR(values.max().item<double>(), 1.0, tolerance);
                ++found;
            }
        }
        EXPECT_EQ(found, 3 + 4 + 1 + 1);  // stages, attention, labels, head
    };
    largest(0.2);  // fifteen iterations find a random matrix's edge roughly
    for (int i = 0; i < 500; ++i) {
        net->advance_norms();
    }
    largest(1e-3);
}

TEST(GanLayers, PassesLeaveSpectralNormsAlone) {
    const GanNetOptions options = small({16, 16}, 3);
    const auto net = make_gan(options, 1).discriminator;
    const auto copied = [&] {
        std::vector<Tensor> all;
        for (const Tensor& buffer : net->buffers()) {
            all.push_back(buffer.clone());
        }
        return all;
    };
    const auto before = copied();
    ASSERT_EQ(before.size(), 2U * (2 + 4 + 1 + 1));
    const Tensor images = pictures(2, options).requires_grad_();
    net->forward(images, labels_of(2), {}).sum().backward();
    const auto after = copied();
    net->advance_norms();
    const auto advanced = copied();
    bool moved = false;
    for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_TRUE(at::equal(before[i], after[i]));
        EXPECT_NEAR(advanced[i].norm().item<double>(), 1.0, 1e-5);
        moved |= !at::equal(before[i], advanced[i]);
    }
    EXPECT_TRUE(moved);
    // The scale of a normed weight is nothing to the logits, without the norm it is.
    const auto change_of = [&](bool norm) {
        const c10::NoGradGuard no_grad;
        GanNetOptions other = options;
        other.spectral_norm = norm;
        const auto one = make_gan(other, 1).discriminator;
        EXPECT_EQ(one->buffers().empty(), !norm);
        const Tensor logits = one->forward(images, labels_of(2), {});
        one->named_parameters()["stages.0.weight"].mul_(3.0);
        return (one->forward(images, labels_of(2), {}) - logits).abs().max().item<double>() /
               logits.abs().max().item<double>();
    };
    EXPECT_LT(change_of(true), 1e-4);
    EXPECT_GT(change_of(false), 0.1);
}

TEST(GanLayers, DeviationsAreOfGroupsOfTheBatch) {
    const Tensor maps = normal_noise(3, 1, 0, 9, {2, 3, 5});
    const std::pair<std::int64_t, std::vector<std::int64_t>> cases[] = {
        {1, {1}}, {2, {2}}, {4, {4}}, {5, {3, 2}}, {7, {4, 3}}, {8, {4, 4}}, {9, {3, 3, 3}}};
    for (const auto& [count, groups] : cases) {
        const Tensor x = maps.narrow(0, 0, count).clone().requires_grad_();
        const Tensor with = with_minibatch_deviation(x);
        ASSERT_EQ(with.sizes().vec(), (std::vector<std::int64_t>{count, 3, 3, 5}));
        EXPECT_TRUE(at::equal(with.narrow(1, 0, 2), x));
        std::int64_t first = 0;
        for (const std::int64_t size : groups) {
            const Tensor group = maps.narrow(0, first, size);
            const double wanted =
                size == 1 ? 1e-4 : (group - group.mean(0)).square().mean(0).sqrt().mean().item<double>();
            const Tensor plane = with.narrow(0, first, size).narrow(1, 2, 1);
            EXPECT_NEAR(plane.min().item<double>(), wanted, 1e-6) << count;
            EXPECT_NEAR(plane.max().item<double>(), wanted, 1e-6) << count;
            first += size;
        }
        EXPECT_TRUE(slope_of(with.sum(), x).isfinite().all().item<bool>());
    }
    const GanNetOptions options = small({16, 16}, 1);
    const auto net = make_gan(options, 1).discriminator;
    for (const std::int64_t count : {1, 5}) {
        EXPECT_EQ(net->forward(pictures(count, options), labels_of(count), {}).numel(), count);
    }
}

TEST(GanLayers, DropoutIsAFunctionOfItsNoise) {
    const c10::NoGradGuard no_grad;
    const GanNetOptions options = of_kind(GanNetKind::Chollet2);
    const auto net = make_gan(options, 1).discriminator;
    const Tensor images = pictures(4, options);
    const DropoutNoise noise = {.seed = 5, .stream = 6, .first = 10};
    const Tensor logits = net->forward(images, {}, noise);
    const Tensor last = net->forward(images.narrow(0, 2, 2), {}, {.seed = 5, .stream = 6, .first = 12});
    EXPECT_TRUE(at::allclose(logits.narrow(0, 2, 2), last, 1e-5, 1e-6));
    EXPECT_FALSE(at::allclose(net->forward(images, {}, {.seed = 5, .stream = 7, .first = 10}), logits, 1e-3, 1e-4));
    // Every feature 1 and every weight 1: the logit counts what is kept, each scaled by 1 / 0.8.
    for (const auto& item : net->named_parameters()) {
        item.value().fill_(item.key() == "conv3.bias" || item.key() == "dense.weight" ? 1.0 : 0.0);
    }
    const Tensor kept = net->forward(images, {}, noise) / 8192;
    // Four standard deviations of the share of 8192.
    EXPECT_LT((kept - 1).abs().max().item<double>(), 4 * std::sqrt(0.2 / 0.8 / 8192));
    EXPECT_GT((kept - 1).abs().max().item<double>(), 0.0);
    net->eval();
    EXPECT_TRUE((net->forward(images, {}, noise) == 8192).all().item<bool>());
}

}  // namespace
}  // namespace reverie
