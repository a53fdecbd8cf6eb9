#include "nn/architectures.h"

namespace reverie {

void build_vgg(Graph& graph, const std::vector<int>& convolutions) {
    constexpr std::int64_t kChannels[] = {64, 128, 256, 512, 512};
    const auto features = [](int index) { return "features." + std::to_string(index); };

    int last = graph.add({});
    int index = 0;  // of torchvision's nn.Sequential
    for (std::size_t block = 0; block < convolutions.size(); ++block) {
        const std::string number = std::to_string(block + 1);
        for (int layer = 1; layer <= convolutions[block]; ++layer) {
            const std::string place = number + "_" + std::to_string(layer);
            last = graph.add({.op = Op::Convolution,
                              .inputs = {last},
                              .channels = kChannels[block],
                              .window = {.kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
                              .weight_key = features(index)});
            graph.name(features(index++), last);
            last = graph.add({.op = Op::Activation, .inputs = {last}, .channels = kChannels[block]});
            graph.name(features(index++), last,
                       {"relu" + place, "conv" + place, "block" + number + "_conv" + std::to_string(layer)});
        }
        last = graph.add({.op = Op::Pool,
                          .inputs = {last},
                          .channels = kChannels[block],
                          .window = {.kernel_h = 2, .kernel_w = 2, .stride = 2}});
        graph.name(features(index++), last, {"pool" + number, "block" + number + "_pool"});
    }
}

}  // namespace reverie
