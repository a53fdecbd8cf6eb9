#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/initialize.h"
#include "reverie/models/parameters.h"
#include "reverie/models/vae.h"
#include "support/vae_reference.h"

namespace reverie {
namespace {

VaeNetOptions published(VaeNetKind kind) {
    const bool antixk = kind == VaeNetKind::Antixk;
    return {.kind = kind, .size = antixk ? Size{64, 64} : Size{28, 28}, .channels = antixk ? 3 : 1};
}

/// Cheap, but of the default's form.
VaeNetOptions small(Size size, std::int64_t channels) {
    return {.size = size, .channels = channels, .latent = 6, .width = 8, .blocks = 1};
}

std::int64_t count_below(const VaeNet& net, const std::string& prefix) {
    std::int64_t count = 0;
    for (const auto& item : net.named_parameters()) {
        count += item.key().rfind(prefix, 0) == 0 ? item.value().numel() : 0;
    }
    return count;
}

TEST(VaeNet, PublishedNetsHaveTheirCountsOfParameters) {
    const auto chollet = make_vae(published(VaeNetKind::Chollet), 1);
    EXPECT_EQ(count_below(*chollet, "encoder."), 69'076);
    EXPECT_EQ(count_below(*chollet, "decoder."), 65'089);
    EXPECT_EQ(parameter_count(*make_vae(published(VaeNetKind::Pytorch), 1)), 652'824);
    EXPECT_EQ(parameter_count(*make_vae(published(VaeNetKind::Antixk), 1)), 3'937'635);
}

TEST(VaeNet, DefaultNetsHaveTheirCountsOfParameters) {
    const auto digits = make_vae({.size = {28, 28}, .channels = 1}, 1);
    EXPECT_EQ(count_below(*digits, "encoder."), 611'328);
    EXPECT_EQ(count_below(*digits, "decoder."), 466'596);
    EXPECT_EQ(digits->latent_shape(), std::vector<std::int64_t>{32});
    const auto faces = make_vae({.size = {64, 64}, .channels = 3}, 1);
    EXPECT_EQ(count_below(*faces, "encoder."), 3'004'928);
    EXPECT_EQ(count_below(*faces, "decoder."), 2'142'764);
    EXPECT_EQ(faces->latent_shape(), std::vector<std::int64_t>{128});
}

void expect_reference(const std::string& name, const VaeNetOptions& options, double factor) {
    const c10::NoGradGuard no_grad;
    const auto wanted = test::vae_references()["nets"][name];
    const auto net = make_vae(options, 1);
    test::fill_with_formula(*net, factor);
    net->eval();
    Tensor images =
        test::reference_images(2, std::min<std::int64_t>(options.channels, 3), options.size.height, options.size.width);
    if (options.channels == 4) {
        images = at::cat({images, images.narrow(1, 0, 1)}, 1);
    }
    // Rounding of float32 through twenty layers.
    constexpr double kTolerance = 1e-5;
    const Posterior posterior = net->encode(images, {});
    test::expect_probes(posterior.mean, wanted["mean"], kTolerance, name + " mean");
    test::expect_probes(posterior.log_variance, wanted["log_variance"], kTolerance, name + " log variance");
    const Tensor latents = test::reference_latents(posterior.mean.sizes().vec());
    test::expect_probes(net->decode(latents, {}), wanted["outputs"], kTolerance, name + " outputs");
}

TEST(VaeNet, CholletComputesAsKerasPads) { expect_reference("chollet2e", published(VaeNetKind::Chollet), 1.0); }
TEST(VaeNet, PytorchComputesAsPublished) { expect_reference("pytorch", published(VaeNetKind::Pytorch), 1.0); }
TEST(VaeNet, AntixkComputesAsPublished) { expect_reference("antixk", published(VaeNetKind::Antixk), 1.0); }

TEST(VaeNet, ResidualComputesAsDescribed) {
    VaeNetOptions options = small({37, 22}, 4);
    options.blocks = 2;
    options.logits = false;
    expect_reference("vector", options, 0.5);
    options.latent_grid = 5;
    expect_reference("spatial", options, 0.5);
}

TEST(VaeNet, ResidualReturnsEverySizeExactly) {
    const c10::NoGradGuard no_grad;
    const Size sizes[] = {{16, 16}, {17, 19}, {28, 28}, {31, 16}, {32, 48}, {33, 65},
                          {48, 48}, {16, 97}, {50, 30}, {64, 64}, {96, 17}, {67, 128}};
    for (const Size size : sizes) {
        for (const std::int64_t channels : {1, 3, 4}) {
            for (const std::int64_t grid : {0, 4, 7}) {
                VaeNetOptions options = small(size, channels);
                options.width = 2;
                options.latent_grid = grid;
                const auto net = make_vae(options, 3);
                const Tensor images =
                    test::reference_images(2, 1, size.height, size.width).expand({-1, channels, -1, -1});
                const Posterior posterior = net->encode(images, {});
                std::vector<std::int64_t> shape = net->latent_shape();
                shape.insert(shape.begin(), 2);
                EXPECT_EQ(posterior.mean.sizes().vec(), shape);
                EXPECT_EQ(posterior.log_variance.sizes().vec(), shape);
                const Tensor outputs = net->decode(posterior.mean, {});
                EXPECT_EQ(outputs.sizes().vec(), images.sizes().vec()) << text_of(size);
                EXPECT_TRUE(outputs.isfinite().all().item<bool>());
                if (grid > 0) {
                    const std::int64_t shortest = std::min(shape[2], shape[3]);
                    EXPECT_GE(shortest, grid) << text_of(size);
                    EXPECT_LT(shortest, 2 * grid) << text_of(size);
                } else {
                    EXPECT_EQ(shape, (std::vector<std::int64_t>{2, 6}));
                }
            }
        }
    }
}

TEST(VaeNet, EveryPixelReachesTheLatentAndBack) {
    // Odd sides: a row cut off or padded wrongly at the border would have no gradient.
    const auto net = make_vae(small({19, 21}, 1), 3);
    test::fill_with_formula(*net, 0.5);
    const Tensor images = test::reference_images(1, 1, 19, 21).requires_grad_();
    net->encode(images, {}).mean.sum().backward();
    EXPECT_TRUE((images.grad() != 0).all().item<bool>());

    const Tensor latents = test::reference_latents({1, 6});
    const Tensor base = net->decode(latents, {});
    EXPECT_TRUE((net->decode(latents + 1, {}) != base).all().item<bool>());
}

TEST(VaeNet, LayoutOfImagesDoesNotMatter) {
    const c10::NoGradGuard no_grad;
    const auto net = make_vae(small({20, 24}, 3), 3);
    const Tensor images = test::reference_images(3, 3, 20, 24);
    const Tensor other = images.contiguous(at::MemoryFormat::ChannelsLast);
    EXPECT_TRUE(at::equal(net->encode(images, {}).mean, net->encode(other, {}).mean));
}

TEST(VaeNet, WeightsAreAFunctionOfTheSeed) {
    for (const VaeNetKind kind : {VaeNetKind::Residual, VaeNetKind::Chollet, VaeNetKind::Pytorch, VaeNetKind::Antixk}) {
        const auto one = make_vae(published(kind), 5);
        at::manual_seed(99);
        const auto same = make_vae(published(kind), 5);
        const auto other = make_vae(published(kind), 6);
        bool differs = false;
        for (const auto& item : one->named_parameters()) {
            EXPECT_TRUE(at::equal(item.value(), same->named_parameters()[item.key()])) << item.key();
            differs |= !at::equal(item.value(), other->named_parameters()[item.key()]);
        }
        EXPECT_TRUE(differs);
    }
}

TEST(VaeNet, PublishedNetsBeginAsTheirFrameworksDo) {
    const auto chollet = make_vae(published(VaeNetKind::Chollet), 1)->named_parameters();
    const double glorot = std::sqrt(6.0 / (64 * 9 + 64 * 9));
    EXPECT_NEAR(chollet["decoder.up1.weight"].abs().max().item<double>(), glorot, 1e-3 * glorot);
    EXPECT_NEAR(chollet["decoder.up1.weight"].std().item<double>(), glorot / std::sqrt(3.0), 0.02 * glorot);
    EXPECT_EQ(chollet["decoder.up1.bias"].abs().max().item<double>(), 0.0);
    const auto pytorch = make_vae(published(VaeNetKind::Pytorch), 1)->named_parameters();
    const double bound = 1.0 / std::sqrt(784.0);
    EXPECT_NEAR(pytorch["fc1.weight"].abs().max().item<double>(), bound, 1e-4 * bound);
    EXPECT_LE(pytorch["fc1.bias"].abs().max().item<double>(), bound);
    EXPECT_GT(pytorch["fc1.bias"].abs().max().item<double>(), 0.9 * bound);
    const auto antixk = make_vae(published(VaeNetKind::Antixk), 1)->named_parameters();
    EXPECT_TRUE((antixk["encoder.0.1.weight"] == 1).all().item<bool>());
    EXPECT_TRUE((antixk["encoder.0.1.bias"] == 0).all().item<bool>());
    // PyTorch counts a transposed convolution's fan in over its outputs.
    const double up = 1.0 / std::sqrt(256.0 * 9);
    EXPECT_NEAR(antixk["decoder.0.0.weight"].abs().max().item<double>(), up, 1e-3 * up);
}

TEST(VaeNet, ANewResidualNetIsCalm) {
    const c10::NoGradGuard no_grad;
    const auto net = make_vae({.size = {64, 64}, .channels = 3, .logits = false}, 4);
    const Posterior posterior = net->encode(test::reference_images(4, 3, 64, 64), {});
    EXPECT_LT(posterior.mean.abs().max().item<double>(), 1.0);
    EXPECT_LT(posterior.log_variance.abs().max().item<double>(), 1.0);
    const Tensor images = images_of(*net, net->decode(posterior.mean, {}));
    EXPECT_LT((images - 0.5).abs().max().item<double>(), 0.3);
}

TEST(VaeNet, LogVariancesStayInRangeAndComeBack) {
    const auto net = make_vae(published(VaeNetKind::Pytorch), 1);
    {
        const c10::NoGradGuard no_grad;
        net->named_parameters()["fc22.bias"].fill_(200.0);
    }
    const Posterior posterior = net->encode(test::reference_images(2, 1, 28, 28), {});
    EXPECT_EQ(posterior.log_variance.max().item<double>(), 20.0);
    posterior.log_variance.sum().backward();
    EXPECT_EQ(net->named_parameters()["fc22.bias"].grad().min().item<double>(), 2.0);
    const auto residual = make_vae(small({16, 16}, 1), 1);
    {
        const c10::NoGradGuard no_grad;
        residual->named_parameters()["encoder.head.bias"].fill_(-200.0);
    }
    EXPECT_EQ(residual->encode(test::reference_images(2, 1, 16, 16), {}).log_variance.min().item<double>(), -10.0);
}

TEST(VaeNet, LabelsDecideInAConditionalNetAlone) {
    VaeNetOptions options = small({16, 20}, 1);
    const Tensor images = test::reference_images(2, 1, 16, 20);
    const Tensor zeros = at::zeros({2}, at::kLong);
    const Tensor ones = at::ones({2}, at::kLong);
    options.classes = 3;
    for (const std::int64_t grid : {0, 4}) {
        options.latent_grid = grid;
        const auto net = make_vae(options, 1);
        const Posterior posterior = net->encode(images, zeros);
        const Tensor outputs = net->decode(posterior.mean, zeros);
        (posterior.mean.sum() + outputs.sum()).backward();
        for (const char* name : {"encoder.labels", "decoder.labels"}) {
            const Tensor gradient = net->named_parameters()[name].grad();
            EXPECT_GT(gradient[0].abs().max().item<double>(), 0.0) << name;
            EXPECT_EQ(gradient[1].abs().max().item<double>(), 0.0) << name;
            const c10::NoGradGuard no_grad;
            net->named_parameters()[name][1].fill_(0.5);
        }
        EXPECT_FALSE(at::allclose(net->encode(images, ones).mean, posterior.mean));
        EXPECT_FALSE(at::allclose(net->decode(posterior.mean, ones), outputs));
        EXPECT_TRUE(at::equal(net->encode(images, zeros).mean, posterior.mean));
    }
}

TEST(VaeNet, ImagesAreInRange) {
    const c10::NoGradGuard no_grad;
    for (const bool logits : {true, false}) {
        VaeNetOptions options = small({16, 16}, 3);
        options.logits = logits;
        const auto net = make_vae(options, 1);
        EXPECT_EQ(net->outputs_logits(), logits);
        const Tensor outputs = at::tensor({-3.0F, 0.25F, 4.0F});
        const Tensor images = images_of(*net, outputs);
        EXPECT_NEAR(images[1].item<double>(), logits ? 1 / (1 + std::exp(-0.25)) : 0.25, 1e-6);
        EXPECT_EQ(images[0].item<double>() == 0.0, !logits);
        EXPECT_EQ(images[2].item<double>() == 1.0, !logits);
    }
}

}  // namespace
}  // namespace reverie
