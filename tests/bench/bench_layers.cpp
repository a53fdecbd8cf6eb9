// Layers in training, by our kernels and by LibTorch in both of its memory layouts: forward, gradient of the input,
// gradient of the weights (with that of the bias), and all three together.
//
//     bench_layers [ROUNDS [THREADS [KERNELS [BATCH [LAYER]]]]]
//
// One round measures all once, in turn, so that a machine that is slower for a while is slower for all. Printed are
// medians in milliseconds and ours over the better layout. LibTorch can be held to AVX2, to go with KERNELS=AVX2, by
// ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 in the environment.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/convolution_tensors.h"
#include "kernels/kernel_choice.h"
#include "reverie/core/runtime.h"

namespace reverie {
namespace {

struct Layer {
    const char* group;  // those of a group have a mean of their own
    kernels::SquareWindow window;
    std::int64_t inputs, outputs, side;  // of the convolution's larger map
    bool transposed = false;
};
constexpr kernels::SquareWindow kStrided = {4, 2, 1};
constexpr kernels::SquareWindow kSquare = {3, 1, 1};
const Layer kLayers[] = {
    {"4x4 of stride 2, 64 channels and more", kStrided, 64, 128, 32},
    {"4x4 of stride 2, 64 channels and more", kStrided, 128, 256, 16},
    {"4x4 of stride 2, 64 channels and more", kStrided, 256, 512, 8},
    {"4x4 of stride 2, 64 channels and more", kStrided, 64, 128, 32, true},
    {"4x4 of stride 2, 64 channels and more", kStrided, 128, 256, 16, true},
    {"4x4 of stride 2, 64 channels and more", kStrided, 256, 512, 8, true},
    {"3x3, 32 channels and more", kSquare, 32, 32, 32},
    {"3x3, 32 channels and more", kSquare, 64, 64, 16},
    {"3x3, 32 channels and more", kSquare, 128, 128, 8},
    {"3x3, 32 channels and more", kSquare, 256, 256, 4},
    {"others", kStrided, 3, 64, 64},
    {"others", kStrided, 3, 64, 64, true},
    {"others", kStrided, 3, 32, 64},
    {"others", kStrided, 3, 32, 64, true},
    {"others", kStrided, 32, 64, 32},
    {"others", kStrided, 32, 64, 32, true},
    {"others", kSquare, 32, 12, 32},
    {"others", {3, 2, 1}, 3, 32, 64},
    {"others", {3, 2, 1}, 32, 64, 32},
    {"others", {1, 1, 0}, 128, 64, 16},
};
constexpr int kProducts = 3;
constexpr const char* kNames[kProducts] = {"forward", "input", "weights"};
constexpr int kWays = 3;  // ours, channels-last, contiguous

double median(std::vector<double> times) {
    std::ranges::sort(times);
    return times[times.size() / 2];
}

/// Of the clock, or, with one thread, of the processor: then whoever else wants the machine counts for less.
double seconds(const std::function<void()>& run) {
    if (at::get_num_threads() == 1) {
        const std::clock_t begin = std::clock();
        run();
        return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    }
    const auto begin = std::chrono::steady_clock::now();
    run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

using Runs = std::array<std::array<std::function<void()>, kWays>, kProducts>;

Runs runs_of(const Layer& layer, std::int64_t batch, const kernels::Machine& machine) {
    const kernels::SquareWindow window = layer.window;
    const std::int64_t cells = (layer.side + 2 * window.padding - window.size) / window.stride + 1;
    const auto large = at::randn({batch, layer.inputs, layer.side, layer.side});
    const auto small = at::randn({batch, layer.outputs, cells, cells});
    const auto weight = at::randn({layer.outputs, layer.inputs, window.size, window.size}) * 0.02;
    const auto last = at::MemoryFormat::ChannelsLast;
    const std::vector<std::int64_t> stride(2, window.stride);
    const std::vector<std::int64_t> padding(2, window.padding);
    Runs runs;
    for (int way = 1; way < kWays; ++way) {
        const auto format = way == 1 ? last : at::MemoryFormat::Contiguous;
        const auto x = (layer.transposed ? small : large).contiguous(format);
        const auto y = (layer.transposed ? large : small).contiguous(format);
        const auto w = weight.contiguous(format);
        const auto bias = at::zeros({y.size(1)});
        const bool transposed = layer.transposed;
        const auto back = [=](std::array<bool, 3> wanted) {
            at::convolution_backward(y, x, w, y.size(1), stride, padding, {1, 1}, transposed, {0, 0}, 1, wanted);
        };
        runs[0][way] = [=] { at::convolution(x, w, bias, stride, padding, {1, 1}, transposed, {0, 0}, 1); };
        runs[1][way] = [=] { back({true, false, false}); };
        runs[2][way] = [=] { back({false, true, true}); };
    }
    const auto l = large.contiguous(last);
    const auto s = small.contiguous(last);
    const auto w = weight.contiguous(last);
    const auto bias = at::zeros({layer.transposed ? layer.inputs : layer.outputs});
    const auto down = [=, &machine](const at::Tensor& b) { kernels::convolve(window, l, w, b, {}, {}, machine); };
    const auto up = [=, &machine](const at::Tensor& b) {
        kernels::spread(window, s, w, b, l.size(2), l.size(3), machine);
    };
    runs[0][0] = [=] { layer.transposed ? up(bias) : down(bias); };
    runs[1][0] = [=] { layer.transposed ? down({}) : up({}); };
    runs[2][0] = [=, &machine] {
        kernels::correlate(window, l, s, machine);
        kernels::sum_pixels(layer.transposed ? l : s, machine);
    };
    return runs;
}

void print(const char* name, const double (&times)[kWays]) {
    std::printf("  %-9s %8.2f %8.2f %8.2f   %5.2f\n", name, 1e3 * times[0], 1e3 * times[1], 1e3 * times[2],
                times[0] / std::min(times[1], times[2]));
}

}  // namespace
}  // namespace reverie

int main(int count, char** words) {
    using namespace reverie;
    keep_freed_memory();  // as the programs do
    const c10::NoGradGuard no_grad;
    const int rounds = count > 1 ? std::stoi(words[1]) : 7;
    at::set_num_threads(count > 2 ? std::stoi(words[2]) : 2);
    const kernels::Kernels* kernels = &kernels::best_kernels();
    for (const kernels::Kernels* const one : kernels::runnable_kernels()) {
        kernels = count > 3 && one->name == std::string(words[3]) ? one : kernels;
    }
    const std::int64_t batch = count > 4 ? std::stoi(words[4]) : 64;
    std::printf("%s, %d threads, batch %lld, %d rounds; milliseconds: ours, channels-last, contiguous; ours / best\n",
                kernels->name, at::get_num_threads(), static_cast<long long>(batch), rounds);
    std::map<std::string, std::vector<double>> ratios;
    int index = -1;
    for (const Layer& layer : kLayers) {
        ++index;
        if (count > 5 && index != std::stoi(words[5])) {
            continue;
        }
        kernels::Workspace work;
        const kernels::Machine machine = {*kernels, work};
        const Runs runs = runs_of(layer, batch, machine);
        std::vector<double> times[kProducts][kWays];
        for (int round = -1; round < rounds; ++round) {  // the first is not counted
            for (int product = 0; product < kProducts; ++product) {
                for (int way = 0; way < kWays; ++way) {
                    const double time = seconds(runs[product][way]);
                    if (round >= 0) {
                        times[product][way].push_back(time);
                    }
                }
            }
        }
        std::printf("%s %lldx%lld step %lld, %lld-%lld at %lldx%lld\n", layer.transposed ? "transposed" : "convolution",
                    static_cast<long long>(layer.window.size), static_cast<long long>(layer.window.size),
                    static_cast<long long>(layer.window.stride), static_cast<long long>(layer.inputs),
                    static_cast<long long>(layer.outputs), static_cast<long long>(layer.side),
                    static_cast<long long>(layer.side));
        double sums[kWays] = {};
        for (int product = 0; product < kProducts; ++product) {
            double medians[kWays];
            for (int way = 0; way < kWays; ++way) {
                medians[way] = median(times[product][way]);
                sums[way] += medians[way];
            }
            print(kNames[product], medians);
        }
        print("all", sums);
        ratios[layer.group].push_back(sums[0] / std::min(sums[1], sums[2]));
    }
    for (const auto& [group, all] : ratios) {
        double logs = 0.0;
        for (const double ratio : all) {
            logs += std::log(ratio);
        }
        std::printf("%s: geometric mean %.2f, largest %.2f\n", group.c_str(),
                    std::exp(logs / static_cast<double>(all.size())), *std::ranges::max_element(all));
    }
    return 0;
}
