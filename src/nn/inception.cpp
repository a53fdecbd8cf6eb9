#include "nn/architectures.h"

namespace reverie {
namespace {

struct Kernel {
    std::int64_t h = 1, w = 1, stride = 1;
    bool padded = true;  ///< by half the kernel
};

/// Writes one block after another; the lettered ones are those of torchvision's inception.py.
class Builder {
  public:
    explicit Builder(Graph& graph, const InceptionVariant& variant = {}) : graph_(graph), variant_(variant) {}

    /// Convolution without bias, batch norm, ReLU.
    int convolution(const std::string& key, int input, std::int64_t channels, Kernel kernel) {
        const int node = graph_.add({.op = Op::Convolution,
                                     .inputs = {input},
                                     .channels = channels,
                                     .window = {.kernel_h = kernel.h,
                                                .kernel_w = kernel.w,
                                                .stride = kernel.stride,
                                                .pad_h = kernel.padded ? kernel.h / 2 : 0,
                                                .pad_w = kernel.padded ? kernel.w / 2 : 0},
                                     .weight_key = key + ".conv",
                                     .norm_key = key + ".bn",
                                     .norm_epsilon = 1e-3});
        return graph_.add({.op = Op::Activation, .inputs = {node}, .channels = channels});
    }

    int max_pool(int input, const Window& window) {
        return graph_.add({.op = Op::Pool, .inputs = {input}, .channels = channels(input), .window = window});
    }

    int average_pool(int input) {
        return graph_.add({.op = Op::Pool,
                           .inputs = {input},
                           .channels = channels(input),
                           .window = {.kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1},
                           .pooling = Pooling::Average,
                           .count_padding = variant_.count_padding});
    }

    int concatenate(const std::vector<int>& inputs) {
        std::int64_t sum = 0;
        for (const int input : inputs) {
            sum += channels(input);
        }
        return graph_.add({.op = Op::Concatenate, .inputs = inputs, .channels = sum});
    }

    int block_a(const std::string& key, int x, std::int64_t pooled) {
        const int b1 = convolution(key + ".branch1x1", x, 64, {});
        int b5 = convolution(key + ".branch5x5_1", x, 48, {});
        b5 = convolution(key + ".branch5x5_2", b5, 64, {.h = 5, .w = 5});
        int b3 = convolution(key + ".branch3x3dbl_1", x, 64, {});
        b3 = convolution(key + ".branch3x3dbl_2", b3, 96, k3);
        b3 = convolution(key + ".branch3x3dbl_3", b3, 96, k3);
        const int pool = convolution(key + ".branch_pool", average_pool(x), pooled, {});
        return concatenate({b1, b5, b3, pool});
    }

    int block_b(const std::string& key, int x) {
        const int b3 = convolution(key + ".branch3x3", x, 384, k3_halving);
        int d3 = convolution(key + ".branch3x3dbl_1", x, 64, {});
        d3 = convolution(key + ".branch3x3dbl_2", d3, 96, k3);
        d3 = convolution(key + ".branch3x3dbl_3", d3, 96, k3_halving);
        return concatenate({b3, d3, max_pool(x, halving)});
    }

    int block_c(const std::string& key, int x, std::int64_t narrow) {
        const int b1 = convolution(key + ".branch1x1", x, 192, {});
        int b7 = convolution(key + ".branch7x7_1", x, narrow, {});
        b7 = convolution(key + ".branch7x7_2", b7, narrow, k1x7);
        b7 = convolution(key + ".branch7x7_3", b7, 192, k7x1);
        int d7 = convolution(key + ".branch7x7dbl_1", x, narrow, {});
        d7 = convolution(key + ".branch7x7dbl_2", d7, narrow, k7x1);
        d7 = convolution(key + ".branch7x7dbl_3", d7, narrow, k1x7);
        d7 = convolution(key + ".branch7x7dbl_4", d7, narrow, k7x1);
        d7 = convolution(key + ".branch7x7dbl_5", d7, 192, k1x7);
        const int pool = convolution(key + ".branch_pool", average_pool(x), 192, {});
        return concatenate({b1, b7, d7, pool});
    }

    int block_d(const std::string& key, int x) {
        int b3 = convolution(key + ".branch3x3_1", x, 192, {});
        b3 = convolution(key + ".branch3x3_2", b3, 320, k3_halving);
        int b7 = convolution(key + ".branch7x7x3_1", x, 192, {});
        b7 = convolution(key + ".branch7x7x3_2", b7, 192, k1x7);
        b7 = convolution(key + ".branch7x7x3_3", b7, 192, k7x1);
        b7 = convolution(key + ".branch7x7x3_4", b7, 192, k3_halving);
        return concatenate({b3, b7, max_pool(x, halving)});
    }

    int block_e(const std::string& key, int x, bool pool_by_maximum) {
        const int b1 = convolution(key + ".branch1x1", x, 320, {});
        const int b3 = convolution(key + ".branch3x3_1", x, 384, {});
        const int b3a = convolution(key + ".branch3x3_2a", b3, 384, k1x3);
        const int b3b = convolution(key + ".branch3x3_2b", b3, 384, k3x1);
        int d3 = convolution(key + ".branch3x3dbl_1", x, 448, {});
        d3 = convolution(key + ".branch3x3dbl_2", d3, 384, k3);
        const int d3a = convolution(key + ".branch3x3dbl_3a", d3, 384, k1x3);
        const int d3b = convolution(key + ".branch3x3dbl_3b", d3, 384, k3x1);
        const int pooled = pool_by_maximum ? max_pool(x, around) : average_pool(x);
        const int pool = convolution(key + ".branch_pool", pooled, 192, {});
        return concatenate({b1, b3a, b3b, d3a, d3b, pool});
    }

    static constexpr Window halving{.kernel_h = 3, .kernel_w = 3, .stride = 2};
    static constexpr Window around{.kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1};
    static constexpr Kernel k3{.h = 3, .w = 3};
    static constexpr Kernel k3_valid{.h = 3, .w = 3, .padded = false};
    static constexpr Kernel k3_halving{.h = 3, .w = 3, .stride = 2, .padded = false};
    static constexpr Kernel k1x3{.h = 1, .w = 3};
    static constexpr Kernel k3x1{.h = 3, .w = 1};
    static constexpr Kernel k1x7{.h = 1, .w = 7};
    static constexpr Kernel k7x1{.h = 7, .w = 1};

  private:
    std::int64_t channels(int node) const { return graph_.nodes[static_cast<std::size_t>(node)].channels; }

    Graph& graph_;
    const InceptionVariant variant_;
};

}  // namespace

void build_inception_v3(Graph& graph, const InceptionVariant& variant) {
    Builder b(graph, variant);
    int x = graph.add({});
    const auto tap = [&](const std::string& name, int node, const std::vector<std::string>& others = {}) {
        graph.name(name, node, others);
        return node;
    };
    const auto convolution = [&](const std::string& name, std::int64_t channels, Kernel kernel) {
        return tap(name, b.convolution(name, x, channels, kernel));
    };
    x = convolution("Conv2d_1a_3x3", 32, Builder::k3_halving);
    x = convolution("Conv2d_2a_3x3", 32, Builder::k3_valid);
    x = convolution("Conv2d_2b_3x3", 64, Builder::k3);
    x = tap("maxpool1", b.max_pool(x, Builder::halving));
    x = convolution("Conv2d_3b_1x1", 80, {});
    x = convolution("Conv2d_4a_3x3", 192, Builder::k3_valid);
    x = tap("maxpool2", b.max_pool(x, Builder::halving));
    // Keras numbers the concatenations from 0.
    x = tap("Mixed_5b", b.block_a("Mixed_5b", x, 32), {"mixed0"});
    x = tap("Mixed_5c", b.block_a("Mixed_5c", x, 64), {"mixed1"});
    x = tap("Mixed_5d", b.block_a("Mixed_5d", x, 64), {"mixed2"});
    x = tap("Mixed_6a", b.block_b("Mixed_6a", x), {"mixed3"});
    x = tap("Mixed_6b", b.block_c("Mixed_6b", x, 128), {"mixed4"});
    x = tap("Mixed_6c", b.block_c("Mixed_6c", x, 160), {"mixed5"});
    x = tap("Mixed_6d", b.block_c("Mixed_6d", x, 160), {"mixed6"});
    x = tap("Mixed_6e", b.block_c("Mixed_6e", x, 192), {"mixed7"});
    x = tap("Mixed_7a", b.block_d("Mixed_7a", x), {"mixed8"});
    x = tap("Mixed_7b", b.block_e("Mixed_7b", x, false), {"mixed9"});
    x = tap("Mixed_7c", b.block_e("Mixed_7c", x, variant.max_pool_in_7c), {"mixed10"});
    x = tap("avgpool", graph.add({.op = Op::GlobalAverage, .inputs = {x}, .channels = 2048}));
    tap("fc", graph.add({.op = Op::Linear, .inputs = {x}, .channels = variant.classes, .weight_key = "fc"}),
        {"logits"});
}

void build_googlenet(Graph& graph) {
    /// Channels of the four branches, of the wider windows' with those they are narrowed to before.
    struct Block {
        const char* number;
        std::int64_t one, three_narrow, three, five_narrow, five, pooled;
        const char* pool = nullptr;  // that comes behind it
        std::int64_t pool_side = 0;
    };
    constexpr Block kBlocks[] = {{"3a", 64, 96, 128, 16, 32, 32},
                                 {"3b", 128, 128, 192, 32, 96, 64, "3", 3},
                                 {"4a", 192, 96, 208, 16, 48, 64},
                                 {"4b", 160, 112, 224, 24, 64, 64},
                                 {"4c", 128, 128, 256, 24, 64, 64},
                                 {"4d", 112, 144, 288, 32, 64, 64},
                                 {"4e", 256, 160, 320, 32, 128, 128, "4", 2},
                                 {"5a", 256, 160, 320, 32, 128, 128},
                                 {"5b", 384, 192, 384, 48, 128, 128}};
    Builder b(graph);
    int x = graph.add({});
    // Caffe's name of a layer comes first among the others, lucid's second.
    const auto tap = [&](const std::string& name, int node, const std::vector<std::string>& others) {
        graph.name(name, node, others);
        return node;
    };
    const auto pool = [&](const std::string& number, std::int64_t side) {
        const Window window{.kernel_h = side, .kernel_w = side, .stride = 2, .overhang = true};
        return tap("maxpool" + number, b.max_pool(x, window), {"pool" + number + "/3x3_s2"});
    };
    x = tap("conv1", b.convolution("conv1", x, 64, {.h = 7, .w = 7, .stride = 2}), {"conv1/7x7_s2", "conv2d0"});
    x = pool("1", 3);
    x = tap("conv2", b.convolution("conv2", x, 64, {}), {"conv2/3x3_reduce", "conv2d1"});
    x = tap("conv3", b.convolution("conv3", x, 192, Builder::k3), {"conv2/3x3", "conv2d2"});
    x = pool("2", 3);
    for (const Block& block : kBlocks) {
        const std::string name = std::string("inception") + block.number;
        const std::string caffe = std::string("inception_") + block.number + "/";
        const auto branch = [&](const std::string& key, int input, std::int64_t channels, Kernel kernel,
                                const std::string& other) {
            return tap(name + key, b.convolution(name + key, input, channels, kernel), {caffe + other});
        };
        const int one = branch(".branch1", x, block.one, {}, "1x1");
        const int three_narrow = branch(".branch2.0", x, block.three_narrow, {}, "3x3_reduce");
        const int three = branch(".branch2.1", three_narrow, block.three, Builder::k3, "3x3");
        const int five_narrow = branch(".branch3.0", x, block.five_narrow, {}, "5x5_reduce");
        const int five = branch(".branch3.1", five_narrow, block.five, Builder::k3, "5x5");
        const int pooled = branch(".branch4.1", b.max_pool(x, Builder::around), block.pooled, {}, "pool_proj");
        x = tap(name, b.concatenate({one, three, five, pooled}),
                {caffe + "output", std::string("mixed") + block.number});
        if (block.pool != nullptr) {
            x = pool(block.pool, block.pool_side);
        }
    }
    x = tap("avgpool", graph.add({.op = Op::GlobalAverage, .inputs = {x}, .channels = 1024}), {"pool5/7x7_s1"});
    tap("fc", graph.add({.op = Op::Linear, .inputs = {x}, .channels = 1000, .weight_key = "fc"}),
        {"loss3/classifier", "logits"});
}

}  // namespace reverie
