// Google Benchmark of frozen nets: layers and whole nets, forward and back to the image, by our engine and by LibTorch
// in both layouts. tools/bench layers runs it and sets one against the others.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <c10/core/GradMode.h>

#include <string>
#include <vector>

#include "kernels/kernel_choice.h"
#include "nn/frozen/convolution.h"
#include "nn/frozen_executor.h"
#include "nn/libtorch_executor.h"
#include "reverie/core/runtime.h"
#include "reverie/nn/graph.h"
#include "support/closed_formula.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

enum class Way { Frozen, ChannelsLast, Contiguous };
constexpr Way kWays[] = {Way::Frozen, Way::ChannelsLast, Way::Contiguous};

std::string name_of(Way way) {
    return way == Way::Frozen ? "frozen" : way == Way::ChannelsLast ? "channels_last" : "contiguous";
}

/// A graph with weights, and what runs it.
struct Subject {
    Graph graph;
    StateDict weights;
    std::unique_ptr<Executor> executor;

    Subject(Graph of, Way way) : graph(std::move(of)), weights(weights_for(graph)) {
        executor = way == Way::Frozen ? make_frozen_executor(graph, weights, kernels::best_kernels())
                                      : make_libtorch_executor(graph, weights, c10::Device(c10::kCPU),
                                                               way == Way::ChannelsLast ? at::MemoryFormat::ChannelsLast
                                                                                        : at::MemoryFormat::Contiguous);
    }

    static StateDict weights_for(const Graph& graph) {
        const test::TemporaryFolder folder;
        write_safetensors(folder / "weights.safetensors", test::formula_weights(graph));
        return read_state_dict(folder / "weights.safetensors");
    }
};

/// Forward to a node, and the gradient of half its mean square back to the image.
void run(benchmark::State& state, const Graph& graph, Size size, int node, Way way) {
    const c10::NoGradGuard no_grad;
    Subject subject(graph, way);
    const Tensor image = at::rand({1, 3, size.height, size.width});
    const auto once = [&] {
        const Tensor feature = subject.executor->forward(image, {node}, true)[0];
        benchmark::DoNotOptimize(subject.executor->backward({feature}, false));
    };
    once();
    for (auto _ : state) {
        once();
    }
}

/// One convolution with its ReLU behind an image that is brought to `inputs` channels by a 1x1 layer, whose own time is
/// measured by the same graph without the convolution.
struct Layer {
    std::string name;
    Size size;
    std::int64_t inputs, outputs;
    Window window;
};

void run_layer(benchmark::State& state, const Layer& layer, Way way, bool back) {
    const c10::NoGradGuard no_grad;
    const Node node{.op = Op::Convolution, .inputs = {0}, .channels = layer.outputs, .window = layer.window};
    const Tensor weight = at::randn({layer.outputs, layer.inputs, layer.window.kernel_h, layer.window.kernel_w}) * 0.02;
    const Tensor bias = at::zeros({layer.outputs});
    const auto format = way == Way::Contiguous ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
    const Tensor x = at::rand({1, layer.inputs, layer.size.height, layer.size.width}).contiguous(format);
    const std::vector<std::int64_t> stride = {layer.window.stride, layer.window.stride};
    const std::vector<std::int64_t> pad = {layer.window.pad_h, layer.window.pad_w};
    const Tensor shaped = weight.contiguous(format);
    const Tensor y = at::conv2d(x, shaped, bias, stride, pad);
    if (way != Way::Frozen) {
        for (auto _ : state) {
            benchmark::DoNotOptimize(back ? at::conv_transpose2d(y, shaped, {}, stride, pad)
                                          : at::conv2d(x, shaped, bias, stride, pad));
        }
        return;
    }
    frozen::Workspace work;
    const auto convolution = frozen::make_convolution(
        node, layer.inputs,
        [&] {
            return NodeWeights{weight, bias};
        },
        kernels::best_kernels());
    const auto map_of = [](const Tensor& t) {
        return frozen::Map{.data = t.data_ptr<float>(),
                           .stride = t.size(1),
                           .height = t.size(2),
                           .width = t.size(3),
                           .channels = static_cast<int>(t.size(1))};
    };
    const Tensor gradient = at::empty_like(x);
    const auto once = [&] {
        back ? convolution->backward(map_of(y), map_of(gradient), {}, work)
             : convolution->forward(map_of(x), map_of(y), {}, work);
    };
    once();
    for (auto _ : state) {
        once();
    }
}

void add_layers() {
    const Window square{.kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1};
    std::vector<Layer> layers;
    struct Vgg {
        const char* name;
        std::int64_t inputs, outputs, shrink;
    };
    for (const Vgg& v : {Vgg{"conv1_2", 64, 64, 1}, Vgg{"conv2_1", 64, 128, 2}, Vgg{"conv2_2", 128, 128, 2},
                         Vgg{"conv3_1", 128, 256, 4}, Vgg{"conv3_2", 256, 256, 4}, Vgg{"conv4_1", 256, 512, 8},
                         Vgg{"conv4_2", 512, 512, 8}, Vgg{"conv5_1", 512, 512, 16}}) {
        layers.push_back(
            {std::string("vgg19_") + v.name, {512 / v.shrink, 512 / v.shrink}, v.inputs, v.outputs, square});
    }
    layers.push_back({"inception_1x7", {30, 30}, 160, 160, {.kernel_h = 1, .kernel_w = 7, .pad_w = 3}});
    layers.push_back({"inception_7x1", {30, 30}, 160, 192, {.kernel_h = 7, .kernel_w = 1, .pad_h = 3}});
    layers.push_back({"inception_1x1", {30, 30}, 768, 192, {}});
    layers.push_back({"inception_5x5", {61, 61}, 48, 64, {.kernel_h = 5, .kernel_w = 5, .pad_h = 2, .pad_w = 2}});
    layers.push_back({"inception_halving", {61, 61}, 288, 384, {.kernel_h = 3, .kernel_w = 3, .stride = 2}});
    layers.push_back(
        {"resnet_stem", {512, 512}, 3, 64, {.kernel_h = 7, .kernel_w = 7, .stride = 2, .pad_h = 3, .pad_w = 3}});
    layers.push_back({"resnet_narrow_1x1", {128, 128}, 256, 64, {}});
    layers.push_back({"resnet_wide_1x1", {128, 128}, 64, 256, {}});
    layers.push_back({"resnet_deep_1x1", {32, 32}, 1024, 256, {}});
    layers.push_back({"resnet_past", {128, 128}, 256, 512, {.stride = 2}});
    layers.push_back(
        {"resnet_halving", {128, 128}, 128, 128, {.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 1, .pad_w = 1}});
    layers.push_back({"resnet_3x3", {32, 32}, 256, 256, square});
    layers.push_back({"lite0_expand", {64, 64}, 40, 240, {}});
    for (const Layer& layer : layers) {
        for (const bool back : {false, true}) {
            for (const Way way : kWays) {
                const std::string name = "layer/" + layer.name + "/" + std::to_string(layer.inputs) + "-" +
                                         std::to_string(layer.outputs) + "@" + text_of(layer.size) + "/" +
                                         (back ? "back" : "forward") + "/" + name_of(way);
                benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
                    run_layer(state, layer, way, back);
                })->UseRealTime();
            }
        }
    }
}

void add_nets() {
    struct Net {
        const char* architecture;
        const char* preprocessing;
        const char* tap;
    };
    for (const Net& net : {Net{"vgg19", "torchvision", "relu5_1"}, Net{"inception_v3", "inception", "Mixed_6e"},
                           Net{"googlenet", "inception", "inception4c"}, Net{"resnet50", "torchvision", "layer3.5"},
                           Net{"efficientnet_lite0", "lite0", "block12.expand"}}) {
        for (const Size size : {Size{192, 256}, Size{384, 512}}) {
            for (const Way way : kWays) {
                const std::string name =
                    std::string("net/") + net.architecture + "/" + net.tap + "/" + text_of(size) + "/" + name_of(way);
                benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
                    const Graph graph = make_graph(net.architecture, net.preprocessing);
                    run(state, graph, size, find_tap(graph, net.tap), way);
                })->UseRealTime();
            }
        }
    }
}

/// What LibTorch's matrix product of large squares reaches: the measure of the machine.
void add_ceiling() {
    benchmark::RegisterBenchmark("ceiling/sgemm/2048", [](benchmark::State& state) {
        const c10::NoGradGuard no_grad;
        const Tensor a = at::rand({2048, 2048});
        const Tensor b = at::rand({2048, 2048});
        for (auto _ : state) {
            benchmark::DoNotOptimize(a.mm(b));
        }
    })->UseRealTime();
}

}  // namespace
}  // namespace reverie

int main(int count, char** words) {
    benchmark::Initialize(&count, words);
    const int threads = count > 1 ? std::stoi(words[1]) : 0;
    reverie::keep_freed_memory();  // as the programs do
    const reverie::Runtime runtime = reverie::setup_runtime({.device = "cpu", .threads = threads});
    benchmark::AddCustomContext("runtime", reverie::describe(runtime));
    benchmark::AddCustomContext("kernels", reverie::kernels::best_kernels().name);
    reverie::add_ceiling();
    reverie::add_layers();
    reverie::add_nets();
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
