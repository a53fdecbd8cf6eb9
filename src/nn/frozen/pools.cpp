#include "nn/frozen/pools.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

constexpr std::int64_t kBlock = 64;

/// Of each window along one axis, how many cells count: those that lie on the map from `counted.begin` to its end, the
/// margins that count included.
std::vector<std::size_t> counted_cells(std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                                       std::int64_t margin, Range counted) {
    std::vector<std::size_t> counts;
    for (std::int64_t i = 0; i < outputs; ++i) {
        const std::int64_t begin = i * stride - margin;
        const std::int64_t inside = std::min(begin + kernel, counted.end) - std::max(begin, counted.begin);
        counts.push_back(static_cast<std::size_t>(std::max<std::int64_t>(0, inside)));
    }
    return counts;
}

/// reduce(scratch, windows, first cell) for blocks of the destination: the loop that all poolings share.
template <typename Reduce>
void pool_blocks(const Walk& walk, const Map& from, const Map& to, const float* outside, Workspace& work,
                 const Reduce& reduce) {
    for_each_block(walk, from, to, kBlock, outside, work, [&](Scratch& scratch, std::int64_t first, int count) {
        reduce(scratch,
               {.inputs = scratch.addresses.data(),
                .capacity = kBlock,
                .taps = static_cast<int>(walk.taps.size()),
                .count = count,
                .channels = to.channels,
                .pixels = scratch.pixels.data()},
               first);
    });
}

/// visit(place in a block's tables, tap, image, y, x) for each source cell of `count` cells from `first` on, but for
/// those beyond the border.
template <typename Visit>
void for_each_source(const Walk& walk, const Map& source, std::int64_t first, int count, const Visit& visit) {
    for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t image = (first + r) / walk.cells();
        const std::int64_t a = (first + r) % walk.cells() / walk.columns;
        const std::int64_t b = (first + r) % walk.columns;
        for (std::size_t t = 0; t < walk.taps.size(); ++t) {
            const std::int64_t y = walk.source_step * a + walk.taps[t].dy;
            const std::int64_t x = walk.source_step * b + walk.taps[t].dx;
            if (y >= 0 && x >= 0 && y < source.height && x < source.width) {
                visit(t * kBlock + static_cast<std::size_t>(r), walk.taps[t], image, y, x);
            }
        }
    }
}

/// Sums of windows' cells (squared when `squares`), each times its window's factor.
void average(const PoolWindows& windows, const Map& input, const Map& output, bool squares, const Finish& finish,
             const Kernels& kernels, Workspace& work) {
    const Walk& walk = windows.forward;
    pool_blocks(walk, input, output, work.zeros(input.channels), work,
                [&](Scratch& scratch, const Windows& job, std::int64_t first) {
                    scratch.factors.resize(walk.taps.size() * kBlock);
                    for (std::int64_t r = 0; r < job.count; ++r) {
                        const std::int64_t cell = (first + r) % walk.cells();
                        const float factor = windows.factors.of(cell / walk.columns, cell % walk.columns);
                        for (std::size_t t = 0; t < walk.taps.size(); ++t) {
                            scratch.factors[t * kBlock + static_cast<std::size_t>(r)] = factor;
                        }
                    }
                    kernels.weighted_sum(job, scratch.factors.data(), squares, into(finish, output));
                });
}

/// To each cell, from the windows that hold it.
void average_back(const PoolWindows& windows, const Map& output, const Map& input, const Finish& finish,
                  const Kernels& kernels, Workspace& work) {
    for (const Walk& walk : windows.backward) {
        pool_blocks(walk, output, input, work.zeros(output.channels), work,
                    [&](Scratch& scratch, const Windows& job, std::int64_t first) {
                        scratch.factors.assign(walk.taps.size() * kBlock, 0.0F);
                        for_each_source(walk, output, first, job.count,
                                        [&](std::size_t at, const Walk::Tap&, std::int64_t, std::int64_t y,
                                            std::int64_t x) { scratch.factors[at] = windows.factors.of(y, x); });
                        kernels.weighted_sum(job, scratch.factors.data(), /*squares=*/false, into(finish, input));
                    });
    }
}

void maximum(const PoolWindows& windows, double gain, const Map& input, const Map& output, std::uint8_t* chosen,
             const Finish& finish, const Kernels& kernels, Workspace& work) {
    const std::vector<float> lowest(static_cast<std::size_t>(input.channels), -std::numeric_limits<float>::infinity());
    pool_blocks(windows.forward, input, output, lowest.data(), work, [&](Scratch&, const Windows& job, std::int64_t) {
        kernels.maximum(job, static_cast<float>(gain), chosen, into(finish, output));
    });
}

/// To each cell, from the windows whose maximum it was.
void maximum_back(const PoolWindows& windows, double gain, const Map& output, const Map& input,
                  const std::uint8_t* chosen, const Finish& finish, const Kernels& kernels, Workspace& work) {
    for (const Walk& walk : windows.backward) {
        pool_blocks(
            walk, output, input, work.zeros(output.channels), work,
            [&](Scratch& scratch, const Windows& job, std::int64_t first) {
                // Where there is no window the gradient is zero, whatever the index.
                scratch.bytes.assign(walk.taps.size() * kBlock, chosen);
                scratch.places.assign(walk.taps.size() * kBlock, 0);
                for_each_source(
                    walk, output, first, job.count,
                    [&](std::size_t at, const Walk::Tap& tap, std::int64_t image, std::int64_t y, std::int64_t x) {
                        scratch.bytes[at] = chosen + ((image * output.height + y) * output.width + x) * output.channels;
                        scratch.places[at] = static_cast<std::uint8_t>(tap.index);
                    });
                kernels.maximum_back(job, {.indices = scratch.bytes.data(), .places = scratch.places.data()},
                                     static_cast<float>(gain), into(finish, input));
            });
    }
}

/// y = gain sqrt(mean x^2): d y / d x = gain^2 x / (n y); where all is zero so is the gradient.
void l2_back(const PoolWindows& windows, double gain, const Map& output, const Map& input, const PoolMemory& memory,
             const Finish& finish, const Kernels& kernels, Workspace& work) {
    const at::Tensor y = tensor_of(memory.output);
    const auto empty_like = [](const Map& map) {
        return at::empty({map.batch, map.channels, map.height, map.width}, at::kFloat, std::nullopt, std::nullopt,
                         std::nullopt, at::MemoryFormat::ChannelsLast);
    };
    const auto dense = [](const at::Tensor& tensor, Map map) {
        map.data = tensor.data_ptr<float>();
        map.stride = map.channels;
        return map;
    };
    const at::Tensor scaled = empty_like(output);
    scaled.copy_(tensor_of(output)).mul_(gain * gain).div_(y).masked_fill_(y == 0, 0);
    const at::Tensor sums = empty_like(input);
    average_back(windows, dense(scaled, output), dense(sums, input), {}, kernels, work);
    sums.mul_(tensor_of(memory.input));
    finish_map(dense(sums, input), input, finish, kernels, work);
}

}  // namespace

WindowFactors::WindowFactors(const Node& node, Size input, Size output) {
    const Window& w = node.window;
    const Margins margins = window_margins(w, input);
    const auto counted = [&](std::int64_t cells, std::int64_t before, std::int64_t after) {
        return node.count_padding ? Range{-before, cells + after} : Range{0, cells};
    };
    rows_ = counted_cells(output.height, w.kernel_h, w.stride, margins.top,
                          counted(input.height, margins.top, margins.bottom));
    columns_ = counted_cells(output.width, w.kernel_w, w.stride, margins.left,
                             counted(input.width, margins.left, margins.right));
    // An L2 norm's gain comes after its root.
    const double gain = node.pooling == Pooling::L2 ? 1.0 : node.gain;
    stride_ = static_cast<std::size_t>(w.kernel_w) + 1;
    for (std::int64_t rows = 0; rows <= w.kernel_h; ++rows) {
        for (std::int64_t columns = 0; columns <= w.kernel_w; ++columns) {
            factors_.push_back(
                static_cast<float>(gain / static_cast<double>(std::max<std::int64_t>(1, rows * columns))));
        }
    }
}

PoolWindows::PoolWindows(const Node& node, Size input, Size output)
    : forward(forward_walk(node.window, input, output)),
      backward(backward_walks(node.window, input)),
      factors(node, input, output) {}

void pool(const Node& node, const PoolWindows& windows, const Map& input, const Map& output, std::uint8_t* chosen,
          const Finish& finish, const Kernels& kernels, Workspace& work) {
    switch (node.pooling) {
        case Pooling::Max:
            maximum(windows, node.gain, input, output, chosen, finish, kernels, work);
            break;
        case Pooling::Average:
            average(windows, input, output, /*squares=*/false, finish, kernels, work);
            break;
        case Pooling::L2:
            average(windows, input, output, /*squares=*/true, finish, kernels, work);
            tensor_of(output).sqrt_().mul_(node.gain);
            break;
    }
}

void pool_back(const Node& node, const PoolWindows& windows, const Map& output, const Map& input,
               const PoolMemory& memory, const Finish& finish, const Kernels& kernels, Workspace& work) {
    switch (node.pooling) {
        case Pooling::Max:
            maximum_back(windows, node.gain, output, input, memory.chosen, finish, kernels, work);
            break;
        case Pooling::Average:
            average_back(windows, output, input, finish, kernels, work);
            break;
        case Pooling::L2:
            l2_back(windows, node.gain, output, input, memory, finish, kernels, work);
            break;
    }
}

}  // namespace reverie::frozen
