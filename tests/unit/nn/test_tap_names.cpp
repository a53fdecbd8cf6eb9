// A layer has several names, and whoever asks under any of them, alone or together, gets the same.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reverie/nn/layer_weight.h"
#include "support/expect_error.h"
#include "support/formula_net.h"

namespace reverie {
namespace {

using test::expect_error;

/// The same net with a sixteenth of the channels: every name and every way of the graph in a hundredth of the time.
Graph narrowed(Graph graph) {
    const auto narrow = [](std::int64_t channels) { return std::max<std::int64_t>(8, channels / 16 / 8 * 8); };
    for (Node& node : graph.nodes) {
        const auto input = [&](std::size_t k) {
            return graph.nodes[static_cast<std::size_t>(node.inputs[k])].channels;
        };
        const bool depthwise = node.groups > 1;
        switch (node.op) {
            case Op::Input:
                break;
            case Op::Convolution:
                node.channels = depthwise ? input(0) : narrow(node.channels);
                node.groups = depthwise ? input(0) : 1;
                break;
            case Op::Linear:
                node.channels = narrow(node.channels);
                break;
            case Op::Concatenate:
                node.channels = 0;
                for (std::size_t k = 0; k < node.inputs.size(); ++k) {
                    node.channels += input(k);
                }
                break;
            default:
                node.channels = input(0);
        }
    }
    return graph;
}

using Case = std::pair<std::string, Engine>;

class TapNames : public testing::TestWithParam<Case> {
  protected:
    static FrozenNet net() {
        return test::formula_net(narrowed(make_graph(GetParam().first, "torchvision")), GetParam().second);
    }
};

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const std::string& architecture : architectures()) {
        all.emplace_back(architecture, Engine::Frozen);
        all.emplace_back(architecture, Engine::Libtorch);
    }
    return all;
}

INSTANTIATE_TEST_SUITE_P(Nets, TapNames, testing::ValuesIn(cases()), [](const auto& tested) {
    return tested.param.first + (tested.param.second == Engine::Frozen ? "_frozen" : "_libtorch");
});

/// A gradient for a feature that differs from name to name.
Tensor seed_for(const Tensor& feature, const std::string& name) {
    const test::FormulaStream uniform(name);
    return (feature + uniform(0)).sin() / feature.norm().clamp_min(1e-6);
}

TEST_P(TapNames, EveryPairOfNamesGivesTheSumOfTheirGradients) {
    FrozenNet net = TapNames::net();
    // Names of one node are tried with each other and take turns in the pairs of different nodes.
    std::vector<std::vector<std::string>> nodes;
    std::vector<std::string> deepest;
    for (const Tap& tap : net.taps()) {
        nodes.push_back({tap.name});
        nodes.back().insert(nodes.back().end(), tap.aliases.begin(), tap.aliases.end());
        deepest = {tap.name};
    }
    const std::int64_t side = net.min_side(deepest);
    const Tensor image = test::formula_image(side, side + 3, "pairs");
    std::map<std::string, Tensor> alone;
    for (const std::vector<std::string>& names : nodes) {
        for (const std::string& name : names) {
            const Features features = net.forward(image, {name});
            alone[name] = net.backward({{name, seed_for(features.at(name), name)}});
        }
    }
    std::size_t turn = 0;
    for (std::size_t a = 0; a < nodes.size(); ++a) {
        for (std::size_t b = a; b < nodes.size(); ++b) {
            for (const std::string& one : a == b ? nodes[a] : std::vector{nodes[a][turn % nodes[a].size()]}) {
                for (const std::string& other : a == b ? nodes[b] : std::vector{nodes[b][turn % nodes[b].size()]}) {
                    const Features features = net.forward(image, {one, other});
                    if (a == b) {
                        ASSERT_TRUE(at::equal(features.at(one), features.at(other))) << one << " " << other;
                    }
                    Features gradients = {{one, seed_for(features.at(one), one)}};
                    gradients[other] = seed_for(features.at(other), other);
                    const Tensor both = net.backward(gradients);
                    const Tensor wanted = one == other ? alone[one] : alone[one] + alone[other];
                    // Of what was added up: the two may nearly cancel. All of a map may be dead on so small an image.
                    const double size = alone[one].norm().item<double>() + alone[other].norm().item<double>();
                    ASSERT_LE((both - wanted).norm().item<double>(), 1e-4 * size) << one << " " << other;
                }
            }
            ++turn;
        }
    }
}

TEST(TapNames, GradientMayComeUnderAnotherNameThanTheFeatureWasAskedForUnder) {
    FrozenNet net = test::formula_net(narrowed(make_graph("vgg16", "torchvision")));
    const Tensor image = test::formula_image(32, 35, "names");
    const Tensor feature = net.forward(image, {"relu3_1"}).at("relu3_1");
    const Tensor right = net.backward({{"relu3_1", feature}});
    net.forward(image, {"relu3_1"});
    EXPECT_TRUE(at::equal(net.backward({{"conv3_1", feature}}), right));
}

TEST(TapNames, OneLayerUnderTwoNamesIsNamedInTheRefusal) {
    const Graph graph = make_graph("vgg16", "torchvision");
    EXPECT_THAT(
        expect_error(ErrorKind::Usage,
                     [&] {
                         require_distinct(graph, {{"relu3_1", 1.0}, {"relu4_1", 1.0}, {"conv3_1", 2.0}}, "--layers");
                     }),
        testing::AllOf(testing::HasSubstr("--layers"), testing::HasSubstr("relu3_1 and conv3_1"),
                       testing::HasSubstr("one layer")));
    EXPECT_NO_THROW(require_distinct(graph, {{"relu3_1", 1.0}, {"relu3_2", 1.0}}, "--layers"));
}

}  // namespace
}  // namespace reverie
