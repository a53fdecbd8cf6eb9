// Every tap of every net against float64 numbers of PyTorch (references/*.json, made by make_net_references.py).

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "reverie/nn/frozen_net.h"
#include "support/closed_formula.h"
#include "support/float64_net.h"
#include "support/formula_net.h"
#include "support/relative_error.h"

namespace reverie {
namespace {

using nlohmann::json;
using test::FormulaStream;

json read_references(const std::string& name) {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/" + name + ".json");
    return json::parse(file);
}

struct Case {
    std::string name;          // of the test
    std::string file;          // references/FILE.json
    std::string variant;       // in it
    std::string architecture;  // of ours
    std::string preprocessing;
    void (*modify)(Graph&) = nullptr;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// Compares all the numbers of one tensor. Errors are relative to the tensor's own size:
/// its root mean square, for single elements its largest.
void expect_numbers(const Tensor& tensor, const json& wanted, double tolerance, const std::string& what) {
    const Tensor flat = tensor.to(at::kDouble).contiguous().view(-1);
    const auto n = static_cast<double>(flat.numel());
    ASSERT_EQ(flat.numel(), [&] {
        std::int64_t product = 1;
        for (const json& side : wanted["shape"]) {
            product *= side.get<std::int64_t>();
        }
        return product;
    }()) << what;
    const double norm = wanted["norm"];
    const double size = norm / std::sqrt(n);  // root mean square of the elements
    EXPECT_NEAR(flat.norm().item<double>(), norm, tolerance * norm) << what;
    EXPECT_NEAR(flat.mean().item<double>(), wanted["mean"].get<double>(), tolerance * size) << what;
    EXPECT_NEAR(flat.std(false).item<double>(), wanted["std"].get<double>(), tolerance * size) << what;
    const FormulaStream signs("projection");
    double projection = 0;
    const double* data = flat.data_ptr<double>();
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
        projection += data[i] * (2 * signs(static_cast<std::uint64_t>(i)) - 1);
    }
    EXPECT_NEAR(projection / std::sqrt(n), wanted["projection"].get<double>(), tolerance * size) << what;
    const auto largest = flat.abs().max().item<double>();
    for (std::size_t i = 0; i < wanted["at"].size(); ++i) {
        EXPECT_NEAR(data[wanted["at"][i].get<std::int64_t>()], wanted["value"][i].get<double>(), tolerance * largest)
            << what << " at " << wanted["at"][i];
    }
}

/// A case with its weights, image and the numbers it is compared with.
struct Comparison {
    explicit Comparison(const Case& c)
        : file(read_references(c.file)),
          references(file["variants"][c.variant]),
          graph(make_graph(c.architecture, c.preprocessing)),
          weights(test::formula_state(graph)),
          image(test::formula_image(file["image"]["height"], file["image"]["width"], file["image"]["noise"])) {
        if (c.modify != nullptr) {
            c.modify(graph);
        }
    }
    static std::vector<std::string> names(const json& numbers) {
        std::vector<std::string> found;
        for (const auto& item : numbers.items()) {
            found.push_back(item.key());
        }
        return found;
    }
    static Tensor seed(const Tensor& feature) { return feature * (2.0 / static_cast<double>(feature.numel())); }

    json file, references;
    Graph graph;
    StateDict weights;
    Tensor image;
};

class NetParity : public testing::TestWithParam<std::tuple<Case, Engine>> {};

TEST_P(NetParity, EveryTapAndGradientEqualsPyTorch) {
    const auto& [c, engine] = GetParam();
    const Comparison with(c);
    FrozenNet net(with.graph, with.weights, c10::Device(c10::kCPU), engine);

    // One pass for all taps: every tap stays right when its neighbours are asked for too.
    const std::vector<std::string> taps = Comparison::names(with.references["taps"]);
    const Features features = net.forward(with.image, taps, false);
    for (const std::string& name : taps) {
        expect_numbers(features.at(name), with.references["taps"][name], 1e-4, c.name + " " + name);
    }
    // Winograd's rounding, some 1e-6 of a feature, lets a unit or two fall on the other side of zero, and in maps of a
    // few cells one unit is thousandths of a gradient or more: which ones is chance. So the frozen engine's gradients
    // are held to float64 with the units where that engine has them, and float64 itself to PyTorch, below.
    const std::vector<std::string> gradients = Comparison::names(with.references["gradients"]);
    std::optional<test::Float64Net> right;
    if (engine == Engine::Frozen) {
        right.emplace(with.graph, with.weights, with.image, gradients, engine);
    }
    for (const std::string& name : gradients) {
        const Tensor seed = Comparison::seed(net.forward(with.image, {name}).at(name));
        const Tensor gradient = net.backward({{name, seed}});
        if (right) {
            EXPECT_LT(test::relative_error(gradient, right->backward({{name, seed}})), 2e-5)
                << c.name << " gradient of " << name;
        } else {
            expect_numbers(gradient, with.references["gradients"][name], 1e-4, c.name + " gradient of " + name);
        }
    }
}

class Float64NetParity : public testing::TestWithParam<Case> {};

TEST_P(Float64NetParity, TheMeasureOfTheFrozenEngineEqualsPyTorch) {
    const Case& c = GetParam();
    const Comparison with(c);
    const std::vector<std::string> gradients = Comparison::names(with.references["gradients"]);
    test::Float64Net net(with.graph, with.weights, with.image, gradients);
    for (const std::string& name : gradients) {
        // Batch norms are folded in float32, which is a rounding of every weight.
        expect_numbers(net.backward({{name, Comparison::seed(net.feature(name))}}), with.references["gradients"][name],
                       1e-5, c.name + " gradient of " + name);
    }
}

std::vector<Case> cases() {
    return {
        Case{"vgg16", "vgg16", "torchvision", "vgg16", "torchvision"},
        Case{"vgg16_average", "vgg16", "average_pooling", "vgg16", "torchvision",
             [](Graph& g) { use_pooling(g, Pooling::Average); }},
        Case{"vgg16_replicate", "vgg16", "replicate_first_padding", "vgg16", "torchvision", replicate_first_padding},
        Case{"vgg19", "vgg19", "torchvision", "vgg19", "torchvision"},
        Case{"vgg19_average", "vgg19", "average_pooling", "vgg19", "torchvision",
             [](Graph& g) { use_pooling(g, Pooling::Average); }},
        Case{"vgg19_replicate", "vgg19", "replicate_first_padding", "vgg19", "torchvision", replicate_first_padding},
        Case{"inception_v3", "inception_v3", "torchvision", "inception_v3", "inception"},
        Case{"inception_v3_fid", "inception_v3", "fid_2015", "inception_v3_fid", "inception"},
        Case{"inception_v3_keras", "inception_v3", "keras", "inception_v3_keras", "inception"},
        Case{"googlenet", "googlenet", "torchvision", "googlenet", "inception"},
        Case{"googlenet_average", "googlenet", "average_pooling", "googlenet", "inception",
             [](Graph& g) { use_pooling(g, Pooling::Average); }},
        Case{"resnet50", "resnet50", "torchvision", "resnet50", "torchvision"},
        Case{"efficientnet_lite0", "efficientnet_lite0", "default", "efficientnet_lite0", "lite0"},
        Case{"efficientnet_lite1", "efficientnet_lite1", "default", "efficientnet_lite1", "lite0"},
        Case{"efficientnet_lite2", "efficientnet_lite2", "default", "efficientnet_lite2", "lite0"}};
}

INSTANTIATE_TEST_SUITE_P(
    Nets, NetParity, testing::Combine(testing::ValuesIn(cases()), testing::Values(Engine::Libtorch, Engine::Frozen)),
    [](const auto& tested) {
        return std::get<0>(tested.param).name + (std::get<1>(tested.param) == Engine::Frozen ? "_frozen" : "_libtorch");
    });
INSTANTIATE_TEST_SUITE_P(Nets, Float64NetParity, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace reverie
