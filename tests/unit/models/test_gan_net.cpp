#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/engine.h"
#include "reverie/models/parameters.h"
#include "unit/models/small_gans.h"

namespace reverie {
namespace {

using test::labels_of;
using test::latents_of;
using test::narrow;
using test::of_kind;
using test::pictures;
using test::slope_of;
using test::small;

TEST(GanNet, PublishedNetsHaveTheirCountsOfParameters) {
    const auto expect_counts = [](const GanNetOptions& options, std::int64_t generator, std::int64_t discriminator) {
        const GanNets nets = make_gan(options, 1);
        EXPECT_EQ(parameter_count(*nets.generator), generator);
        EXPECT_EQ(parameter_count(*nets.discriminator), discriminator);
    };
    expect_counts(of_kind(GanNetKind::Pytorch), 3'576'704, 2'765'568);
    expect_counts(of_kind(GanNetKind::PytorchCpp), 837'504, 659'456);
    expect_counts(of_kind(GanNetKind::Chollet2), 3'979'651, 404'801);
    expect_counts(of_kind(GanNetKind::Chollet1), 6'264'579, 790'913);
    // 11.1 M and 7.0 M as published.
    expect_counts(of_kind(GanNetKind::KobaJon), 11'147'136, 6'960'896);
}

/// By LibTorch's convolutions to its last digits. Ours round otherwise, and where a unit is so near its kink that it
/// falls to the other side, the slope is that of a neighbour.
void expect_reference(const std::string& name, const GanNetOptions& options, std::int64_t count, bool ours) {
    const TrainingEngine engine(ours);
    const double slopes = ours ? 5e-2 : 1e-5;
    const auto wanted = test::references("gan")["nets"][name];
    const GanNets nets = make_gan(options, 1);
    test::fill_with_formula(*nets.generator, 1.0);
    test::fill_with_formula(*nets.discriminator, 1.0);
    // Dropout has a test of its own; batch norms see their batch.
    if (options.kind == GanNetKind::Chollet1 || options.kind == GanNetKind::Chollet2) {
        nets.discriminator->eval();
    }
    for (int i = 0; i < 3; ++i) {
        nets.discriminator->advance_norms();
    }
    constexpr double kTolerance = 1e-5;  // float32 against float64
    test::expect_probes(nets.generator->forward(latents_of(count, options), labels_of(count)), wanted["images"],
                        kTolerance, name + " images");
    const Tensor images = pictures(count, options).requires_grad_();
    const Tensor logits = nets.discriminator->forward(images, labels_of(count), {});
    test::expect_probes(logits, wanted["logits"], kTolerance, name + " logits");
    const Tensor slope = slope_of((logits * at::arange(1.0, count + 1)).sum(), images);
    test::expect_probes(slope, wanted["slope"], slopes, name + " slope");
    if (options.kind == GanNetKind::Reverie) {
        // A gradient penalty's gradient: through both passes, spectral norms, attention and deviations.
        (slope.square().sum() / static_cast<double>(count)).backward();
        for (const std::string weight : {"stages.0.weight", "attention.key.weight", "head.weight"}) {
            test::expect_probes(nets.discriminator->named_parameters()[weight].grad(), wanted["penalty of " + weight],
                                slopes, weight);
        }
    }
}

void expect_reference(const std::string& name, const GanNetOptions& options, std::int64_t count) {
    expect_reference(name, options, count, /*ours=*/false);
    expect_reference(name, options, count, /*ours=*/true);
}

TEST(GanNet, ReverieComputesAsDescribed) { expect_reference("reverie", small({37, 22}, 4), 5); }
TEST(GanNet, PytorchComputesAsPublished) {
    expect_reference("pytorch", narrow(GanNetKind::Pytorch), 3);
    GanNetOptions options = narrow(GanNetKind::Pytorch);
    options.size = {32, 32};
    options.channels = 1;
    expect_reference("pytorch 32", options, 3);
}
TEST(GanNet, PytorchCppComputesAsPublished) { expect_reference("pytorch-cpp", of_kind(GanNetKind::PytorchCpp), 3); }
TEST(GanNet, KobaJonComputesAsPublished) { expect_reference("koba-jon", narrow(GanNetKind::KobaJon), 3); }
TEST(GanNet, CholletsComputeAsPublished) {
    expect_reference("chollet2e", of_kind(GanNetKind::Chollet2), 3);
    expect_reference("chollet1e", of_kind(GanNetKind::Chollet1), 3);
}

TEST(GanNet, PublishedParametersHaveTheirOwnNames) {
    const auto names = [](const torch::nn::Module& net) {
        std::vector<std::string> all = net.named_parameters().keys();
        const auto buffers = net.named_buffers().keys();
        all.insert(all.end(), buffers.begin(), buffers.end());
        return all;
    };
    const auto expect_names = [&](const torch::nn::Module& net, std::initializer_list<const char*> some) {
        const auto all = names(net);
        for (const char* name : some) {
            EXPECT_NE(std::find(all.begin(), all.end(), name), all.end()) << name;
        }
    };
    const GanNets pytorch = make_gan(narrow(GanNetKind::Pytorch), 1);
    expect_names(*pytorch.generator, {"main.0.weight", "main.1.bias", "main.10.running_mean", "main.12.weight"});
    expect_names(*pytorch.discriminator, {"main.0.weight", "main.2.weight", "main.9.running_var", "main.11.weight"});
    const GanNets cpp = make_gan(of_kind(GanNetKind::PytorchCpp), 1);
    expect_names(*cpp.generator, {"conv1.weight", "batch_norm3.running_var", "conv4.weight"});
    expect_names(*cpp.discriminator, {"0.weight", "3.bias", "6.num_batches_tracked", "8.weight"});
    expect_names(*make_gan_generator(narrow(GanNetKind::KobaJon), 1), {"Generator.0.weight", "Generator.15.weight"});
}

TEST(GanNet, ReverieReturnsEverySizeExactly) {
    const c10::NoGradGuard no_grad;
    const Size sizes[] = {{16, 16}, {17, 23}, {28, 28},  {31, 16}, {32, 32}, {33, 47}, {48, 48},
                          {64, 64}, {96, 64}, {36, 100}, {16, 80}, {65, 65}, {129, 19}};
    for (const Size size : sizes) {
        for (const std::int64_t channels : {1, 3, 4}) {
            GanNetOptions options = small(size, channels);
            options.generator_width = options.discriminator_width = 2;
            const GanNets nets = make_gan(options, 3);
            const Tensor images = nets.generator->forward(latents_of(2, options), labels_of(2));
            EXPECT_EQ(images.sizes().vec(), (std::vector<std::int64_t>{2, channels, size.height, size.width}));
            EXPECT_LE(images.abs().max().item<double>(), 1.0);
            const Tensor logits = nets.discriminator->forward(images, labels_of(2), {});
            EXPECT_EQ(logits.sizes().vec(), std::vector<std::int64_t>{2}) << text_of(size);
            EXPECT_TRUE(logits.isfinite().all().item<bool>());
        }
    }
}

TEST(GanNet, SmallestMapsHaveAShorterSideOfFourToSeven) {
    const std::pair<Size, std::int64_t> cases[] = {{{16, 16}, 16}, {{28, 28}, 16}, {{31, 16}, 32}, {{100, 36}, 65}};
    for (const auto& [size, cells] : cases) {
        GanNetOptions options = small(size, 1);
        options.minibatch_deviation = false;
        const auto net = make_gan(options, 1).discriminator;
        // The head sees every cell of the coarsest maps; their channels are the last stage's.
        const Tensor last = net->named_children()["stages"]->children().back()->parameters()[0];
        EXPECT_EQ(net->named_parameters()["head.weight"].size(1), cells * last.size(0)) << text_of(size);
    }
}

TEST(GanNet, ImagesBeginInTheColorsAskedFor) {
    const c10::NoGradGuard no_grad;
    const GanNetOptions options = small({17, 20}, 3);
    const auto net = make_gan(options, 3).generator;
    net->begin_as(at::tensor({-1.0F, 0.25F, 0.9F}));
    const Tensor means = net->forward(latents_of(4, options), labels_of(4)).mean({0, 2, 3});
    EXPECT_NEAR(means[0].item<double>(), -0.995, 0.01);
    EXPECT_NEAR(means[1].item<double>(), 0.25, 0.05);
    EXPECT_NEAR(means[2].item<double>(), 0.9, 0.05);
}

TEST(GanNet, EveryPixelReachesTheLogit) {
    // Odd sides: a row or column left out by the strides would have no gradient.
    GanNetOptions options = small({33, 19}, 1);
    const auto net = make_gan(options, 3).discriminator;
    test::fill_with_formula(*net, 1.0);
    net->advance_norms();
    const Tensor images = pictures(1, options).requires_grad_();
    EXPECT_TRUE((slope_of(net->forward(images, labels_of(1), {}).sum(), images) != 0).all().item<bool>());
}

TEST(GanNet, LabelsDecideInAConditionalNet) {
    const c10::NoGradGuard no_grad;
    GanNetOptions options = small({16, 20}, 1);
    options.minibatch_deviation = false;
    const GanNets nets = make_gan(options, 1);
    nets.generator->eval();
    const Tensor zeros = at::zeros({2}, at::kLong);
    const Tensor mixed = at::tensor({0, 2}, at::kLong);
    const Tensor latents = latents_of(1, options).expand({2, -1});
    const Tensor images = nets.generator->forward(latents, mixed);
    EXPECT_FALSE(at::allclose(images[0], images[1], 0, 1e-6));
    EXPECT_TRUE(at::equal(images[0], nets.generator->forward(latents, zeros)[0]));
    const Tensor same = pictures(1, options).expand({2, -1, -1, -1});
    const Tensor logits = nets.discriminator->forward(same, mixed, {});
    EXPECT_GT((logits[0] - logits[1]).abs().item<double>(), 1e-4);
    options.classes = 0;
    const GanNets plain = make_gan(options, 1);
    EXPECT_TRUE(plain.discriminator->forward(same, {}, {}).defined());
    EXPECT_TRUE(plain.generator->forward(latents, {}).defined());
}

TEST(GanNet, WeightsAreAFunctionOfTheSeed) {
    const auto numbers = [](const torch::nn::Module& net) {
        std::vector<Tensor> all = net.parameters();
        const auto buffers = net.buffers();
        all.insert(all.end(), buffers.begin(), buffers.end());
        return all;
    };
    const auto equal = [&](const torch::nn::Module& one, const torch::nn::Module& other) {
        const auto a = numbers(one);
        const auto b = numbers(other);
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [](const Tensor& x, const Tensor& y) { return at::equal(x, y); });
    };
    const GanNetOptions all[] = {small({20, 17}, 3),
                                 narrow(GanNetKind::Pytorch),
                                 narrow(GanNetKind::KobaJon),
                                 of_kind(GanNetKind::PytorchCpp),
                                 of_kind(GanNetKind::Chollet1),
                                 of_kind(GanNetKind::Chollet2)};
    for (const GanNetOptions& options : all) {
        const GanNets one = make_gan(options, 5);
        at::manual_seed(99);
        const GanNets same = make_gan(options, 5);
        const GanNets other = make_gan(options, 6);
        EXPECT_TRUE(equal(*one.generator, *same.generator));
        EXPECT_TRUE(equal(*one.discriminator, *same.discriminator));
        EXPECT_TRUE(equal(*one.generator, *make_gan_generator(options, 5)));
        EXPECT_FALSE(equal(*one.generator, *other.generator));
        EXPECT_FALSE(equal(*one.discriminator, *other.discriminator));
    }
}

TEST(GanNet, GeneratorBeginsAsInTheDcganPaperDiscriminatorForLeakyRelu) {
    const GanNetOptions options = {.size = {64, 64}, .channels = 3, .classes = 4};
    const GanNets nets = make_gan(options, 1);
    const auto generator = nets.generator->named_parameters();
    EXPECT_NEAR(generator["stages.0.conv.weight"].std().item<double>(), 0.02, 1e-3);
    EXPECT_NEAR(generator["stem.weight"].std().item<double>(), 0.02, 1e-3);
    EXPECT_NEAR(generator["norm.weight"].mean().item<double>(), 1.0, 0.01);
    EXPECT_NEAR(generator["norm.weight"].std().item<double>(), 0.02, 0.005);
    EXPECT_EQ(generator["norm.bias"].abs().max().item<double>(), 0.0);
    EXPECT_EQ(generator["head.bias"].abs().max().item<double>(), 0.0);
    EXPECT_NEAR(generator["labels.weight"].std().item<double>(), 1.0, 0.2);
    const auto discriminator = nets.discriminator->named_parameters();
    const double fan_in = static_cast<double>(discriminator["stages.1.weight"][0].numel());
    const double wanted = std::sqrt(2.0 / 1.04 / fan_in);
    EXPECT_NEAR(discriminator["stages.1.weight"].std().item<double>(), wanted, 0.05 * wanted);
    EXPECT_EQ(discriminator["stages.1.bias"].abs().max().item<double>(), 0.0);
    // Alike in name and shape, yet not the same numbers.
    EXPECT_FALSE(at::equal(generator["head.weight"].flatten().narrow(0, 0, 500),
                           discriminator["head.weight"].flatten().narrow(0, 0, 500)));
}

TEST(GanNet, RangesAreTheKindsOwn) {
    const c10::NoGradGuard no_grad;
    EXPECT_EQ(value_range(GanNetKind::Chollet1).low, 0.0);
    EXPECT_EQ(value_range(GanNetKind::Chollet2).low, 0.0);
    for (const GanNetKind kind :
         {GanNetKind::Reverie, GanNetKind::Pytorch, GanNetKind::PytorchCpp, GanNetKind::KobaJon}) {
        EXPECT_EQ(value_range(kind).low, -1.0);
        EXPECT_EQ(value_range(kind).high, 1.0);
    }
    const GanNetOptions options = of_kind(GanNetKind::Chollet2);
    const Tensor images = make_gan_generator(options, 1)->forward(latents_of(2, options), {});
    EXPECT_GE(images.min().item<double>(), 0.0);
}

}  // namespace
}  // namespace reverie
