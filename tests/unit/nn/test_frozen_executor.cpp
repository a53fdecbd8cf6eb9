// Whole nets on the frozen engine: against float64, against LibTorch's executor, and against itself.

#include "kernels/kernel_choice.h"
#include "nn/frozen_executor.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/frozen/plan.h"
#include "reverie/core/parallel.h"
#include "support/expect_error.h"
#include "support/float64_net.h"
#include "support/formula_net.h"
#include "support/relative_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::Float64Net;
using test::formula_image;
using test::relative_error;

/// Weights by architecture: variants of one share them.
const StateDict& weights_of_architecture(const std::string& architecture) {
    static std::map<std::string, StateDict> made;
    auto found = made.find(architecture);
    if (found == made.end()) {
        found = made.emplace(architecture, test::formula_state(make_graph(architecture, "torchvision"))).first;
    }
    return found->second;
}

FrozenNet net_of(const Graph& graph, Engine engine = Engine::Frozen) {
    return {graph, weights_of_architecture(graph.architecture), c10::Device(c10::kCPU), engine};
}

struct Variant {
    std::string name;
    std::string architecture;
    std::string preprocessing;
    std::vector<std::string> taps;
    void (*modify)(Graph&) = nullptr;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

Graph graph_of(const Variant& variant) {
    Graph graph = make_graph(variant.architecture, variant.preprocessing);
    if (variant.modify != nullptr) {
        variant.modify(graph);
    }
    return graph;
}

/// What is said about a feature: the size of a loss does not matter, its signs and places do.
Tensor seed_of(const Tensor& feature) { return feature.contiguous() + 0.1 * feature.std(); }

/// Everything a pass gives: features and the gradient of all of them together.
std::vector<Tensor> pass(FrozenNet& net, const Tensor& image, const std::vector<std::string>& taps) {
    std::vector<Tensor> found;
    Features seeds;
    for (const auto& [name, feature] : net.forward(image, taps)) {
        found.push_back(feature.clone());
        seeds[name] = seed_of(feature);
    }
    found.push_back(net.backward(seeds));
    return found;
}

void expect_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size()) << what;
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_TRUE(at::equal(a[i], b[i])) << what << ", number " << i << ": " << relative_error(a[i], b[i]);
    }
}

/// The same graph without its activations and with means for maxima: no unit can fall on another side in one engine
/// than in the other.
Graph linear(const Graph& from) {
    Graph graph = from;
    for (Node& node : graph.nodes) {
        node.pooling = node.pooling == Pooling::Max ? Pooling::Average : node.pooling;
    }
    std::vector<int> stands_for(graph.nodes.size());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        for (int& input : graph.nodes[i].inputs) {
            input = stands_for[static_cast<std::size_t>(input)];
        }
        const Node& node = graph.nodes[i];
        stands_for[i] = node.op == Op::Activation ? node.inputs[0] : static_cast<int>(i);
    }
    for (auto& [name, node] : graph.taps) {
        node = stands_for[static_cast<std::size_t>(node)];
    }
    return graph;
}

// Winograd's rounding grows with depth: up to 6e-6 of a feature and 4e-6 of a gradient were measured. (Deeper taps are
// the parity tests' business.)
constexpr double kNear = 2e-5;

/// Features, the gradient of each of them while the others are silent, and that of all together.
void expect_near_float64(const Graph& graph, const StateDict& weights, const Tensor& picture,
                         const std::vector<std::string>& taps) {
    FrozenNet net(graph, weights, c10::Device(c10::kCPU), Engine::Frozen);
    Float64Net right(graph, weights, picture, taps, Engine::Frozen);
    const Features features = net.forward(picture, taps);
    std::map<std::string, Tensor> seeds;
    for (const std::string& tap : taps) {
        EXPECT_LT(relative_error(features.at(tap), right.feature(tap)), kNear) << tap;
        seeds[tap] = seed_of(right.feature(tap)).to(at::kFloat);
        const std::map<std::string, Tensor> alone = {{tap, seeds[tap]}};
        EXPECT_LT(relative_error(net.backward(alone, true), right.backward(alone)), kNear) << tap;
    }
    EXPECT_LT(relative_error(net.backward(seeds), right.backward(seeds)), kNear);
}

class FrozenExecutor : public testing::TestWithParam<Variant> {};

// 97x75 is the smallest side InceptionV3 takes, and odd at every depth.
const Tensor& image() {
    static const Tensor made = formula_image(97, 75, "executor");
    return made;
}

TEST_P(FrozenExecutor, FeaturesAndGradientsAreNearFloat64) {
    const Variant& variant = GetParam();
    expect_near_float64(graph_of(variant), weights_of_architecture(variant.architecture), image(), variant.taps);
}

TEST_P(FrozenExecutor, ResultsDoNotDependOnThreads) {
    const Variant& variant = GetParam();
    const Graph graph = graph_of(variant);
    FrozenNet net = net_of(graph);
    const auto with_threads = [&](FrozenNet& of, int threads) {
        const ThreadShare share(threads);
        return pass(of, image(), variant.taps);
    };
    const std::vector<Tensor> alone = with_threads(net, 1);
    expect_same(with_threads(net, 2), alone, "2 threads");
    expect_same(with_threads(net, 3), alone, "3 threads");
    FrozenNet fresh = net_of(graph);  // weights transformed by several threads too
    expect_same(with_threads(fresh, 2), alone, "2 threads from the beginning");
}

TEST_P(FrozenExecutor, ABatchGivesWhatEachImageGivesAlone) {
    const Variant& variant = GetParam();
    FrozenNet net = net_of(graph_of(variant));
    const Tensor other = formula_image(97, 75, "another").flip({2});
    Features seeds;
    const Features features = net.forward(at::cat({image(), other}), variant.taps);
    for (const auto& [name, feature] : features) {
        seeds[name] = feature.sin();
    }
    const Tensor gradient = net.backward(seeds);
    for (std::int64_t i = 0; i < 2; ++i) {
        const Features alone = net.forward(i == 0 ? image() : other, variant.taps);
        Features alone_seeds;
        for (const auto& [name, feature] : alone) {
            EXPECT_TRUE(at::equal(features.at(name).narrow(0, i, 1), feature)) << name << " of image " << i;
            alone_seeds[name] = seeds.at(name).narrow(0, i, 1);
        }
        EXPECT_TRUE(at::equal(gradient.narrow(0, i, 1), net.backward(alone_seeds))) << "image " << i;
    }
}

TEST_P(FrozenExecutor, NothingOfOnePassIsLeftInTheNext) {
    const Variant& variant = GetParam();
    FrozenNet net = net_of(graph_of(variant));
    const std::vector<Tensor> first = pass(net, image(), variant.taps);
    expect_same(pass(net, image(), variant.taps), first, "again");
    pass(net, formula_image(131, 83, "larger"), {variant.taps.back()});
    expect_same(pass(net, image(), variant.taps), first, "after a larger image");
    pass(net, formula_image(75, 76, "smaller"), {variant.taps.front()});
    net.forward(image(), variant.taps, false);
    expect_same(pass(net, image(), variant.taps), first, "after a smaller image and a pass without backward");
}

TEST_P(FrozenExecutor, GradientsStayForAnotherCallWhenAskedTo) {
    const Variant& variant = GetParam();
    FrozenNet net = net_of(graph_of(variant));
    for (const std::string& tap : variant.taps) {
        const Tensor seed = seed_of(net.forward(image(), {tap}).at(tap));
        const Tensor gradient = net.backward({{tap, seed}}, true);
        EXPECT_GT(relative_error(net.backward({{tap, seed.cos()}}, true), gradient), 0.01) << tap;
        EXPECT_TRUE(at::equal(net.backward({{tap, seed}}, true), gradient)) << tap;
        EXPECT_TRUE(at::equal(net.backward({{tap, seed}}), gradient)) << tap;
        test::expect_error(ErrorKind::Usage, [&] { net.backward({{tap, seed}}); });  // that was the last
    }
}

TEST_P(FrozenExecutor, ATapAloneGivesWhatItGivesAmongOthers) {
    const Variant& variant = GetParam();
    FrozenNet net = net_of(graph_of(variant));
    for (const std::string& tap : variant.taps) {
        const Tensor feature = net.forward(image(), {tap}).at(tap).clone();
        const Tensor seed = seed_of(feature);
        const Tensor gradient = net.backward({{tap, seed}});
        EXPECT_TRUE(at::equal(net.forward(image(), variant.taps).at(tap), feature)) << tap;
        EXPECT_TRUE(at::equal(net.backward({{tap, seed}}), gradient)) << tap;
    }
}

TEST_P(FrozenExecutor, WithoutActivationsEveryTapAloneEqualsLibtorch) {
    const Variant& variant = GetParam();
    const Graph graph = linear(graph_of(variant));
    FrozenNet net = net_of(graph);
    FrozenNet libtorch = net_of(graph, Engine::Libtorch);
    for (const std::string& tap : variant.taps) {
        const Tensor right = libtorch.forward(image(), {tap}).at(tap);
        const Tensor seed = seed_of(right);
        EXPECT_LT(relative_error(net.forward(image(), {tap}).at(tap), right), kNear) << tap;
        EXPECT_LT(relative_error(net.backward({{tap, seed}}), libtorch.backward({{tap, seed}})), kNear) << tap;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Nets, FrozenExecutor,
    testing::Values(
        Variant{"vgg16", "vgg16", "torchvision", {"relu1_2", "relu3_1", "pool3", "relu4_1"}},
        Variant{"vgg16_replicated", "vgg16", "torchvision", {"relu2_2", "relu4_1"}, replicate_all_padding},
        Variant{"vgg16_average",
                "vgg16",
                "caffe",
                {"relu2_1", "relu4_1"},
                [](Graph& graph) { use_pooling(graph, Pooling::Average, 2.0); }},
        Variant{"vgg16_l2",
                "vgg16",
                "torchvision",
                {"relu2_1", "pool2", "relu4_1"},
                [](Graph& graph) { use_pooling(graph, Pooling::L2, 0.78); }},
        Variant{"inception_v3",
                "inception_v3",
                "inception",
                {"Conv2d_2a_3x3", "maxpool2", "Mixed_5c", "Mixed_6c", "Mixed_7c", "fc"}},
        Variant{"googlenet",
                "googlenet",
                "inception",
                {"conv1", "maxpool1", "maxpool2", "inception3b", "inception4d.branch2.0", "inception4d", "maxpool4",
                 "inception5b", "fc"}},
        Variant{"googlenet_l2",
                "googlenet",
                "inception",
                {"maxpool1", "inception3a", "maxpool4"},
                [](Graph& graph) { use_pooling(graph, Pooling::L2, 0.78); }},
        Variant{"resnet50",
                "resnet50",
                "torchvision",
                {"conv1", "maxpool", "layer1.0", "layer1.2", "layer2.0.conv2", "layer2.3", "layer3.1"}},
        Variant{"efficientnet_lite0",
                "efficientnet_lite0",
                "lite0",
                {"stem", "block1.depthwise", "block2", "block6", "block11.expand", "head", "logits"}},
        Variant{"efficientnet_lite2", "efficientnet_lite2", "lite0", {"stem", "block3", "block10", "block14.expand"}}),
    [](const auto& tested) { return tested.param.name; });

TEST(FrozenExecutors, AConcatenationAndItsPartsTakeGradientsTogether) {
    Graph graph = make_graph("inception_v3", "inception");
    const auto parts = [&](const std::string& tap) {
        return graph.nodes[static_cast<std::size_t>(find_tap(graph, tap))].inputs;
    };
    graph.name("pointwise part", parts("Mixed_5b")[0]);
    graph.name("last part", parts("Mixed_5b")[3]);
    graph.name("pooled part", parts("Mixed_6a")[2]);
    const StateDict& weights = weights_of_architecture("inception_v3");
    expect_near_float64(graph, weights, image(), {"pointwise part", "Mixed_5b"});
    expect_near_float64(graph, weights, image(),
                        {"Mixed_5b", "last part", "Mixed_6a", "pooled part", "pointwise part", "maxpool2"});
    expect_near_float64(graph, weights, image(), {"Mixed_5b", "Mixed_5c"});  // one the other's input
}

TEST(FrozenExecutors, AConvolutionIsSeenBeforeItsActivationToo) {
    const Graph vgg = make_graph("vgg16", "torchvision");
    const StateDict& weights = weights_of_architecture("vgg16");
    expect_near_float64(vgg, weights, image(), {"features.5", "relu2_1"});
    expect_near_float64(vgg, weights, image(), {"features.0", "relu1_1", "features.7", "pool2", "relu3_1"});
    FrozenNet net = net_of(vgg);
    const Features both = net.forward(image(), {"features.5", "relu2_1"});
    EXPECT_LT(both.at("features.5").min().item<double>(), 0.0);
    EXPECT_TRUE(at::equal(both.at("features.5").relu(), both.at("relu2_1")));
    // The fused step gives the same numbers.
    EXPECT_TRUE(at::equal(net.forward(image(), {"relu2_1"}).at("relu2_1"), both.at("relu2_1")));
}

/// Graphs that no architecture has but that the executor says it can run.
class SmallGraph {
  public:
    SmallGraph() { input = graph.add({}); }
    int convolution(int from, std::int64_t channels, const Window& window = {}) {
        return graph.add({.op = Op::Convolution,
                          .inputs = {from},
                          .channels = channels,
                          .window = window,
                          .weight_key = "convolution" + std::to_string(graph.nodes.size())});
    }
    int relu(int from) { return graph.add({.op = Op::Activation, .inputs = {from}, .channels = channels_of(from)}); }
    int pool(int from, Pooling pooling, const Window& window) {
        return graph.add(
            {.op = Op::Pool, .inputs = {from}, .channels = channels_of(from), .window = window, .pooling = pooling});
    }
    int add(int a, int b) { return graph.add({.op = Op::Add, .inputs = {a, b}, .channels = channels_of(a)}); }
    int mean(int from) { return graph.add({.op = Op::GlobalAverage, .inputs = {from}, .channels = channels_of(from)}); }
    int concatenate(const std::vector<int>& parts) {
        std::int64_t channels = 0;
        for (const int part : parts) {
            channels += channels_of(part);
        }
        return graph.add({.op = Op::Concatenate, .inputs = parts, .channels = channels});
    }
    /// Auto takes LibTorch for what is refused.
    void expect_right_or_refused(const std::vector<std::pair<std::string, int>>& named) {
        if (frozen::can_run(graph)) {
            expect_right(named);
        }
    }
    void expect_right(const std::vector<std::pair<std::string, int>>& named) {
        std::vector<std::string> taps;
        for (const auto& [name, node] : named) {
            graph.name(name, node);
            taps.push_back(name);
        }
        ASSERT_TRUE(frozen::can_run(graph));
        expect_near_float64(graph, test::formula_state(graph), formula_image(13, 18, "small"), taps);
    }

    Graph graph;
    int input;

  private:
    std::int64_t channels_of(int node) const { return graph.nodes[static_cast<std::size_t>(node)].channels; }
};

constexpr Window kThree{.kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1};
constexpr Window kHalving{.kernel_h = 2, .kernel_w = 2, .stride = 2};

TEST(FrozenExecutors, AdditionsShareTheirGradient) {
    SmallGraph g;
    const int a = g.relu(g.convolution(g.input, 24, kThree));
    const int b = g.add(g.convolution(a, 24), a);                             // done by the convolution
    const int c = g.add(b, a);                                                // of maps that both have other users
    const int d = g.add(g.convolution(c, 24), b);                             // a chain of shared gradients
    const int e = g.relu(g.add(d, d));                                        // of one with itself
    const int f = g.add(g.convolution(e, 24, kThree), g.convolution(d, 24));  // of two convolutions
    g.expect_right({{"a", a}, {"b", b}, {"c", c}, {"d", d}, {"e", e}, {"f", f}});
    g.expect_right({{"only f", f}});
}

TEST(FrozenExecutors, AnActivationBehindAnAdditionIsDoneByTheConvolutionUnlessTheSumIsSeen) {
    SmallGraph g;
    const int a = g.relu(g.convolution(g.input, 24, kThree));
    const int b = g.relu(g.add(g.convolution(a, 24), a));
    const int c = g.relu(g.add(b, g.convolution(b, 24, kThree)));
    const int d = g.add(g.convolution(c, 24), c);  // two users
    const int e = g.relu(d);
    const int f = g.concatenate({g.relu(g.add(g.convolution(e, 24), d)), g.convolution(d, 8)});
    g.expect_right({{"f", f}});
    g.expect_right({{"b", b}, {"d", d}, {"only f", f}});
}

TEST(FrozenExecutors, OneNodeMayBePartOfSeveralConcatenations) {
    SmallGraph g;
    const int a = g.relu(g.convolution(g.input, 16, kThree));
    const int b = g.relu(g.convolution(a, 8));
    const int c = g.concatenate({a, b, a});
    const int d = g.concatenate({c, b});
    const int e = g.relu(g.convolution(d, 24, kThree));
    const int f = g.convolution(b, 8);  // a part's own user beside its concatenations
    g.expect_right({{"e", e}, {"f", f}});
    g.expect_right({{"c", c}, {"d", d}, {"b", b}});
}

TEST(FrozenExecutors, PoolsOfEveryKindMayBePartsAndInputsOfParts) {
    SmallGraph g;
    const int a = g.relu(g.convolution(g.input, 16, kThree));
    const int b = g.pool(a, Pooling::L2, kHalving);
    const int c = g.pool(a, Pooling::Max, kHalving);
    const int d = g.pool(a, Pooling::Average, kHalving);
    const int e = g.concatenate({b, g.relu(g.convolution(c, 24)), c, d});
    const int f = g.pool(e, Pooling::L2, kThree);
    const int h = g.convolution(g.mean(f), 40);
    g.expect_right({{"e", e}, {"h", h}});
    g.expect_right({{"b", b}, {"c", c}, {"f", f}});
}

TEST(FrozenExecutors, PartsThatBeginWithinAByteOfChannelsKeepTheirSlopes) {
    // 3 channels, then activations: their bits do not begin at a byte of the concatenation's.
    SmallGraph g;
    const int colors = g.convolution(g.input, 3);
    const int a = g.relu(g.convolution(g.input, 16, kThree));
    const int b = g.concatenate({colors, a});
    g.expect_right_or_refused({{"b", b}, {"c", g.convolution(b, 8)}});
}

TEST(FrozenExecutors, AMeanMayBePartOfAConcatenationWithActivations) {
    SmallGraph g;
    const int mean = g.mean(g.convolution(g.input, 24, kThree));
    const int a = g.relu(g.convolution(mean, 16));
    const int b = g.concatenate({a, mean});
    const int c = g.convolution(b, 8);
    g.expect_right_or_refused({{"c", c}});
}

TEST(FrozenExecutors, ImagesOfOneCellPassThrough) {
    SmallGraph g;
    const int a = g.relu(g.convolution(g.input, 16, kThree));
    const int b = g.relu(g.convolution(a, 24, {.kernel_h = 3, .kernel_w = 3, .stride = 2, .padding = Padding::Same}));
    g.graph.name("b", b);
    expect_near_float64(g.graph, test::formula_state(g.graph), formula_image(1, 1, "cell"), {"b"});
    expect_near_float64(g.graph, test::formula_state(g.graph), formula_image(2, 5, "row"), {"b"});
}

TEST(FrozenExecutors, EveryKernelSetRunsWholeNets) {
    const Graph graph = linear(make_graph("efficientnet_lite0", "lite0"));
    const StateDict& weights = weights_of_architecture("efficientnet_lite0");
    const std::vector<int> wanted = {find_tap(graph, "block5")};
    FrozenNet libtorch = net_of(graph, Engine::Libtorch);
    const Tensor right = libtorch.forward(image(), {"block5"}).at("block5");
    const Tensor seed = seed_of(right);
    const Tensor right_gradient = libtorch.backward({{"block5", seed}});
    for (const frozen::Kernels* kernels : kernels::runnable_kernels()) {
        const auto executor = make_frozen_executor(graph, weights, *kernels);
        EXPECT_LT(relative_error(executor->forward(image(), wanted, true)[0], right), kNear) << kernels->name;
        EXPECT_LT(relative_error(executor->backward({seed}, false), right_gradient), kNear) << kernels->name;
    }
    EXPECT_EQ(&kernels::best_kernels(), kernels::runnable_kernels().back());
}

TEST(FrozenExecutors, ChainsGiveTheBitsOfTheirLayers) {
    FrozenNet net = net_of(make_graph("efficientnet_lite0", "lite0"));
    const Tensor large = formula_image(301, 398, "large");  // whose first blocks are chains
    const Tensor feature = net.forward(large, {"block2"}).at("block2").clone();
    const Tensor gradient = net.backward({{"block2", seed_of(feature)}});
    const std::vector<std::string> inside = {"block0.depthwise", "block1.expand", "block2.depthwise", "block2"};
    EXPECT_TRUE(at::equal(net.forward(large, inside).at("block2"), feature));
    EXPECT_TRUE(at::equal(net.backward({{"block2", seed_of(feature)}}), gradient));
    EXPECT_TRUE(at::equal(net.forward(large, {"block2"}, false).at("block2"), feature));
}

TEST(FrozenExecutors, SilentTapsCostNoGradient) {
    FrozenNet net = net_of(make_graph("vgg16", "torchvision"));
    const Tensor feature = net.forward(image(), {"relu1_1", "relu3_1"}).at("relu1_1");
    const Tensor both = net.backward({{"relu1_1", feature}});
    net.forward(image(), {"relu1_1"});
    EXPECT_TRUE(at::equal(both, net.backward({{"relu1_1", feature}})));
    net.forward(image(), {"relu1_1"});
    EXPECT_FALSE(net.backward({}).defined());
}

TEST(FrozenExecutors, SeedsInAnyMemoryLayoutAndTypeMeanTheSame) {
    FrozenNet net = net_of(make_graph("inception_v3", "inception"));
    const Tensor feature = net.forward(image(), {"Mixed_5b"}).at("Mixed_5b");
    const Tensor seed = seed_of(feature).contiguous();
    const Tensor right = net.backward({{"Mixed_5b", seed}}, true);
    EXPECT_TRUE(at::equal(net.backward({{"Mixed_5b", seed.contiguous(at::MemoryFormat::ChannelsLast)}}, true), right));
    EXPECT_TRUE(at::equal(net.backward({{"Mixed_5b", seed.to(at::kDouble)}}, true), right));
    const Tensor transposed = seed.transpose(2, 3).contiguous().transpose(2, 3);
    EXPECT_TRUE(at::equal(net.backward({{"Mixed_5b", transposed}}), right));
}

TEST(FrozenEngine, TheProcessorTakesItWhereItCan) {
    const StateDict& weights = weights_of_architecture("inception_v3");
    const c10::Device cpu(c10::kCPU);
    Graph graph = make_graph("inception_v3", "inception");
    EXPECT_EQ(FrozenNet(graph, weights, cpu).engine(), Engine::Frozen);
    EXPECT_EQ(FrozenNet(graph, weights, cpu, Engine::Frozen).engine(), Engine::Frozen);
    EXPECT_EQ(FrozenNet(graph, weights, cpu, Engine::Libtorch).engine(), Engine::Libtorch);
    for (const char* architecture : {"googlenet", "resnet50"}) {
        const Graph other = make_graph(architecture, "torchvision");
        EXPECT_EQ(FrozenNet(other, weights_of_architecture(architecture), cpu).engine(), Engine::Frozen);
    }
    replicate_all_padding(graph);  // 5x5 windows among them
    EXPECT_EQ(FrozenNet(graph, weights, cpu).engine(), Engine::Libtorch);
    EXPECT_THAT(
        expect_error(ErrorKind::Usage, [&] { FrozenNet(graph, weights, cpu, Engine::Frozen); }),
        testing::AllOf(testing::HasSubstr("--engine"), testing::HasSubstr("3x3"), testing::HasSubstr("inception_v3")));
}

}  // namespace
}  // namespace reverie
