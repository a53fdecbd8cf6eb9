#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "reverie/core/parallel.h"
#include "support/expect_error.h"
#include "support/float64_net.h"
#include "support/formula_net.h"
#include "support/relative_error.h"

namespace reverie {
namespace {

using test::expect_error;

/// Follows every allocation of LibTorch's CPU allocator.
class PeakMemory final : public c10::MemoryReportingInfoBase {
  public:
    void reportMemoryUsage(void* /*pointer*/, int64_t size, size_t /*total*/, size_t /*reserved*/,
                           c10::Device /*device*/) override {
        now_ += size;
        peak_ = std::max(peak_, now_);
    }
    bool memoryProfilingEnabled() const override { return true; }
    std::int64_t peak() const { return peak_; }

  private:
    std::int64_t now_ = 0;
    std::int64_t peak_ = 0;
};

TEST(FrozenNet, TapsOfOnePassEqualTapsAskedForAlone) {
    FrozenNet net = test::formula_lite0();
    const Tensor image = test::formula_image(65, 49, "a");
    const Features all = net.forward(image, {"block3", "stem", "block5.expand", "block4"});
    for (const auto& [name, feature] : all) {
        EXPECT_TRUE(at::equal(net.forward(image, {name}).at(name), feature)) << name;
        EXPECT_TRUE(at::equal(net.forward(image, {name}, false).at(name), feature)) << name;
    }
}

TEST(FrozenNet, GradientsOfSeveralTapsAdd) {
    FrozenNet net = test::formula_lite0();
    const Tensor image = test::formula_image(49, 65, "b");
    const Features features = net.forward(image, {"block2", "block4"});
    const Tensor first = net.backward({{"block2", features.at("block2")}}, true);
    const Tensor second = net.backward({{"block4", features.at("block4")}}, true);
    const Tensor both = net.backward(features);
    const auto size = both.abs().max().item<double>();
    EXPECT_LT((first + second - both).abs().max().item<double>(), 1e-5 * size);
    EXPECT_EQ(both.sizes(), image.sizes());
}

TEST(FrozenNet, TapAskedForTwiceTakesItsGradientOnce) {
    FrozenNet net = test::formula_lite0();
    const Tensor image = test::formula_image(49, 65, "b");
    const Tensor feature = net.forward(image, {"block2"}).at("block2");
    const Tensor once = net.backward({{"block2", feature}});
    net.forward(image, {"block2", "block2"});
    EXPECT_TRUE(at::equal(net.backward({{"block2", feature}}), once));
}

TEST(FrozenNet, ImageWithoutABatchGivesAGradientWithoutOne) {
    FrozenNet net = test::formula_lite0();
    const Tensor image = test::formula_image(33, 47, "c").squeeze(0);
    const Features features = net.forward(image, {"block1"});
    EXPECT_EQ(features.at("block1").dim(), 4);
    EXPECT_EQ(net.backward(features).sizes(), image.sizes());
}

class FrozenNetEngines : public testing::TestWithParam<Engine> {};

INSTANTIATE_TEST_SUITE_P(Both, FrozenNetEngines, testing::Values(Engine::Frozen, Engine::Libtorch),
                         [](const auto& tested) { return tested.param == Engine::Frozen ? "frozen" : "libtorch"; });

TEST_P(FrozenNetEngines, TensorsOfAnotherKindAreRefused) {
    FrozenNet net = test::formula_net("efficientnet_lite0", "lite0", GetParam());
    const auto refuse = [&](const Tensor& image, const char* said) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { net.forward(image, {"block1"}); }),
                    testing::AllOf(testing::HasSubstr(said), testing::HasSubstr("efficientnet_lite0")));
    };
    refuse(at::zeros({1, 33, 47}), "[1,33,47]");
    refuse(at::zeros({2, 4, 33, 47}), "[2,4,33,47]");
    refuse(at::zeros({0, 3, 33, 47}), "[0,3,33,47]");
    refuse(at::zeros({33, 47}), "[33,47]");
    refuse(at::zeros({3, 33, 47}, at::kByte), "uint8");
    refuse(at::zeros({3, 33, 47}, at::kDouble), "float64");
    refuse(at::empty({3, 33, 47}, at::TensorOptions(at::kMeta)), "on meta");
    refuse(Tensor(), "undefined");
}

TEST_P(FrozenNetEngines, BackwardWantsAKeptForwardAndGradientsThatFitIt) {
    FrozenNet net = test::formula_net("efficientnet_lite0", "lite0", GetParam());
    const Tensor image = test::formula_image(33, 47, "kept");
    const auto refuse = [&](const Features& gradients, const char* said) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { net.backward(gradients); }), testing::HasSubstr(said));
    };
    refuse({}, "without a forward");
    const Tensor feature = net.forward(image, {"block1"}, /*keep_for_backward=*/false).at("block1");
    refuse({{"block1", feature}}, "without a forward");
    net.forward(image, {"block1"});
    refuse({{"block2", feature}}, "'block2'");
    refuse({{"block1", feature.narrow(2, 0, 2)}}, "as the feature is");
    refuse({{"block1", feature.to(at::kLong)}}, "int64");
    refuse({{"block1", Tensor()}}, "undefined");
    EXPECT_FALSE(net.backward({}, /*again=*/true).defined());
    EXPECT_EQ(net.backward({{"block1", feature}}).sizes(), image.sizes());
    refuse({{"block1", feature}}, "without a forward");
}

TEST_P(FrozenNetEngines, MixedPrecisionDoesNotReachIt) {
    FrozenNet net = test::formula_net("efficientnet_lite0", "lite0", GetParam());
    const Tensor image = test::formula_image(33, 47, "half");
    const Features right = net.forward(image, {"block3"});
    const Tensor right_gradient = net.backward(right);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
    const Features features = net.forward(image, {"block3"});
    const Tensor gradient = net.backward(features);
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
    EXPECT_TRUE(at::equal(features.at("block3"), right.at("block3")));
    EXPECT_TRUE(at::equal(gradient, right_gradient));
}

TEST(FrozenNet, SiblingsShareTheirWeights) {
    for (const Engine engine : {Engine::Frozen, Engine::Libtorch}) {
        FrozenNet net = test::formula_net("vgg16", "torchvision", engine);
        const Tensor image = test::formula_image(32, 32, "sibling");
        // The deepest weights are far larger than the maps of so small an image.
        const auto taken = [&](FrozenNet& used) {
            auto peak = std::make_shared<PeakMemory>();
            const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, peak);
            const ThreadShare alone(1);
            used.forward(image, {"relu5_1"}, false);
            return peak->peak();
        };
        const std::int64_t first = taken(net);
        FrozenNet sibling = net.sibling();
        EXPECT_LT(taken(sibling), first / 4);
    }
}

TEST_P(FrozenNetEngines, GradientReachesExactlyTheReceptiveField) {
    FrozenNet net = test::formula_net("vgg16", "torchvision", GetParam());
    // Winograd's tiles reach beyond the field, and sums that should be zero there come out as rounding: 2e-6 of the
    // largest, while the field's own border has a hundredth of it.
    const double noise = GetParam() == Engine::Frozen ? 1e-5 : 0.0;
    const Tensor image = test::formula_image(192, 192, "d").squeeze(0);
    for (const Tap& tap : net.taps()) {
        if (tap.name != "features.8" && tap.name != "features.15" && tap.name != "features.20") {
            continue;
        }
        const Tensor feature = net.forward(image, {tap.name}).at(tap.name);
        Tensor seed = at::zeros_like(feature);
        const std::int64_t row = feature.size(2) / 2;
        const std::int64_t column = feature.size(3) / 2 + 1;
        seed.select(2, row).select(2, column).fill_(1.0);
        const Tensor gradient = net.backward({{tap.name, seed}}).abs().sum(0);
        const auto reach = [&](std::int64_t axis, std::int64_t cell) {
            const Tensor line = gradient.sum(axis == 0 ? 1 : 0);
            const Tensor touched = (line > noise * line.max()).nonzero();
            const auto first = touched.min().item<std::int64_t>();
            const auto last = touched.max().item<std::int64_t>();
            const double middle = tap.offset + static_cast<double>(cell * tap.stride);
            EXPECT_LE(last - first + 1, tap.field) << tap.name;
            EXPECT_GE(first, middle - static_cast<double>(tap.field - 1) / 2) << tap.name;
            EXPECT_LE(last, middle + static_cast<double>(tap.field - 1) / 2) << tap.name;
            // A unit that loses a maximum or a ReLU has no gradient, but most of the field must be felt.
            EXPECT_GE(last - first + 1, tap.field - 2 * tap.stride) << tap.name;
        };
        reach(0, row);
        reach(1, column);
    }
}

TEST(FrozenNet, TooSmallAnImageNamesTheLayerAndItsMinimum) {
    FrozenNet net = test::formula_net("vgg16", "torchvision");
    const std::string message = expect_error(ErrorKind::Input, [&] {
        net.forward(at::zeros({3, 8, 200}), {"relu5_1"});
    });
    EXPECT_THAT(message, testing::AllOf(testing::HasSubstr("relu5_1"), testing::HasSubstr("16")));
    EXPECT_EQ(net.min_side({"relu1_1", "relu5_1"}), 16);
}

TEST(FrozenNet, WeightsOfAnotherNetAreRefusedByName) {
    const test::TemporaryFolder folder;
    write_safetensors(folder / "w.safetensors", test::formula_weights(make_graph("vgg16", "torchvision")));
    const auto load = [&](const std::string& architecture) {
        return FrozenNet(make_graph(architecture, "torchvision"), read_state_dict(folder / "w.safetensors"),
                         c10::Device(c10::kCPU));
    };
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { load("vgg19"); }),
                testing::AllOf(testing::HasSubstr("w.safetensors"), testing::HasSubstr("'features."),
                               testing::HasSubstr("instead of")));
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { load("inception_v3"); }),
                testing::HasSubstr("'Conv2d_1a_3x3.conv.weight'"));
}

TEST(FrozenNet, MissingClassifierMattersOnlyWhenAskedFor) {
    const test::TemporaryFolder folder;
    auto weights = test::formula_weights(make_graph("efficientnet_lite0", "lite0"));
    weights.erase("_fc.weight");
    weights.erase("_fc.bias");
    write_safetensors(folder / "w.safetensors", weights);
    FrozenNet net(make_graph("efficientnet_lite0", "lite0"), read_state_dict(folder / "w.safetensors"),
                  c10::Device(c10::kCPU));
    const Tensor image = test::formula_image(32, 32, "e");
    EXPECT_EQ(net.forward(image, {"head"}).at("head").size(1), 1280);
    expect_error(ErrorKind::Weights, [&] { net.forward(image, {"logits"}); });
}

FrozenNet lite0_of(const std::map<std::string, Tensor>& weights) {
    const test::TemporaryFolder folder;
    write_safetensors(folder / "w.safetensors", weights);
    return {make_graph("efficientnet_lite0", "lite0"), read_state_dict(folder / "w.safetensors"),
            c10::Device(c10::kCPU)};
}

TEST(FrozenNet, HeadForOtherClassesMattersOnlyWhenAskedFor) {
    auto weights = test::formula_weights(make_graph("efficientnet_lite0", "lite0"));
    weights["_fc.weight"] = at::ones({10, 1280});
    weights["_fc.bias"] = at::ones({10});
    const FrozenNet net = lite0_of(weights);
    const Tensor image = test::formula_image(32, 32, "e");
    FrozenNet other = net.sibling();
    EXPECT_EQ(other.forward(image, {"head"}).at("head").size(1), 1280);
    const std::string fault = expect_error(ErrorKind::Weights, [&] { other.forward(image, {"head", "logits"}); });
    EXPECT_THAT(fault, testing::AllOf(testing::HasSubstr("layer 'logits'"),
                                      testing::HasSubstr("'_fc.weight' is [10,1280] instead of [1000,1280]")));
    expect_error(ErrorKind::Weights, [&] { net.bytes({32, 32}, {"logits"}); });
    // The last convolution gone too: what comes before is still this net's.
    weights.erase("_conv_head.weight");
    EXPECT_EQ(lite0_of(weights).forward(image, {"block15"}).at("block15").size(1), 320);
    // One in the middle gone: another net's.
    weights.erase("_blocks.7._depthwise_conv.weight");
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { lite0_of(weights); }),
                testing::HasSubstr("_blocks.7._depthwise_conv.weight"));
}

TEST(FrozenNet, NamesMayHaveAPrefixAndTheMeanIsPreferred) {
    const auto weights = test::formula_weights(make_graph("efficientnet_lite0", "lite0"));
    const Tensor image = test::formula_image(32, 32, "e");
    FrozenNet plain = lite0_of(weights);
    EXPECT_EQ(plain.weights_prefix(), "");
    const Tensor wanted = plain.forward(image, {"block3"}).at("block3");
    for (const std::string prefix : {"module.", "_orig_mod.", "state_dict.module.net."}) {
        std::map<std::string, Tensor> prefixed = {{"epoch", at::ones({1})}};
        for (const auto& [name, values] : weights) {
            prefixed[prefix + name] = values;
        }
        FrozenNet net = lite0_of(prefixed);
        EXPECT_EQ(net.weights_prefix(), prefix);
        EXPECT_TRUE(at::equal(net.forward(image, {"block3"}).at("block3"), wanted));
    }
    std::map<std::string, Tensor> both;
    for (const auto& [name, values] : weights) {
        both["model." + name] = at::zeros_like(values);
        both["model_ema." + name] = values;
        both["zzz." + name] = at::zeros_like(values);
    }
    EXPECT_EQ(lite0_of(both).weights_prefix(), "model_ema.");
    both.erase("model_ema._blocks.0._bn1.bias");
    EXPECT_EQ(lite0_of(both).weights_prefix(), "model.");
}

TEST(FrozenNet, ValuesThatAreNoNumbersAreNamed) {
    const Tensor image = test::formula_image(32, 32, "e");
    for (const char* name : {"_conv_stem.weight", "_bn0.bias", "_bn0.running_var"}) {
        for (const double value : {std::nan(""), HUGE_VAL}) {
            auto weights = test::formula_weights(make_graph("efficientnet_lite0", "lite0"));
            weights[name] = weights[name].clone();
            weights[name].view(-1)[3] = value;
            FrozenNet net = lite0_of(weights);
            EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { net.forward(image, {"block1"}); }),
                        testing::AllOf(testing::HasSubstr("w.safetensors' holds values that are not numbers in '"),
                                       testing::HasSubstr(name)));
        }
    }
    auto weights = test::formula_weights(make_graph("efficientnet_lite0", "lite0"));
    weights["_bn0.running_var"] = weights["_bn0.running_var"] - 1e6;
    FrozenNet net = lite0_of(weights);
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { net.forward(image, {"block1"}); }),
                testing::HasSubstr("negative variances in '_bn0.running_var'"));
}

TEST(FrozenNet, PoolingByL2HasNoGradientWhereAllIsZero) {
    Graph graph;
    const int input = graph.add({});
    graph.name("pool", graph.add({.op = Op::Pool,
                                  .inputs = {input},
                                  .window = {.kernel_h = 2, .kernel_w = 2, .stride = 2},
                                  .pooling = Pooling::L2}));
    const test::TemporaryFolder folder;
    write_safetensors(folder / "w.safetensors", {{"unused", at::zeros({1})}});
    FrozenNet net(std::move(graph), read_state_dict(folder / "w.safetensors"), c10::Device(c10::kCPU));
    Tensor image = at::zeros({3, 2, 4});
    image.select(1, 0).select(1, 0).fill_(1.0);  // the left window is [1 0; 0 0], the right one zero
    const Tensor pooled = net.forward(image, {"pool"}).at("pool");
    // So strong that it divided by the smallest float would be infinite.
    const Tensor gradient = net.backward({{"pool", at::full_like(pooled, 1000.0)}});
    Tensor wanted = at::zeros_like(image);
    wanted.select(1, 0).select(1, 0).fill_(500.0);
    EXPECT_TRUE(at::allclose(gradient, wanted)) << gradient;
}

TEST_P(FrozenNetEngines, EstimateOfMemoryIsNearTheAllocatedPeak) {
    // Alone: what other threads allocate is not seen by the counter.
    const ThreadShare alone(1);
    for (const auto& [architecture, tap] : std::vector<std::pair<std::string, std::string>>{
             {"vgg16", "relu4_1"}, {"inception_v3", "Mixed_6c"}, {"efficientnet_lite0", "block11.expand"}}) {
        Graph graph = make_graph(architecture, "torchvision");
        const StateDict weights = test::formula_state(graph);
        const Tensor image = test::formula_image(224, 288, "f");
        auto peak = std::make_shared<PeakMemory>();
        double estimate = 0.0;
        {
            const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, peak);
            FrozenNet net(std::move(graph), weights, c10::Device(c10::kCPU), GetParam());
            for (int pass = 0; pass < 2; ++pass) {  // the second finds the weights ready and the scratch grown
                net.backward(net.forward(image, {tap}));
            }
            estimate = static_cast<double>(net.bytes({224, 288}, {tap}));
        }
        EXPECT_NEAR(static_cast<double>(peak->peak()) / estimate, 1.0, 0.25) << architecture;
    }
}

TEST_P(FrozenNetEngines, ReplicatesEveryBorderWhenAsked) {
    Graph graph = make_graph("vgg16", "torchvision");
    replicate_all_padding(graph);
    const StateDict weights = test::formula_state(graph);
    const Tensor image = test::formula_image(21, 18, "image");
    // Padded by LibTorch's own operator, with autograd. One of its ReLU units lies within rounding of zero, and such a
    // unit alone makes a gradient differ by half a percent: the reference takes the engine's word for the side it is
    // on, and the rest is held to rounding.
    test::Float64Net right(graph, weights, image, {"relu2_1"}, GetParam());
    FrozenNet net(graph, weights, c10::Device(c10::kCPU), GetParam());
    const Tensor feature = net.forward(image, {"relu2_1"}).at("relu2_1");
    EXPECT_LT(test::relative_error(feature, right.feature("relu2_1")), 5e-6);
    const Tensor seed = feature.sin();
    EXPECT_LT(test::relative_error(net.backward({{"relu2_1", seed}}), right.backward({{"relu2_1", seed}})), 5e-6);
}

}  // namespace
}  // namespace reverie
