#include "reverie/nn/projector.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "reverie/core/parallel.h"
#include "reverie/models/gan.h"
#include "support/expect_error.h"
#include "support/float64_net.h"
#include "support/projector_net.h"
#include "support/relative_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::Float64Net;
using test::formula_image;
using test::relative_error;

Graph projected(std::uint64_t seed, const std::string& architecture = "efficientnet_lite0") {
    Graph graph = make_graph(architecture, "lite0");
    add_projections(graph, seed);
    return graph;
}

const StateDict& lite0_weights() {
    static const StateDict made = test::formula_state(make_graph("efficientnet_lite0", "lite0"));
    return made;
}

std::vector<std::string> taps() {
    std::vector<std::string> all;
    for (const Projection& projection : projections()) {
        all.push_back(projection.tap);
    }
    return all;
}

Tensor photos(std::int64_t count) {
    std::vector<Tensor> all;
    for (std::int64_t i = 0; i < count; ++i) {
        all.push_back(formula_image(64, 96, "projector" + std::to_string(i)));
    }
    return at::cat(all);
}

class Projector : public testing::TestWithParam<Engine> {};

TEST_P(Projector, GivesMapsAndGradientsAsFloat64Does) {
    const Graph graph = projected(7);
    const Tensor image = photos(1);
    FrozenNet net(graph, lite0_weights(), c10::Device(c10::kCPU), GetParam());
    Float64Net right(graph, lite0_weights(), image, taps(), GetParam());
    const Features maps = net.forward(image, taps());
    std::map<std::string, Tensor> seeds;
    for (const Projection& projection : projections()) {
        const Tensor& map = maps.at(projection.tap);
        EXPECT_EQ(map.sizes(),
                  (std::vector<std::int64_t>{1, projection.channels, 64 / projection.stride, 96 / projection.stride}));
        EXPECT_LT(relative_error(map, right.feature(projection.tap)), 1e-5) << projection.tap;
        seeds[projection.tap] = at::cos(map * 3.0);
        const std::map<std::string, Tensor> alone = {{projection.tap, seeds[projection.tap]}};
        EXPECT_LT(relative_error(net.backward(alone, true), right.backward(alone)), 1e-5) << projection.tap;
    }
    EXPECT_LT(relative_error(net.backward(seeds), right.backward(seeds)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Engines, Projector, testing::Values(Engine::Frozen, Engine::Libtorch),
                         [](const auto& engine) { return engine.param == Engine::Frozen ? "Frozen" : "Libtorch"; });

TEST(Projections, DoNotDependOnThreads) {
    const auto pass = [&](int threads) {
        const ThreadShare share(threads);
        const auto net = test::formula_projector(7, Engine::Frozen);
        const Features maps = net->forward(photos(3), taps());
        std::vector<Tensor> all = {net->backward(maps)};
        for (const auto& [name, map] : maps) {
            all.push_back(map);
        }
        return all;
    };
    const std::vector<Tensor> one = pass(1);
    const std::vector<Tensor> three = pass(3);
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_TRUE(one[i].equal(three[i])) << i;
    }
}

TEST(Projections, AreDrawnByTheSeed) {
    const auto map = [&](std::uint64_t seed) {
        return test::formula_projector(seed)->forward(photos(1), {"projection16"}, false).at("projection16");
    };
    EXPECT_TRUE(map(7).equal(map(7)));
    EXPECT_GT(relative_error(map(8), map(7)), 0.5);
}

TEST(Projections, EnlargeAfterMixingWhatPublishedCodeEnlargesBefore) {
    const Tensor x = at::cos(at::arange(2 * 6 * 5 * 7, at::kDouble)).view({2, 6, 5, 7});
    const Tensor weight = at::sin(at::arange(3 * 6, at::kDouble)).view({3, 6, 1, 1});
    const Tensor bias = at::arange(3, at::kDouble);
    const auto enlarged = [](const Tensor& maps) { return at::upsample_bilinear2d(maps, {10, 14}, true); };
    EXPECT_LT(relative_error(enlarged(at::conv2d(x, weight, bias)), at::conv2d(enlarged(x), weight, bias)), 1e-12);
}

TEST(Projections, AreWhatAProjectedDiscriminatorTakes) {
    ASSERT_EQ(projections().size(), kProjectedMaps.size());
    for (std::size_t i = 0; i < kProjectedMaps.size(); ++i) {
        EXPECT_EQ(projections()[i].channels, kProjectedMaps[i].channels);
        EXPECT_EQ(projections()[i].stride, kProjectedMaps[i].stride);
    }
}

TEST(Projections, NeedNoWeightsOfTheirOwn) {
    EXPECT_EQ(weights_of(projected(1)).size(), weights_of(make_graph("efficientnet_lite0", "lite0")).size());
    EXPECT_EQ(taps_of(projected(1, "efficientnet_lite2")).back().stride, 16);
}

TEST(Projections, AreOfTheEfficientNetLiteFamily) {
    Graph vgg = make_graph("vgg16", "torchvision");
    const std::string sentence = expect_error(ErrorKind::Usage, [&] { add_projections(vgg, 1); });
    EXPECT_NE(sentence.find("vgg16"), std::string::npos) << sentence;
}

}  // namespace
}  // namespace reverie
