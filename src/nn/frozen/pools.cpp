#include "nn/frozen/pools.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "nn/frozen/walk.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

constexpr std::int64_t kBlock = 64;

Windows windows_of(const Walk& walk, const Scratch& scratch, int count, int channels) {
    return {.inputs = scratch.addresses.data(),
            .capacity = kBlock,
            .taps = static_cast<int>(walk.taps.size()),
            .count = count,
            .channels = channels,
            .pixels = scratch.pixels.data()};
}

/// Which cells of a window along one axis lie on the map.
std::int64_t cells_inside(std::int64_t output, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                          std::int64_t input) {
    const std::int64_t begin = output * stride - pad;
    return std::min(begin + kernel, input) - std::max<std::int64_t>(begin, 0);
}

/// Sums of a map's cells, each times the weight in the mean of the window it belongs to. `forward`: a window's own
/// cells; else the windows that hold a cell.
void sum_windows(const Node& node, const Walk& walk, const Map& from, const Map& to, bool forward, bool squares,
                 double gain, const Finish& finish, const Kernels& kernels, Workspace& work) {
    const Window& w = node.window;
    const Map& input = forward ? from : to;
    const Map& output = forward ? to : from;
    const Margins margins = window_margins(w, {input.height, input.width});
    const auto share = [&](std::int64_t y, std::int64_t x) {
        const std::int64_t cells = node.count_padding
                                       ? w.kernel_h * w.kernel_w
                                       : cells_inside(y, w.kernel_h, w.stride, margins.top, input.height) *
                                             cells_inside(x, w.kernel_w, w.stride, margins.left, input.width);
        return static_cast<float>(gain / static_cast<double>(cells));
    };
    for_each_block(walk, from, to, kBlock, work.zeros(from.channels), work,
                   [&](Scratch& scratch, std::int64_t first, int count) {
                       scratch.factors.assign(walk.taps.size() * kBlock, 0.0F);
                       for (std::int64_t r = 0; r < count; ++r) {
                           const std::int64_t a = (first + r) % walk.cells() / walk.columns;
                           const std::int64_t b = (first + r) % walk.columns;
                           for (std::size_t t = 0; t < walk.taps.size(); ++t) {
                               const std::int64_t y = forward ? a : a + walk.taps[t].dy;
                               const std::int64_t x = forward ? b : b + walk.taps[t].dx;
                               if (y >= 0 && x >= 0 && y < output.height && x < output.width) {
                                   scratch.factors[t * kBlock + static_cast<std::size_t>(r)] = share(y, x);
                               }
                           }
                       }
                       kernels.weighted_sum(windows_of(walk, scratch, count, to.channels), scratch.factors.data(),
                                            squares, into(finish, to));
                   });
}

}  // namespace

void pool(const Node& node, const Map& input, const Map& output, std::uint8_t* chosen, const Finish& finish,
          const Kernels& kernels, Workspace& work) {
    const Walk walk = forward_walk(node.window, {input.height, input.width}, {output.height, output.width});
    if (node.pooling == Pooling::Max) {
        const std::vector<float> lowest(static_cast<std::size_t>(input.channels),
                                        -std::numeric_limits<float>::infinity());
        for_each_block(walk, input, output, kBlock, lowest.data(), work,
                       [&](Scratch& scratch, std::int64_t, int count) {
                           kernels.maximum(windows_of(walk, scratch, count, output.channels),
                                           static_cast<float>(node.gain), chosen, into(finish, output));
                       });
        return;
    }
    const bool l2 = node.pooling == Pooling::L2;
    sum_windows(node, walk, input, output, true, l2, l2 ? 1.0 : node.gain, finish, kernels, work);
    if (l2) {
        tensor_of(output).sqrt_().mul_(node.gain);
    }
}

void pool_back(const Node& node, const Map& output, const Map& input, const PoolMemory& memory, const Finish& finish,
               const Kernels& kernels, Workspace& work) {
    const std::vector<Walk> walks = backward_walks(node.window, {input.height, input.width});
    if (node.pooling == Pooling::Max) {
        for (const Walk& walk : walks) {
            for_each_block(walk, output, input, kBlock, work.zeros(output.channels), work,
                           [&](Scratch& scratch, std::int64_t, int count) {
                               // Where there is no window the address is that of zeros: any index will do.
                               scratch.bytes.resize(walk.taps.size() * kBlock);
                               scratch.places.resize(walk.taps.size() * kBlock);
                               for (std::size_t t = 0; t < walk.taps.size(); ++t) {
                                   for (std::size_t r = 0; r < static_cast<std::size_t>(count); ++r) {
                                       const float* const address = scratch.addresses[t * kBlock + r];
                                       const bool there = address >= output.data &&
                                                          address < output.data + output.pixels() * output.stride;
                                       const std::int64_t pixel = there ? (address - output.data) / output.stride : 0;
                                       scratch.bytes[t * kBlock + r] = memory.chosen + pixel * output.channels;
                                       scratch.places[t * kBlock + r] = static_cast<std::uint8_t>(walk.taps[t].index);
                                   }
                               }
                               kernels.maximum_back(windows_of(walk, scratch, count, input.channels),
                                                    {.indices = scratch.bytes.data(), .places = scratch.places.data()},
                                                    static_cast<float>(node.gain), into(finish, input));
                           });
        }
        return;
    }
    if (node.pooling == Pooling::Average) {
        for (const Walk& walk : walks) {
            sum_windows(node, walk, output, input, false, false, node.gain, finish, kernels, work);
        }
        return;
    }
    // y = gain sqrt(mean x^2): d y / d x = gain^2 x / (n y); where all is zero so is the gradient.
    const at::Tensor y = tensor_of(memory.output);
    const auto like_output = at::empty({output.batch, output.channels, output.height, output.width}, at::kFloat,
                                       std::nullopt, std::nullopt, std::nullopt, at::MemoryFormat::ChannelsLast);
    like_output.copy_(tensor_of(output)).mul_(node.gain * node.gain).div_(y).masked_fill_(y == 0, 0);
    const auto like_input = at::empty({input.batch, input.channels, input.height, input.width}, at::kFloat,
                                      std::nullopt, std::nullopt, std::nullopt, at::MemoryFormat::ChannelsLast);
    const auto dense = [](const at::Tensor& tensor, Map map) {
        map.data = tensor.data_ptr<float>();
        map.stride = map.channels;
        return map;
    };
    const Map spread = dense(like_input, input);
    for (const Walk& walk : walks) {
        sum_windows(node, walk, dense(like_output, output), spread, false, false, 1.0, {}, kernels, work);
    }
    like_input.mul_(tensor_of(memory.input));
    finish_map(spread, input, finish, kernels, work);
}

}  // namespace reverie::frozen
