// The nets of a projected GAN: a generator of the FastGAN kind, and a discriminator of projected maps.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/engine.h"
#include "reverie/core/noise.h"
#include "support/relative_error.h"
#include "unit/models/small_gans.h"

namespace reverie {
namespace {

using test::labels_of;
using test::latents_of;

constexpr std::array<std::int64_t, 4> kSeenChannels = {64, 64, 128, 256};

GanNetOptions small_projected(Size size, std::int64_t channels, std::int64_t projected_side) {
    GanNetOptions options;
    options.size = size;
    options.channels = channels;
    options.latent = 12;
    options.generator_width = options.discriminator_width = 8;
    options.classes = 3;
    options.generator = GanGeneratorKind::Fastgan;
    options.discriminator = GanDiscriminatorKind::Projected;
    options.projected_side = projected_side;
    return options;
}

/// Stands in for the projected maps of images of that size in pixels.
std::vector<Tensor> seen(std::int64_t count, Size size) {
    std::vector<Tensor> maps;
    for (std::size_t level = 0; level < kSeenChannels.size(); ++level) {
        const std::int64_t cell = std::int64_t{2} << level;
        Tensor map = at::empty({count, kSeenChannels[level], size.height / cell, size.width / cell}, at::kFloat);
        const test::FormulaStream uniform("projected" + std::to_string(level));
        for (std::int64_t i = 0; i < map.numel(); ++i) {
            map.data_ptr<float>()[i] = static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1);
        }
        maps.push_back(map);
    }
    return maps;
}

GanNets by_formula(const GanNetOptions& options) {
    GanNets nets = make_gan(options, 1);
    test::fill_with_formula(*nets.generator, 1.0);
    test::fill_with_formula(*nets.discriminator, 1.0);
    for (int i = 0; i < 3; ++i) {
        nets.generator->advance_norms();
        nets.discriminator->advance_norms();
    }
    return nets;
}

std::set<std::string> parameter_names(const torch::nn::Module& net) {
    const std::vector<std::string> names = net.named_parameters().keys();
    return {names.begin(), names.end()};
}

std::vector<std::int64_t> channels_of_stages(const torch::nn::Module& net, std::size_t scale) {
    const auto parameters = net.named_parameters();
    std::vector<std::int64_t> channels;
    for (std::size_t stage = 0;; ++stage) {
        const Tensor* weight =
            parameters.find("scales." + std::to_string(scale) + ".stages." + std::to_string(stage) + ".weight");
        if (weight == nullptr) {
            return channels;
        }
        channels.push_back(weight->size(0));
    }
}

/// By LibTorch's convolutions to its last digits. Ours round otherwise, and where a unit is so near its kink that it
/// falls to the other side, the slope is that of a neighbour.
class ProjectedGan : public testing::TestWithParam<bool> {};

TEST_P(ProjectedGan, FastganComputesAsDescribed) {
    const bool ours = GetParam();
    const TrainingEngine engine(ours);
    // Four stages, two of them cut, and an excitation of the image's level.
    const GanNetOptions options = small_projected({70, 66}, 3, 64);
    const GanNets nets = by_formula(options);
    test::expect_probes(nets.generator->forward(latents_of(3, options), labels_of(3)),
                        test::references("gan")["nets"]["fastgan"]["images"], ours ? 5e-5 : 1e-5, "images");
}

TEST_P(ProjectedGan, DiscriminatorComputesAsDescribed) {
    const bool ours = GetParam();
    const TrainingEngine engine(ours);
    const auto wanted = test::references("gan")["nets"]["projected"];
    const Size size = {64, 96};
    const GanNets nets = by_formula(small_projected(size, 3, 64));
    std::vector<Tensor> maps = seen(3, size);
    for (Tensor& map : maps) {
        map.requires_grad_();
    }
    const Tensor logits = nets.discriminator->forward(maps, labels_of(3), {});
    test::expect_probes(logits, wanted["logits"], ours ? 5e-5 : 1e-5, "logits");
    const std::vector<Tensor> slopes = torch::autograd::grad({(logits.mean(1) * at::arange(1.0, 4.0)).sum()}, maps);
    for (std::size_t level = 0; level < slopes.size(); ++level) {
        const std::string name = "slope " + std::to_string(level);
        test::expect_probes(slopes[level], wanted[name], ours ? 5e-2 : 1e-5, name);
    }
}

INSTANTIATE_TEST_SUITE_P(Engines, ProjectedGan, testing::Bool(),
                         [](const auto& engine) { return engine.param ? "Own" : "LibTorch"; });

TEST(ProjectedGanNet, ParametersHaveTheNamesOfTheExportedFile) {
    const GanNets nets = make_gan(small_projected({70, 66}, 3, 64), 1);
    std::set<std::string> generator = {"stem.weight", "excitations.0.squeeze.weight", "excitations.0.excite.weight",
                                       "head.weight", "head.bias"};
    const auto add_norm = [&](const std::string& norm) {
        for (const char* leaf : {"weight", "bias", "scales.weight", "shifts.weight"}) {
            generator.insert(norm + "." + leaf);
        }
    };
    add_norm("norm");
    for (const std::string stage : {"stages.0", "stages.1", "stages.2", "stages.3"}) {
        generator.insert(stage + ".weight");
        add_norm(stage + ".norm");
    }
    EXPECT_EQ(parameter_names(*nets.generator), generator);

    std::set<std::string> discriminator;
    for (int scale = 0; scale < 4; ++scale) {
        const std::string prefix = "scales." + std::to_string(scale) + ".";
        for (const char* layer : {"head", "label", "embedding"}) {
            discriminator.insert(prefix + layer + ".weight");
        }
        for (int stage = 0; stage < 3 - scale; ++stage) {
            const std::string number = std::to_string(stage);
            discriminator.insert(prefix + "stages." + number + ".weight");
            discriminator.insert(prefix + "norms." + number + ".weight");
            discriminator.insert(prefix + "norms." + number + ".bias");
        }
    }
    EXPECT_EQ(parameter_names(*nets.discriminator), discriminator);
}

TEST(ProjectedGanNet, WithoutClassesNothingIsOfLabels) {
    const c10::NoGradGuard no_grad;
    GanNetOptions options = small_projected({64, 64}, 1, 64);
    options.classes = 0;
    const GanNets nets = make_gan(options, 1);
    for (const auto& net : {parameter_names(*nets.generator), parameter_names(*nets.discriminator)}) {
        for (const std::string& name : net) {
            EXPECT_EQ(name.find("scales.weight"), std::string::npos) << name;
            EXPECT_EQ(name.find("shifts"), std::string::npos) << name;
            EXPECT_EQ(name.find("label"), std::string::npos) << name;
            EXPECT_EQ(name.find("embedding"), std::string::npos) << name;
        }
    }
    EXPECT_EQ(nets.generator->forward(latents_of(2, options), {}).sizes().vec(),
              (std::vector<std::int64_t>{2, 1, 64, 64}));
    const std::vector<Tensor> maps = seen(2, {64, 64});
    EXPECT_EQ(nets.discriminator->forward(maps, {}, {}).sizes().vec(), (std::vector<std::int64_t>{2, 4}));
}

TEST(ProjectedGanNet, ThePixelBranchSeesHowLightAndRichInContrastABatchIs) {
    const c10::NoGradGuard no_grad;
    GanNetOptions options = small_projected({64, 64}, 1, 64);
    options.classes = 0;
    options.pixel_branch = true;
    const GanNets nets = by_formula(options);
    std::vector<Tensor> maps = seen(4, {64, 64});
    maps.push_back(normal_noise(1, 2, 0, 4, {1, 64, 64}));
    const Tensor before = nets.discriminator->forward(maps, {}, {}).select(1, 4);
    maps.back() = 0.5 * maps.back();
    const Tensor half = nets.discriminator->forward(maps, {}, {}).select(1, 4);
    EXPECT_GT(test::relative_error(half, before), 0.05);
    maps.back() = maps.back() + 0.3;
    EXPECT_GT(test::relative_error(nets.discriminator->forward(maps, {}, {}).select(1, 4), half), 0.05);
}

TEST(ProjectedGanNet, AllWeightsButThoseOfNormsAreSpectrallyNormed) {
    const GanNets nets = by_formula(small_projected({70, 66}, 3, 64));
    const auto expect_normed = [](const torch::nn::Module& net) {
        const auto buffers = net.named_buffers();
        for (const auto& item : net.named_parameters()) {
            const std::string& name = item.key();
            const bool of_norm = name.find("norm") != std::string::npos;
            if (!name.ends_with(".weight") || of_norm) {
                continue;
            }
            const Tensor* u = buffers.find(name.substr(0, name.rfind('.')) + ".u");
            ASSERT_NE(u, nullptr) << name;
            EXPECT_EQ(u->numel(), item.value().size(0)) << name;
            EXPECT_NEAR(u->norm().item<double>(), 1.0, 1e-5) << name << " was not advanced";
        }
    };
    expect_normed(*nets.generator);
    expect_normed(*nets.discriminator);
}

TEST(ProjectedGanNet, FastganReturnsEverySizeExactly) {
    const c10::NoGradGuard no_grad;
    for (const Size size : {Size{16, 16}, Size{17, 23}, Size{28, 28}, Size{33, 47}, Size{96, 64}, Size{16, 80},
                            Size{65, 65}, Size{129, 19}, Size{130, 150}}) {
        for (const std::int64_t channels : {1, 3, 4}) {
            GanNetOptions options = small_projected(size, channels, 64);
            options.generator_width = 2;
            const auto net = make_gan_generator(options, 3);
            const Tensor images = net->forward(latents_of(2, options), labels_of(2));
            EXPECT_EQ(images.sizes().vec(), (std::vector<std::int64_t>{2, channels, size.height, size.width}));
            EXPECT_TRUE(images.isfinite().all().item<bool>()) << text_of(size);
            EXPECT_LE(images.abs().max().item<double>(), 1.0) << text_of(size);
        }
    }
}

TEST(ProjectedGanNet, ExcitationsReachOverFourLevelsFromTheCoarsestThree) {
    const std::pair<std::int64_t, int> cases[] = {{32, 0}, {64, 1}, {128, 2}, {256, 3}, {512, 3}};
    for (const auto& [side, wanted] : cases) {
        GanNetOptions options = small_projected({side, side}, 3, 64);
        options.generator_width = 2;
        const auto parameters = make_gan_generator(options, 1)->named_parameters();
        int found = 0;
        while (parameters.contains("excitations." + std::to_string(found) + ".squeeze.weight")) {
            ++found;
        }
        EXPECT_EQ(found, wanted) << side;
        if (side == 256) {
            // From 4, 8 and 16 pixels to 64, 128 and 256, which have 8 widths each, and 2, 1 and 1.
            const std::int64_t fine[] = {4, 2, 2};
            for (std::size_t k = 0; k < 3; ++k) {
                const std::string name = "excitations." + std::to_string(k);
                EXPECT_EQ(parameters[name + ".squeeze.weight"].sizes().vec(),
                          (std::vector<std::int64_t>{fine[k], 16, 4, 4}));
                EXPECT_EQ(parameters[name + ".excite.weight"].sizes().vec(),
                          (std::vector<std::int64_t>{fine[k], fine[k], 1, 1}));
            }
        }
    }
}

TEST(ProjectedGanNet, LatentsAreOfUnitSecondMoment) {
    const c10::NoGradGuard no_grad;
    const GanNetOptions options = small_projected({32, 40}, 3, 64);
    const auto net = by_formula(options).generator;
    const Tensor latents = latents_of(3, options);
    const Tensor rows = at::tensor({0.5F, 2.0F, 7.0F}).unsqueeze(1);
    EXPECT_TRUE(at::allclose(net->forward(latents, labels_of(3)), net->forward(latents * rows, labels_of(3)), 0, 1e-4));
}

TEST(ProjectedGanNet, MapsAreHalvedUntilTheLastHaveAShorterSideOfFour) {
    const c10::NoGradGuard no_grad;
    struct Case {
        std::int64_t side;
        std::vector<std::vector<std::int64_t>> channels;  // of every scale's stages, in widths
        std::int64_t logits;
    };
    const std::vector<std::vector<std::int64_t>> all = {{1, 2, 4, 8}, {2, 4, 8}, {4, 8}, {8}};
    for (const Case& one :
         {Case{64, {{1, 2, 4}, {2, 4}, {4}, {}}, 4}, Case{128, all, 4}, Case{160, all, 16}, Case{256, all, 100}}) {
        GanNetOptions options = small_projected({64, 64}, 3, one.side);
        options.discriminator_width = 1;
        const auto net = make_gan(options, 1).discriminator;
        for (std::size_t scale = 0; scale < one.channels.size(); ++scale) {
            EXPECT_EQ(channels_of_stages(*net, scale), one.channels[scale]) << one.side << ", scale " << scale;
        }
        const std::vector<Tensor> maps = seen(2, {one.side, one.side});
        const Tensor logits = net->forward(maps, labels_of(2), {});
        EXPECT_EQ(logits.sizes().vec(), (std::vector<std::int64_t>{2, one.logits})) << one.side;
        EXPECT_EQ(logits.scalar_type(), at::kFloat);
    }
}

TEST(ProjectedGanNet, LabelsDecideInBothNets) {
    const c10::NoGradGuard no_grad;
    const GanNetOptions options = small_projected({32, 32}, 1, 64);
    const GanNets nets = by_formula(options);
    nets.generator->eval();
    const Tensor zeros = at::zeros({2}, at::kLong);
    const Tensor mixed = at::tensor({0, 2}, at::kLong);
    const Tensor latents = latents_of(1, options).expand({2, -1});
    const Tensor images = nets.generator->forward(latents, mixed);
    EXPECT_FALSE(at::allclose(images[0], images[1], 0, 1e-3));
    EXPECT_TRUE(at::equal(images[0], nets.generator->forward(latents, zeros)[0]));
    std::vector<Tensor> same;
    for (const Tensor& map : seen(1, {64, 64})) {
        same.push_back(map.expand({2, -1, -1, -1}).contiguous());
    }
    const Tensor logits = nets.discriminator->forward(same, mixed, {});
    EXPECT_TRUE(((logits[0] - logits[1]).abs() > 1e-4).all().item<bool>()) << "at every place";
}

TEST(ProjectedGanNet, WeightsAreAFunctionOfTheSeed) {
    const auto equal = [](const torch::nn::Module& one, const torch::nn::Module& other) {
        const std::vector<Tensor> a = one.parameters();
        const std::vector<Tensor> b = other.parameters();
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [](const Tensor& x, const Tensor& y) { return at::equal(x, y); });
    };
    const GanNetOptions options = small_projected({32, 40}, 3, 64);
    const GanNets one = make_gan(options, 5);
    at::manual_seed(99);
    const GanNets same = make_gan(options, 5);
    const GanNets other = make_gan(options, 6);
    EXPECT_TRUE(equal(*one.generator, *same.generator));
    EXPECT_TRUE(equal(*one.discriminator, *same.discriminator));
    EXPECT_FALSE(equal(*one.generator, *other.generator));
    EXPECT_FALSE(equal(*one.discriminator, *other.discriminator));
}

}  // namespace
}  // namespace reverie
