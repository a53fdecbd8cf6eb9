#include <algorithm>
#include <cmath>

#include "nn/architectures.h"

namespace reverie {
namespace {

struct Stage {
    std::int64_t kernel, stride, expand, channels;
    int repeats;
};

constexpr Stage kStages[] = {{3, 1, 1, 16, 1},  {3, 2, 6, 24, 2},  {5, 2, 6, 40, 2}, {3, 2, 6, 80, 3},
                             {5, 1, 6, 112, 3}, {5, 2, 6, 192, 4}, {3, 1, 6, 320, 1}};

/// The multiple of 8 nearest to the scaled channels, but no more than a tenth below them.
std::int64_t scaled_channels(std::int64_t channels, double width) {
    const double wanted = static_cast<double>(channels) * width;
    const std::int64_t nearest = std::max<std::int64_t>(8, static_cast<std::int64_t>(wanted + 4) / 8 * 8);
    return static_cast<double>(nearest) < 0.9 * wanted ? nearest + 8 : nearest;
}

/// The first and the last stage are of one block in every net of the family.
int scaled_repeats(int repeats, double depth) {
    return repeats == 1 ? 1 : static_cast<int>(std::ceil(repeats * depth));
}

}  // namespace

void build_efficientnet_lite(Graph& graph, const EfficientNetScale& scale) {
    const auto convolution = [&](const std::string& key, const std::string& norm, int input, std::int64_t channels,
                                 std::int64_t kernel, std::int64_t stride, std::int64_t groups) {
        return graph.add(
            {.op = Op::Convolution,
             .inputs = {input},
             .channels = channels,
             .window = {.kernel_h = kernel, .kernel_w = kernel, .stride = stride, .padding = Padding::Same},
             .groups = groups,
             .weight_key = key,
             .norm_key = norm,
             .norm_epsilon = 1e-3});
    };
    const auto relu6 = [&](int input) {
        return graph.add({.op = Op::Activation,
                          .inputs = {input},
                          .channels = graph.nodes[static_cast<std::size_t>(input)].channels,
                          .activation = Activation::Relu6});
    };

    int x = graph.add({});
    x = relu6(convolution("_conv_stem", "_bn0", x, 32, 3, 2, 1));
    graph.name("_conv_stem", x, {"stem"});

    std::int64_t channels = 32;  // stem and head are not scaled
    int number = 0;
    for (const Stage& stage : kStages) {
        const std::int64_t narrow = scaled_channels(stage.channels, scale.width);
        const int repeats = scaled_repeats(stage.repeats, scale.depth);
        for (int repeat = 0; repeat < repeats; ++repeat, ++number) {
            const std::string block = "_blocks." + std::to_string(number);
            const std::string alias = "block" + std::to_string(number);
            const std::int64_t stride = repeat == 0 ? stage.stride : 1;
            const std::int64_t wide = channels * stage.expand;
            int y = x;
            if (stage.expand != 1) {
                y = relu6(convolution(block + "._expand_conv", block + "._bn0", y, wide, 1, 1, 1));
                graph.name(block + "._expand_conv", y, {alias + ".expand"});
            }
            y = relu6(convolution(block + "._depthwise_conv", block + "._bn1", y, wide, stage.kernel, stride, wide));
            graph.name(block + "._depthwise_conv", y, {alias + ".depthwise"});
            y = convolution(block + "._project_conv", block + "._bn2", y, narrow, 1, 1, 1);
            if (stride == 1 && channels == narrow) {
                y = graph.add({.op = Op::Add, .inputs = {y, x}, .channels = narrow});
            }
            graph.name(block, y, {alias});
            channels = narrow;
            x = y;
        }
    }

    x = relu6(convolution("_conv_head", "_bn1", x, 1280, 1, 1, 1));
    graph.name("_conv_head", x, {"head"});
    x = graph.add({.op = Op::GlobalAverage, .inputs = {x}, .channels = 1280});
    graph.name("_avg_pooling", x, {"avgpool"});
    x = graph.add({.op = Op::Linear, .inputs = {x}, .channels = 1000, .weight_key = "_fc"});
    graph.name("_fc", x, {"logits"});
}

}  // namespace reverie
