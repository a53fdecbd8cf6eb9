#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reverie/nn/graph.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;

Tap tap_of(const std::string& architecture, const std::string& name) {
    const Graph graph = make_graph(architecture, "torchvision");
    for (const Tap& tap : taps_of(graph)) {
        if (graph.taps.at(tap.name) == find_tap(graph, name)) {
            return tap;
        }
    }
    ADD_FAILURE() << "no tap " << name;
    return {};
}

TEST(Graph, ReceptiveFieldsAreThePublishedOnes) {
    // VGG19's by the recurrence of Araujo et al., Computing Receptive Fields of Convolutional Neural Networks, Distill
    // 2019
    EXPECT_EQ(tap_of("vgg19", "relu1_1").field, 3);
    EXPECT_EQ(tap_of("vgg19", "relu2_1").field, 10);
    EXPECT_EQ(tap_of("vgg19", "relu3_1").field, 24);
    EXPECT_EQ(tap_of("vgg19", "relu4_1").field, 68);
    EXPECT_EQ(tap_of("vgg19", "relu5_1").field, 156);
    EXPECT_EQ(tap_of("vgg19", "relu5_1").stride, 16);
    EXPECT_EQ(tap_of("vgg16", "relu4_3").field, 92);
    EXPECT_EQ(tap_of("inception_v3", "mixed4").field, 351);
    EXPECT_EQ(tap_of("inception_v3", "mixed7").field, 927);
    EXPECT_EQ(tap_of("inception_v3", "mixed7").stride, 16);
    EXPECT_EQ(tap_of("googlenet", "maxpool2").field, 27);  // 7 + 2 * 2, + 4 * 2, + 4 * 2
    EXPECT_EQ(tap_of("googlenet", "inception4c").stride, 16);
    EXPECT_EQ(tap_of("resnet50", "layer1.0").field, 19);  // by the same recurrence
    EXPECT_EQ(tap_of("resnet50", "layer4.2").field, 427);
    EXPECT_EQ(tap_of("resnet50", "layer4.2").stride, 32);
    EXPECT_EQ(tap_of("efficientnet_lite0", "logits").field, 0);
}

TEST(Graph, FieldsOfTheTradeMeanTheActivation) {
    const Graph vgg = make_graph("vgg19", "torchvision");
    EXPECT_EQ(find_tap(vgg, "relu4_2"), find_tap(vgg, "features.22"));
    EXPECT_EQ(find_tap(vgg, "conv4_2"), find_tap(vgg, "features.22"));
    EXPECT_EQ(find_tap(vgg, "block4_conv2"), find_tap(vgg, "features.22"));
    EXPECT_NE(find_tap(vgg, "features.21"), find_tap(vgg, "features.22"));
    const Graph inception = make_graph("inception_v3", "inception");
    EXPECT_EQ(find_tap(inception, "mixed5"), find_tap(inception, "Mixed_6c"));
    const Graph googlenet = make_graph("googlenet", "inception");
    EXPECT_EQ(find_tap(googlenet, "inception_4c/output"), find_tap(googlenet, "inception4c"));
    EXPECT_EQ(find_tap(googlenet, "mixed4c"), find_tap(googlenet, "inception4c"));
    EXPECT_EQ(find_tap(googlenet, "inception_4d/3x3_reduce"), find_tap(googlenet, "inception4d.branch2.0"));
    EXPECT_EQ(find_tap(googlenet, "inception_4d/5x5"), find_tap(googlenet, "inception4d.branch3.1"));
    EXPECT_EQ(find_tap(googlenet, "loss3/classifier"), find_tap(googlenet, "logits"));
    const Graph resnet = make_graph("resnet50", "torchvision");
    EXPECT_EQ(find_tap(resnet, "conv4_block6_out"), find_tap(resnet, "layer3.5"));
    EXPECT_EQ(find_tap(resnet, "conv2_block1_2_relu"), find_tap(resnet, "layer1.0.conv2"));
    EXPECT_EQ(resnet.nodes[static_cast<std::size_t>(find_tap(resnet, "layer3.5"))].op, Op::Activation);
    const Graph lite0 = make_graph("efficientnet_lite0", "lite0");
    EXPECT_EQ(find_tap(lite0, "block10"), find_tap(lite0, "_blocks.10"));
    EXPECT_EQ(lite0.nodes[static_cast<std::size_t>(find_tap(lite0, "block2"))].op, Op::Add);
}

TEST(Graph, UnknownNamesSuggestTheNearest) {
    const Graph vgg = make_graph("vgg19", "torchvision");
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { find_tap(vgg, "relu4_9"); }), testing::HasSubstr("'relu4_"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { make_graph("vgg18", "torchvision"); }),
                testing::HasSubstr("'vgg19'"));
    expect_error(ErrorKind::Usage, [] { make_graph("vgg19", "imagenet"); });
}

TEST(Graph, SmallestSidesAreThoseThatFit) {
    const auto side = [](const std::string& architecture, const std::string& tap) {
        const Graph graph = make_graph(architecture, "torchvision");
        return min_side(graph, {find_tap(graph, tap)});
    };
    EXPECT_EQ(side("vgg19", "relu1_1"), 1);
    EXPECT_EQ(side("vgg19", "relu5_1"), 16);
    EXPECT_EQ(side("vgg19", "pool5"), 32);
    EXPECT_EQ(side("inception_v3", "Mixed_7c"), 75);  // Keras' documented minimum
    EXPECT_EQ(side("googlenet", "inception5b"), 15);  // torchvision's documented minimum
    EXPECT_EQ(side("resnet50", "layer4.2"), 1);
    EXPECT_EQ(side("efficientnet_lite0", "block15"), 1);
}

TEST(Graph, SizesFollowTheWindowsAtOddSides) {
    const Graph inception = make_graph("inception_v3", "inception");
    const auto at = [&](const std::string& tap, Size image) {
        return sizes_of(inception, image)[static_cast<std::size_t>(find_tap(inception, tap))];
    };
    EXPECT_EQ(at("Mixed_5d", {299, 299}), (Size{35, 35}));
    EXPECT_EQ(at("Mixed_6e", {299, 299}), (Size{17, 17}));
    EXPECT_EQ(at("Mixed_7c", {299, 299}), (Size{8, 8}));
    EXPECT_EQ(at("Mixed_7c", {75, 299}), (Size{1, 8}));
    EXPECT_EQ(at("Mixed_7c", {74, 299}).height, 0);
    const Graph googlenet = make_graph("googlenet", "inception");
    const auto pooled = [&](const std::string& tap, Size image) {
        return sizes_of(googlenet, image)[static_cast<std::size_t>(find_tap(googlenet, tap))];
    };
    EXPECT_EQ(pooled("inception5b", {224, 224}), (Size{7, 7}));
    EXPECT_EQ(pooled("maxpool1", {17, 15}), (Size{4, 4}));  // of 9 and 8: the last of 8 hangs over
    EXPECT_EQ(pooled("maxpool4", {33, 32}), (Size{1, 1}));
    EXPECT_EQ(pooled("maxpool4", {47, 49}), (Size{2, 2}));  // of 3 and 3: one and a half
    const Graph lite0 = make_graph("efficientnet_lite0", "lite0");
    EXPECT_EQ(sizes_of(lite0, {101, 83})[static_cast<std::size_t>(find_tap(lite0, "block15"))], (Size{4, 3}));
}

TEST(Graph, OnlyWhatATapNeedsIsNeeded) {
    const Graph inception = make_graph("inception_v3", "inception");
    const int wanted = find_tap(inception, "Mixed_5b");
    const std::vector<bool> needed = needed_nodes(inception, {wanted});
    EXPECT_TRUE(needed[0]);
    EXPECT_TRUE(needed[static_cast<std::size_t>(wanted)]);
    for (std::size_t i = static_cast<std::size_t>(wanted) + 1; i < needed.size(); ++i) {
        EXPECT_FALSE(needed[i]) << i;
    }
}

TEST(Graph, CheckpointsTensorsAreNamedAsPublished) {
    const auto count = [](const std::string& architecture) {
        const Graph graph = make_graph(architecture, "torchvision");
        std::int64_t parameters = 0;
        for (const WeightShape& weight : weights_of(graph)) {
            std::int64_t numel = 1;
            for (const std::int64_t side : weight.shape) {
                numel *= side;
            }
            const bool statistic = weight.name.find(".running_") != std::string::npos;
            parameters += statistic ? 0 : numel;
        }
        return parameters;
    };
    EXPECT_EQ(count("vgg16"), 14'714'688);  // Keras' notop count
    EXPECT_EQ(count("vgg19"), 20'024'384);
    EXPECT_EQ(count("inception_v3"), 23'834'568);  // torchvision's 27,161,264 less its auxiliary head of 3,326,696
    EXPECT_EQ(count("googlenet"), 6'624'904);      // torchvision's numbers, auxiliary heads left out
    EXPECT_EQ(count("resnet50"), 25'557'032);
    EXPECT_EQ(count("efficientnet_lite0"), 4'652'008);
    EXPECT_EQ(count("efficientnet_lite1"), 5'416'680);
    EXPECT_EQ(count("efficientnet_lite2"), 6'092'072);
}

}  // namespace
}  // namespace reverie
