// Every published preset's octaves, losses, steps and dream against its publication, written down in Python with
// float64 autograd (tests/parity/make_dream_references.py).

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "reverie/techniques/dream.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "techniques/dream/dream_formula.h"

namespace reverie {
namespace {

using nlohmann::json;
using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;

struct Case {
    std::string name;
    DreamPreset preset;
    std::string architecture;
    std::string preprocessing;
    std::vector<DreamTarget> layers;  // that the test's net has
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// Of probes k of p at (k n / p + 37 k + 11) mod n.
Tensor probes_of(const Tensor& picture, std::size_t count) {
    const auto n = picture.numel();
    const auto p = static_cast<std::int64_t>(count);
    std::vector<std::int64_t> at;
    for (std::int64_t k = 0; k < p; ++k) {
        at.push_back((k * n / p + 37 * k + 11) % n);
    }
    return picture.contiguous().view(-1).index_select(0, at::tensor(at, at::kLong)).to(at::kDouble);
}

/// Root mean square of the probes' differences.
double difference(const Tensor& picture, const json& wanted) {
    const auto values = wanted.get<std::vector<double>>();
    const Tensor apart = probes_of(picture, values.size()) - at::tensor(values, at::kDouble);
    return apart.square().mean().sqrt().item<double>();
}

class DreamPresets : public testing::TestWithParam<std::tuple<Case, Engine>> {};

TEST_P(DreamPresets, DreamAsPublished) {
    const auto& [c, engine] = GetParam();
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/dream_presets.json");
    const json wanted = json::parse(file)[c.name];
    DreamOptions options = dream_recipe(c.architecture, c.preset);
    options.layers = c.layers;
    options.preview_every = 1;
    options.stop_above = wanted.value("max_loss", 0.0);
    options.steps = wanted.value("evaluations", options.steps);
    options.formula.passes = wanted.value("passes", options.formula.passes);
    Graph graph = make_graph(c.architecture, c.preprocessing);
    prepare_graph(graph, options);
    FrozenNet net = test::formula_net(std::move(graph), engine);

    // What a step left, before anything is put back, and the loss it started from, by its octave.
    std::vector<std::vector<double>> losses;
    std::vector<Tensor> ends;
    std::vector<std::string> stages;
    std::vector<double> done;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) {
        const std::string stage = progress.stage.substr(0, progress.stage.find(" step"));
        if (stages.empty() || stages.back() != stage) {
            stages.push_back(stage);
            losses.emplace_back();
            ends.emplace_back();
        }
        losses.back().push_back(progress.value);
        done.push_back(progress.done / progress.total);
    };
    hooks.on_preview = [&](const Tensor& picture, std::int64_t) { ends.back() = picture.clone(); };
    const Tensor photo = test::formula_image(wanted["size"][0], wanted["size"][1], wanted["noise"]).squeeze(0);
    const DreamResult dreamt = dream(photo, net, options, 0, hooks);

    ASSERT_EQ(losses.size(), wanted["losses"].size());
    std::int64_t steps = 0;
    // Where no unit is near a kink of ReLU or maximum, float32 is 1e-7 away, and 1e-6 with Winograd's convolutions.
    // Later some are, and one that takes the other side grows in every step that follows: so the first octave is held
    // to more than the others. A wrong formula is a hundred times farther away, and from the first octave on.
    for (std::size_t stage = 0; stage < losses.size(); ++stage) {
        SCOPED_TRACE(stages[stage]);
        const auto sides = wanted["octaves"][stage].get<std::vector<std::int64_t>>();
        EXPECT_THAT(sides, ElementsAre(ends[stage].size(1), ends[stage].size(2)));
        const bool first = stage == 0;
        const double loss_tolerance = first ? 1e-5 : 3e-4;
        const double tolerance = first ? (engine == Engine::Frozen ? 5e-5 : 5e-6) : 4e-3;
        const auto exact = wanted["losses"][stage].get<std::vector<double>>();
        ASSERT_EQ(losses[stage].size(), exact.size());
        for (std::size_t step = 0; step < exact.size(); ++step) {
            EXPECT_NEAR(losses[stage][step], exact[step], loss_tolerance * exact[step]) << "step " << step;
        }
        EXPECT_LT(difference(ends[stage], wanted["ends"][stage]), tolerance);
        steps += static_cast<std::int64_t>(exact.size());
    }
    EXPECT_EQ(dreamt.steps, steps);
    EXPECT_LT(difference(dreamt.image, wanted["dream"]), 4e-3);
    EXPECT_TRUE(std::ranges::is_sorted(done));
    EXPECT_LE(done.back(), 1.0 + 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    Published, DreamPresets,
    testing::Combine(
        testing::Values(
            Case{"chollet2e", DreamPreset::Chollet2e, "inception_v3", "inception", {{"mixed0", 1.0}, {"mixed1", 1.5}}},
            Case{"chollet1e", DreamPreset::Chollet1e, "inception_v3", "inception", {{"mixed0", 1.0}, {"mixed1", 1.5}}},
            Case{"google", DreamPreset::Google, "vgg16", "caffe", {{"relu2_2", 1.0}}},
            Case{"gordic", DreamPreset::Gordic, "vgg16", "torchvision", {{"relu2_2", 1.0}}},
            Case{"neural-dream", DreamPreset::NeuralDream, "vgg16", "caffe", {{"relu2_2", 1000.0}}}),
        testing::Values(Engine::Libtorch, Engine::Frozen)),
    [](const auto& tested) {
        std::string name = std::get<0>(tested.param).name;
        std::erase(name, '-');
        return name + (std::get<1>(tested.param) == Engine::Frozen ? "_frozen" : "_libtorch");
    });

TEST(DreamRecipes, NumbersAreThePublished) {
    const DreamOptions second = dream_recipe("inception_v3", DreamPreset::Chollet2e);
    EXPECT_EQ(second.layers,
              (std::vector<DreamTarget>{{"mixed4", 1.0}, {"mixed5", 1.5}, {"mixed6", 2.0}, {"mixed7", 2.5}}));
    EXPECT_EQ(std::tuple(second.octaves, second.octave_scale, second.steps, second.step_size, second.stop_above),
              std::tuple(3, 1.4, 30, 20.0, 15.0));
    const DreamOptions first = dream_recipe("inception_v3", DreamPreset::Chollet1e);
    EXPECT_EQ(first.layers,
              (std::vector<DreamTarget>{{"mixed2", 0.2}, {"mixed3", 3.0}, {"mixed4", 2.0}, {"mixed5", 1.5}}));
    EXPECT_EQ(std::tuple(first.octaves, first.octave_scale, first.steps, first.step_size, first.stop_above),
              std::tuple(3, 1.4, 20, 0.01, 10.0));
    const DreamOptions google = dream_recipe("googlenet", DreamPreset::Google);
    EXPECT_EQ(google.layers, (std::vector<DreamTarget>{{"inception_4c/output", 1.0}}));
    EXPECT_EQ(std::tuple(google.octaves, google.octave_scale, google.steps, google.step_size, google.jitter),
              std::tuple(4, 1.4, 10, 1.5, 32));
    const DreamOptions gordic = dream_recipe("vgg16", DreamPreset::Gordic);
    EXPECT_EQ(gordic.layers, (std::vector<DreamTarget>{{"relu4_3", 1.0}}));
    EXPECT_EQ(std::tuple(gordic.octaves, gordic.octave_scale, gordic.steps, gordic.step_size, gordic.jitter),
              std::tuple(4, 1.8, 10, 0.09, 32));
    const DreamOptions neural = dream_recipe("googlenet", DreamPreset::NeuralDream);
    EXPECT_EQ(neural.layers, (std::vector<DreamTarget>{{"inception_4d/3x3_reduce", 1000.0}}));
    EXPECT_EQ(std::tuple(neural.octaves, neural.formula.passes, neural.steps, neural.step_size, neural.jitter),
              std::tuple(2, 10, 51, 1.5, 32));
}

TEST(DreamRecipes, OctavesHaveThePublishedSizes) {
    const auto sizes = [](DreamPreset preset, Size full) { return octave_sizes(full, dream_recipe("vgg16", preset)); };
    const auto of = [](std::initializer_list<Size> all) { return std::vector<Size>(all); };
    EXPECT_EQ(sizes(DreamPreset::Chollet2e, {600, 899}), of({{306, 458}, {428, 642}, {600, 899}}));
    EXPECT_EQ(sizes(DreamPreset::Chollet1e, {600, 899}), of({{306, 458}, {428, 642}, {600, 899}}));
    // Each from the next larger one: 899 / 1.4^3 would be 328.
    EXPECT_EQ(sizes(DreamPreset::Google, {600, 899}), of({{219, 328}, {306, 459}, {429, 642}, {600, 899}}));
    EXPECT_EQ(sizes(DreamPreset::Gordic, {600, 899}), of({{103, 154}, {185, 277}, {333, 499}, {600, 899}}));
    EXPECT_EQ(sizes(DreamPreset::NeuralDream, {384, 511}), of({{230, 306}, {384, 511}}));
}

TEST(DreamRecipes, EveryPresetNamesLayersOfEveryNet) {
    for (const auto& [network, architecture, preprocessing] :
         std::vector<std::array<std::string, 3>>{{"inception_v3", "inception_v3", "inception"},
                                                 {"inception_v3_keras", "inception_v3_keras", "inception"},
                                                 {"vgg16", "vgg16", "torchvision"},
                                                 {"vgg16_hed", "vgg16", "caffe"},
                                                 {"vgg19", "vgg19", "torchvision"},
                                                 {"efficientnet_lite0", "efficientnet_lite0", "lite0"},
                                                 {"efficientnet_lite1", "efficientnet_lite1", "lite0"},
                                                 {"efficientnet_lite2", "efficientnet_lite2", "lite0"},
                                                 {"googlenet", "googlenet", "inception"},
                                                 {"resnet50", "resnet50", "torchvision"}}) {
        const std::vector<std::string> known = architectures();
        if (std::ranges::find(known, architecture) == known.end()) {
            continue;
        }
        const Graph graph = make_graph(architecture, preprocessing);
        for (const DreamPreset preset : {DreamPreset::Chollet2e, DreamPreset::Chollet1e, DreamPreset::Google,
                                         DreamPreset::Gordic, DreamPreset::NeuralDream}) {
            const DreamOptions recipe = dream_recipe(network, preset);
            SCOPED_TRACE(network + " " + std::to_string(static_cast<int>(preset)));
            EXPECT_NO_THROW(validate(recipe));
            EXPECT_NO_THROW(check_targets(graph, recipe.layers));
        }
    }
}

TEST(DreamRecipes, AGraphThatWasNotPreparedIsRefused) {
    FrozenNet net = test::formula_net("inception_v3", "inception");
    const DreamOptions options = dream_recipe("inception_v3", DreamPreset::Chollet2e);
    const Tensor photo = test::formula_image(64, 64, "photo").squeeze(0);
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { dream(photo, net, options); }), HasSubstr("prepare_graph"));
}

TEST(DreamRecipes, StoppedEarlyADreamOfUnclampedStepsIsAPictureOfFullSize) {
    FrozenNet net = test::formula_net("vgg16", "caffe");
    DreamOptions options = dream_recipe("vgg16", DreamPreset::NeuralDream);
    options.layers = {{"relu1_2", 1.0}};
    options.step_size = 60.0;
    options.steps = 3;
    CancelToken token;
    Hooks hooks;
    hooks.cancel = &token;
    hooks.on_progress = [&](const Progress&) { token.request(); };
    const DreamResult result = dream(test::formula_image(40, 50, "photo").squeeze(0), net, options, 0, hooks);
    EXPECT_TRUE(result.cancelled);
    EXPECT_EQ(result.image.sizes(), (at::IntArrayRef{3, 40, 50}));
    EXPECT_GE(result.image.min().item<double>(), 0.0);
    EXPECT_LE(result.image.max().item<double>(), 1.0);
}

TEST(DreamRecipes, DetailPutsThePhotoBackUnderEveryPreset) {
    FrozenNet net = test::formula_net("vgg16", "caffe");
    const Tensor photo = test::formula_image(64, 90, "photo").squeeze(0);
    for (const DreamPreset preset : {DreamPreset::Chollet2e, DreamPreset::Chollet1e, DreamPreset::Google,
                                     DreamPreset::Gordic, DreamPreset::NeuralDream}) {
        SCOPED_TRACE(static_cast<int>(preset));
        DreamOptions options = dream_recipe("vgg16", preset);
        options.layers = {{"relu1_2", 1.0}};
        options.formula.passes = 1;
        options.steps = 1;
        options.step_size = 1e-6;
        options.detail = 1.0;
        EXPECT_LT((dream(photo, net, options).image - photo).abs().max().item<double>(), 1e-4);
        options.detail = 0.0;
        EXPECT_GT((dream(photo, net, options).image - photo).abs().max().item<double>(), 0.05);
    }
}

}  // namespace
}  // namespace reverie
