// Every preset's loss and gradient against its publication, written down in Python with float64 autograd
// (tests/parity/make_style_references.py).

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/closed_formula.h"
#include "support/temporary_folder.h"
#include "techniques/style/style_objective.h"

namespace reverie {
namespace {

using nlohmann::json;

struct Case {
    std::string name;
    StylePreset preset;
    std::string preprocessing;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class StylePresets : public testing::TestWithParam<std::tuple<Case, Engine>> {};

FrozenNet vgg19(const StyleOptions& options, const std::string& preprocessing, Engine engine) {
    Graph graph = make_graph("vgg19", preprocessing);
    const test::TemporaryFolder folder;
    write_safetensors(folder / "weights.safetensors", test::formula_weights(graph));
    prepare_graph(graph, options);
    return {std::move(graph), read_state_dict(folder / "weights.safetensors"), c10::Device(c10::kCPU), engine};
}

TEST_P(StylePresets, LossesAndGradientsAreThePublished) {
    const auto& [c, engine] = GetParam();
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/style_presets.json");
    const json wanted = json::parse(file)[c.name];
    const StyleOptions recipe = style_recipe(c.preset);
    FrozenNet net = vgg19(recipe, c.preprocessing, engine);
    const Tensor content = test::formula_image(37, 45, "content").squeeze(0);
    const Tensor image = test::formula_image(37, 45, wanted["noise"]).squeeze(0);
    const Tensor style = test::formula_image(wanted["style_size"][0], wanted["style_size"][1], "style").squeeze(0);
    const StyleMoments moments = measure_style(net, recipe, style, {}, 0);

    // Each part alone too: in the sum a large one would hide the small.
    for (const auto& [part, gradients] : wanted["gradients"].items()) {
        SCOPED_TRACE(part);
        const bool all = part == "total";
        StyleOptions options = recipe;
        options.content_weight *= all || part == "content";
        options.style_weight *= all || part == "style";
        options.tv *= all || part == "tv";
        StyleObjective objective(net, options, content, {}, {{{}, moments}}, 0);
        Tensor gradient;
        const auto value = objective.value_and_gradient(image, 0, gradient).item<double>();
        const double loss = wanted["losses"][part];
        EXPECT_NEAR(value, loss, 1e-5 * loss);
        std::map<std::string, double> losses = objective.losses();
        EXPECT_NEAR(losses["total"], loss, 1e-5 * loss);
        if (all) {
            for (const auto& [name, number] : wanted["losses"].items()) {
                EXPECT_NEAR(losses[name], number.get<double>(), 1e-5 * number.get<double>()) << name;
            }
        }

        const Tensor flat = gradient.contiguous().view(-1);
        const double norm = gradients["norm"];
        EXPECT_NEAR(flat.norm().item<double>(), norm, 1e-5 * norm);
        const std::vector<std::int64_t> at = wanted["at"];
        const std::vector<double> exact = gradients["value"];
        const Tensor probes = at::tensor(exact, at::kDouble);
        const Tensor found = flat.index_select(0, at::tensor(at, at::kLong)).to(at::kDouble);
        // A deep layer alone collects the float32 rounding of a dozen convolutions each way: 1e-5 in PyTorch, up to
        // 3e-5 here, 6e-5 with Winograd's convolutions. A wrong factor or formula would be far beyond either.
        const double tolerance = engine == Engine::Frozen ? 1e-4 : all ? 2e-5 : 5e-5;
        EXPECT_LT(((found - probes).norm() / probes.norm()).item<double>(), tolerance);
    }
}

INSTANTIATE_TEST_SUITE_P(Published, StylePresets,
                         testing::Combine(testing::Values(Case{"crowsonkb", StylePreset::Crowsonkb, "torchvision"},
                                                          Case{"gatys", StylePreset::Gatys, "torchvision"},
                                                          Case{"neural-style", StylePreset::NeuralStyle, "caffe"},
                                                          Case{"chollet2e", StylePreset::Chollet2e, "caffe"}),
                                          testing::Values(Engine::Libtorch, Engine::Frozen)),
                         [](const auto& tested) {
                             std::string name = std::get<0>(tested.param).name;
                             std::erase(name, '-');
                             return name + (std::get<1>(tested.param) == Engine::Frozen ? "_frozen" : "_libtorch");
                         });

}  // namespace
}  // namespace reverie
