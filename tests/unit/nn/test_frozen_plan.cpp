#include "nn/frozen/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "nn/frozen/planned_maps.h"
#include "nn/libtorch_memory.h"

namespace reverie {
namespace {

using frozen::Finishing;
using frozen::Plan;
using frozen::Span;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// Pairs that live together and share a byte.
int overlaps(const std::vector<Span>& spans) {
    int count = 0;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        for (std::size_t j = i + 1; j < spans.size(); ++j) {
            const Span& a = spans[i];
            const Span& b = spans[j];
            const bool together = a.begin <= b.end && b.begin <= a.end;
            const bool shared = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
            count += together && shared ? 1 : 0;
        }
    }
    return count;
}

/// The most that is alive at any moment: no placement takes less.
std::int64_t most_alive(const std::vector<Span>& spans) {
    std::int64_t most = 0;
    for (const Span& at : spans) {
        std::int64_t alive = 0;
        for (const Span& span : spans) {
            alive += span.begin <= at.begin && at.begin <= span.end ? span.bytes : 0;
        }
        most = std::max(most, alive);
    }
    return most;
}

TEST(FrozenPlan, SpansThatLiveTogetherNeverOverlap) {
    std::mt19937 random(7);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    for (int round = 0; round < 50; ++round) {
        std::vector<Span> spans;
        for (int i = 0; i < 120; ++i) {
            const int begin = below(60);
            // Some are empty, some live for one moment, some to the end.
            spans.push_back({64 * (below(40) - below(2)), begin, std::min(60, begin + below(1 + below(60))), -1});
            spans.back().bytes = std::max<std::int64_t>(0, spans.back().bytes);
        }
        const std::int64_t whole = frozen::place(spans);
        EXPECT_EQ(overlaps(spans), 0) << round;
        std::int64_t end = 0;
        for (const Span& span : spans) {
            EXPECT_GE(span.offset, 0);
            EXPECT_EQ(span.offset % 64, 0);  // sums of sizes that are
            end = std::max(end, span.offset + span.bytes);
        }
        EXPECT_EQ(whole, end);
        // First fit of the largest first is known to stay near the bound: 1.00 to 1.2 was seen.
        EXPECT_LT(static_cast<double>(whole), 1.3 * static_cast<double>(most_alive(spans))) << round;
    }
}

TEST(FrozenPlan, AChainTakesNoMoreThanItsTwoLargestNeighbours) {
    // Each map lives while the next is made of it.
    std::vector<Span> spans = {{640, 0, 1, 0}, {1280, 1, 2, 0}, {320, 2, 3, 0}, {1600, 3, 4, 0}, {64, 4, 5, 0}};
    EXPECT_EQ(frozen::place(spans), 640 + 1280);
    EXPECT_EQ(overlaps(spans), 0);
}

TEST(FrozenPlan, OneMomentIsEnoughToLiveTogether) {
    std::vector<Span> touching = {{64, 0, 3, 0}, {64, 3, 5, 0}};
    EXPECT_EQ(frozen::place(touching), 128);
    std::vector<Span> apart = {{64, 0, 2, 0}, {64, 3, 5, 0}};
    EXPECT_EQ(frozen::place(apart), 64);
}

TEST(FrozenPlan, NothingTakesNothing) {
    std::vector<Span> none;
    EXPECT_EQ(frozen::place(none), 0);
}

Plan plan_of(const Graph& graph, Size image, const std::vector<std::string>& taps, bool keep = true,
             std::int64_t batch = 1) {
    std::vector<int> wanted;
    for (const std::string& tap : taps) {
        wanted.push_back(find_tap(graph, tap));
    }
    return frozen::make_plan(graph, batch, image, wanted, keep);
}

int steps_of(const Graph& graph, const Plan& plan, Op op) {
    return static_cast<int>(std::ranges::count_if(
        plan.steps, [&](const Plan::Step& step) { return graph.nodes[index(step.node)].op == op; }));
}

int convolutions_with(const Graph& graph, const Plan& plan, Finishing activation) {
    return static_cast<int>(std::ranges::count_if(plan.steps, [&](const Plan::Step& step) {
        return graph.nodes[index(step.node)].op == Op::Convolution && step.activation == activation;
    }));
}

TEST(FrozenPlan, IsMadeOncePerSizeTapsAndKeep) {
    const Graph graph = make_graph("vgg19", "torchvision");
    const int shallow = find_tap(graph, "relu1_2");
    const int deep = find_tap(graph, "relu3_1");
    frozen::PlannedMaps maps(graph);
    const auto plan = [&](Size image, const std::vector<int>& wanted, bool keep) {
        maps.prepare(1, image, wanted, keep);
        EXPECT_EQ(maps.plan().image, image);
        EXPECT_EQ(maps.plan().wanted, wanted);
        EXPECT_EQ(maps.plan().keep, keep);
        return &maps.plan();
    };
    const auto round = [&] {
        return std::vector<const Plan*>{plan({32, 48}, {shallow}, false), plan({32, 48}, {shallow, deep}, true),
                                        plan({48, 48}, {shallow}, false), plan({48, 48}, {shallow, deep}, true),
                                        plan({32, 48}, {shallow}, true)};
    };
    const std::vector<const Plan*> first = round();
    EXPECT_EQ(std::set<const Plan*>(first.begin(), first.end()).size(), first.size());
    EXPECT_EQ(round(), first);
}

TEST(FrozenPlan, EveryArchitecturesMemoryIsAlignedAndApart) {
    for (const std::string& architecture : architectures()) {
        const Graph graph = make_graph(architecture, "torchvision");
        for (const bool keep : {false, true}) {
            SCOPED_TRACE(architecture + (keep ? " kept" : ""));
            ASSERT_TRUE(frozen::can_run(graph));
            const Plan plan = plan_of(graph, {101, 83}, {graph.tap_names.back(), graph.tap_names[2]}, keep, 2);
            EXPECT_EQ(overlaps(plan.spans), 0);
            for (const Span& span : plan.spans) {
                EXPECT_EQ(span.offset % 64, 0);
                EXPECT_GT(span.bytes, 0);
                EXPECT_LE(span.begin, span.end);
                EXPECT_LE(span.offset + span.bytes, plan.bytes);
            }
        }
    }
}

TEST(FrozenPlan, StepsReadOnlyWhatEarlierOnesWrote) {
    for (const std::string& architecture : architectures()) {
        const Graph graph = make_graph(architecture, "torchvision");
        const Plan plan = plan_of(graph, {101, 83}, {graph.tap_names.back(), graph.tap_names[2]});
        std::vector<std::vector<bool>> written;  // by storage, by channel
        for (const Plan::Storage& storage : plan.storages) {
            written.emplace_back(index(storage.channels), false);
        }
        const auto is_written = [&](int value) {
            const Plan::Value& v = plan.values[index(value)];
            const auto first = written[index(v.storage)].begin() + v.channel;
            return std::all_of(first, first + v.channels, [](bool channel) { return channel; });
        };
        for (const Plan::Step& step : plan.steps) {
            for (const int value : {step.input, step.other}) {
                EXPECT_TRUE(value < 0 || is_written(value)) << architecture << " node " << step.node;
            }
            const Plan::Value& v = plan.values[index(step.output)];
            const auto first = written[index(v.storage)].begin() + v.channel;
            EXPECT_TRUE(std::none_of(first, first + v.channels, [](bool channel) { return channel; }))
                << architecture << " node " << step.node << " is written over";
            std::fill_n(first, v.channels, true);
        }
        for (const int node : plan.wanted) {
            EXPECT_TRUE(is_written(plan.value_of[index(node)])) << architecture;
        }
    }
}

TEST(FrozenPlan, ConcatenationsAreWrittenInPlace) {
    for (const std::string architecture : {"inception_v3", "inception_v3_fid", "inception_v3_keras"}) {
        const Graph graph = make_graph(architecture, "inception");
        const Plan plan = plan_of(graph, {107, 93}, {"fc"});
        EXPECT_EQ(steps_of(graph, plan, Op::Concatenate), 0) << architecture;
        EXPECT_EQ(steps_of(graph, plan, Op::Activation), 0) << architecture;
        for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
            if (graph.nodes[i].op != Op::Concatenate) {
                continue;
            }
            const Plan::Value& whole = plan.values[index(plan.value_of[i])];
            int channel = 0;
            for (const int input : graph.nodes[i].inputs) {
                const Plan::Value& part = plan.values[index(plan.value_of[index(input)])];
                EXPECT_EQ(part.storage, whole.storage);
                EXPECT_EQ(part.channel, channel);
                channel += part.channels;
            }
            EXPECT_EQ(channel, whole.channels);
        }
    }
}

TEST(FrozenPlan, APartThatACallerWantsIsCopied) {
    Graph graph = make_graph("inception_v3", "inception");
    const int whole = find_tap(graph, "Mixed_5b");
    graph.name("part", graph.nodes[index(whole)].inputs[1]);
    const Plan plan = plan_of(graph, {107, 93}, {"part", "Mixed_5b"});
    EXPECT_EQ(steps_of(graph, plan, Op::Concatenate), 1);
    const Plan::Value& part = plan.values[index(plan.value_of[index(graph.taps.at("part"))])];
    EXPECT_TRUE(plan.storages[index(part.storage)].handed_out);
    EXPECT_NE(part.storage, plan.values[index(plan.value_of[index(whole)])].storage);
}

TEST(FrozenPlan, ActivationsAndAdditionsAreFinishedByTheirConvolution) {
    const Graph vgg = make_graph("vgg19", "torchvision");
    const Plan taps = plan_of(vgg, {97, 75}, {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"});
    EXPECT_EQ(steps_of(vgg, taps, Op::Activation), 0);
    EXPECT_EQ(convolutions_with(vgg, taps, Finishing::Relu), 13);

    // A caller sees the convolution as it is, so its activation is a step of its own.
    const Plan before = plan_of(vgg, {97, 75}, {"features.28", "relu5_1"});
    EXPECT_EQ(steps_of(vgg, before, Op::Activation), 1);
    EXPECT_EQ(convolutions_with(vgg, before, Finishing::Relu), 12);
    EXPECT_EQ(convolutions_with(vgg, before, Finishing::None), 1);
    // Asked for alone it needs no activation at all.
    EXPECT_EQ(steps_of(vgg, plan_of(vgg, {97, 75}, {"features.28"}), Op::Activation), 0);

    const Graph lite0 = make_graph("efficientnet_lite0", "lite0");
    const Plan blocks = plan_of(lite0, {97, 75}, {"head"});
    EXPECT_EQ(steps_of(lite0, blocks, Op::Activation), 0);
    EXPECT_EQ(steps_of(lite0, blocks, Op::Add), 0);
    // 16 projections, 15 expansions (the first block has none), 16 depthwise, stem and head
    EXPECT_EQ(convolutions_with(lite0, blocks, Finishing::Relu6), 33);
    EXPECT_EQ(convolutions_with(lite0, blocks, Finishing::None), 16);
    EXPECT_EQ(std::ranges::count_if(blocks.steps, [](const Plan::Step& step) { return step.other >= 0; }), 9);

    const Graph resnet = make_graph("resnet50", "torchvision");
    const Plan bottlenecks = plan_of(resnet, {97, 75}, {"layer4.2"});
    EXPECT_EQ(steps_of(resnet, bottlenecks, Op::Activation), 0);
    EXPECT_EQ(steps_of(resnet, bottlenecks, Op::Add), 0);
    EXPECT_EQ(convolutions_with(resnet, bottlenecks, Finishing::Relu), 49);
    EXPECT_EQ(convolutions_with(resnet, bottlenecks, Finishing::None), 4);  // past the first bottleneck of a layer
}

/// The steps that are chains of so many convolutions.
int chains_of(const Plan& plan, std::size_t convolutions) {
    return static_cast<int>(std::ranges::count_if(
        plan.steps, [&](const Plan::Step& step) { return step.links.size() + 1 == convolutions; }));
}

TEST(FrozenPlan, BlocksWithLargeMapsAreChainsUnlessACallerLooksInside) {
    const Graph lite0 = make_graph("efficientnet_lite0", "lite0");
    const Size large{832, 1088};
    const Plan blocks = plan_of(lite0, large, {"block5"});
    EXPECT_EQ(chains_of(blocks, 2), 1);  // the first block has no expansion
    EXPECT_EQ(chains_of(blocks, 3), 5);
    for (const Plan::Step& step : blocks.steps) {
        for (const Plan::Link& link : step.links) {
            const Plan::Storage& storage = blocks.storages[index(blocks.values[index(link.output)].storage)];
            EXPECT_TRUE(storage.has_bits);
            EXPECT_EQ(storage.map, -1);
            EXPECT_EQ(storage.gradient, -1);
        }
    }
    const Plan looked_at = plan_of(lite0, large, {"block2.expand", "block3.depthwise", "block5"});
    EXPECT_EQ(chains_of(looked_at, 2), 2);  // of block 2 what comes behind the expansion
    EXPECT_EQ(chains_of(looked_at, 3), 3);
    EXPECT_EQ(chains_of(plan_of(lite0, {97, 75}, {"block5"}), 3), 0);  // all of its maps are near
    const Plan forward = plan_of(lite0, large, {"block5"}, false);
    EXPECT_EQ(chains_of(forward, 3), 5);
    EXPECT_TRUE(std::ranges::none_of(forward.storages, &Plan::Storage::has_bits));
}

TEST(FrozenPlan, NothingIsRememberedForAPassWithoutBackward) {
    const Graph vgg = make_graph("vgg19", "torchvision");
    const Plan plan = plan_of(vgg, {97, 75}, {"relu5_1"}, false);
    for (const Plan::Storage& storage : plan.storages) {
        EXPECT_FALSE(storage.has_bits);
        EXPECT_EQ(storage.gradient, -1);
    }
    EXPECT_TRUE(std::ranges::all_of(plan.steps, [](const Plan::Step& step) { return step.chosen < 0; }));
    // No more than the two largest neighbours.
    EXPECT_EQ(plan.bytes, most_alive(plan.spans));
}

TEST(FrozenPlan, TakesLessThanLibtorchWould) {
    const auto share = [](const Graph& graph, const std::string& tap) {
        const Size image{512, 480};
        const Plan plan = plan_of(graph, image, {tap});
        return static_cast<double>(plan.bytes) /
               static_cast<double>(libtorch_peak_bytes(graph, image, {find_tap(graph, tap)}));
    };
    // Bits for activations and bytes for indices of maxima, where LibTorch's executor keeps floats and 64-bit integers:
    // 0.40, 0.22, 0.26, 0.23 and 0.29 when this was written.
    EXPECT_LT(share(make_graph("vgg19", "torchvision"), "relu5_1"), 0.5);
    EXPECT_LT(share(make_graph("inception_v3", "inception"), "Mixed_7c"), 0.3);
    EXPECT_LT(share(make_graph("efficientnet_lite0", "lite0"), "head"), 0.35);
    EXPECT_LT(share(make_graph("googlenet", "inception"), "inception5b"), 0.3);
    EXPECT_LT(share(make_graph("resnet50", "torchvision"), "layer4.2"), 0.35);
}

TEST(FrozenPlan, GraphsItCannotRunAreTold) {
    Graph graph = make_graph("inception_v3", "inception");
    EXPECT_TRUE(frozen::can_run(graph));
    replicate_first_padding(graph);
    replicate_all_padding(graph);  // 5x5 and 1x7 windows too
    EXPECT_FALSE(frozen::can_run(graph));

    Graph narrow;
    const int convolution = narrow.add(
        {.op = Op::Convolution, .inputs = {narrow.add({})}, .channels = 12, .window = {}, .weight_key = "c"});
    EXPECT_TRUE(frozen::can_run(narrow));
    narrow.add({.op = Op::Activation, .inputs = {convolution}, .channels = 12});
    EXPECT_FALSE(frozen::can_run(narrow));  // slopes are kept in whole bytes
}

}  // namespace
}  // namespace reverie
