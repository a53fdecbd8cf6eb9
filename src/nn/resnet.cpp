#include "nn/architectures.h"

namespace reverie {

void build_resnet(Graph& graph, const std::vector<int>& blocks) {
    constexpr std::int64_t kExpansion = 4;
    const auto channels = [&](int node) { return graph.nodes[static_cast<std::size_t>(node)].channels; };
    const auto convolution = [&](const std::string& key, const std::string& norm, int input, std::int64_t outputs,
                                 std::int64_t kernel, std::int64_t stride) {
        return graph.add(
            {.op = Op::Convolution,
             .inputs = {input},
             .channels = outputs,
             .window =
                 {.kernel_h = kernel, .kernel_w = kernel, .stride = stride, .pad_h = kernel / 2, .pad_w = kernel / 2},
             .weight_key = key,
             .norm_key = norm,
             .norm_epsilon = 1e-5});
    };
    const auto relu = [&](int input) {
        return graph.add({.op = Op::Activation, .inputs = {input}, .channels = channels(input)});
    };

    int x = graph.add({});
    x = relu(convolution("conv1", "bn1", x, 64, 7, 2));
    graph.name("conv1", x, {"relu", "conv1_relu"});
    x = graph.add({.op = Op::Pool,
                   .inputs = {x},
                   .channels = 64,
                   .window = {.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 1, .pad_w = 1}});
    graph.name("maxpool", x, {"pool1_pool"});

    std::int64_t narrow = 64;
    for (std::size_t layer = 0; layer < blocks.size(); ++layer, narrow *= 2) {
        for (int number = 0; number < blocks[layer]; ++number) {
            const std::string block = "layer" + std::to_string(layer + 1) + "." + std::to_string(number);
            // Keras counts the first convolution as 1, and blocks from 1.
            const std::string keras = "conv" + std::to_string(layer + 2) + "_block" + std::to_string(number + 1);
            const std::int64_t stride = layer > 0 && number == 0 ? 2 : 1;
            const int past = number > 0 ? x
                                        : convolution(block + ".downsample.0", block + ".downsample.1", x,
                                                      narrow * kExpansion, 1, stride);
            int y = relu(convolution(block + ".conv1", block + ".bn1", x, narrow, 1, 1));
            graph.name(block + ".conv1", y, {keras + "_1_relu"});
            y = relu(convolution(block + ".conv2", block + ".bn2", y, narrow, 3, stride));
            graph.name(block + ".conv2", y, {keras + "_2_relu"});
            y = convolution(block + ".conv3", block + ".bn3", y, narrow * kExpansion, 1, 1);
            x = relu(graph.add({.op = Op::Add, .inputs = {y, past}, .channels = narrow * kExpansion}));
            graph.name(block, x, {keras + "_out"});
        }
    }

    const std::int64_t wide = channels(x);
    x = graph.add({.op = Op::GlobalAverage, .inputs = {x}, .channels = wide});
    graph.name("avgpool", x, {"avg_pool"});
    x = graph.add({.op = Op::Linear, .inputs = {x}, .channels = 1000, .weight_key = "fc"});
    graph.name("fc", x, {"logits", "predictions"});
}

}  // namespace reverie
