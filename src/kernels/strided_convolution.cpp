#include "kernels/strided_convolution.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/strided_ends.h"
#include "kernels/strided_tiles.h"

namespace reverie::kernels {
namespace {

// Tiles whose products are finished together: their sums stay in a core's cache.
constexpr std::int64_t kTilesAtOnce = 96;
// Inputs whose weights are turned together.
constexpr std::int64_t kTurned = 64;

/// A panel of columns of transformed weights, and how much of the tiles a task takes with it.
struct Task {
    std::int64_t panel, begin, end;
};

/// Pieces of `count` tiles, whole units, so that panels and pieces together are enough for the threads. Which piece
/// a tile is in changes nothing of its sums.
std::int64_t pieces_of(std::int64_t panels, std::int64_t count, std::int64_t unit) {
    constexpr std::int64_t kTasksPerThread = 2;
    const std::int64_t wanted = ceil_div(kTasksPerThread * at::get_num_threads(), panels);
    return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, count / unit));
}

template <typename Run>
void for_each_task(std::int64_t panels, std::int64_t count, std::int64_t unit, Workspace& work, const Run& run) {
    const std::int64_t pieces = at::get_num_threads() == 1 ? 1 : pieces_of(panels, count, unit);
    const std::int64_t per_piece = ceil_div(count / unit, pieces) * unit;
    work.for_each(panels * pieces, [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t begin = item % pieces * per_piece;
        const std::int64_t end = std::min(begin + per_piece, count);
        if (begin < end) {
            run(Task{item / pieces, begin, end}, scratch);
        }
    });
}

/// Products of tiles [begin, end) with one panel at all positions; sums[position][tile - begin][step].
struct Panel {
    const float* weights;  ///< [position][depth][step]
    std::int64_t weights_stride;
    std::int64_t depth, columns, step;
};

void multiply(const Panel& panel, const float* in, const Layout& layout, std::int64_t begin, std::int64_t end,
              float* sums, std::int64_t sums_stride, const Kernels& kernels, Scratch& scratch) {
    const std::int64_t count = end - begin;
    const std::int64_t capacity = ceil_div(count, kernels.rows) * kernels.rows;
    scratch.addresses.resize(static_cast<std::size_t>(capacity));
    for (std::int64_t position = 0; position < kPositions; ++position) {
        for (std::int64_t t = 0; t < capacity; ++t) {
            scratch.addresses[static_cast<std::size_t>(t)] =
                in + position * layout.position_stride + (begin + std::min(t, count - 1)) * layout.tile_stride;
        }
        kernels.product({.rows = scratch.addresses.data(),
                         .row_capacity = capacity,
                         .count = static_cast<int>(count),
                         .depth = static_cast<int>(panel.depth),
                         .packed = panel.weights + position * panel.weights_stride,
                         .channels = static_cast<int>(panel.columns)},
                        {.out = sums + position * sums_stride, .out_stride = panel.step});
    }
}

/// A panel of the convolution's weights, outputs from `first` on: rows (phase, input), columns the outputs. They lie by
/// input, so they are turned in `turned`, a few inputs at a time, near the core.
void transform_weights(const float* weights, std::int64_t inputs, std::int64_t first, std::int64_t columns,
                       std::int64_t step, float* out, std::int64_t position_stride, float* turned,
                       const Kernels& kernels) {
    for (std::int64_t begin = 0; begin < inputs; begin += kTurned) {
        const std::int64_t count = std::min(kTurned, inputs - begin);
        for (std::int64_t phase = 0; phase < kPhases; ++phase) {
            WeightTiles job = taps_of(phase, inputs);
            for (std::int64_t i = 0; i < 4; ++i) {
                kernels.strided.turn(weights + first * kTaps * inputs + job.taps[i] + begin, kTaps * inputs,
                                     static_cast<int>(columns), static_cast<int>(count), turned + i * kTurned * step,
                                     step);
                job.taps[i] = i * kTurned * step;
            }
            job.row_stride = step;
            job.rows = static_cast<int>(count);
            job.columns = static_cast<int>(columns);
            job.transformed_row = step;
            job.position_stride = position_stride;
            kernels.strided.weights_in(job, turned, out + (phase * inputs + begin) * step);
        }
    }
}
}  // namespace

void convolve_strided(const Map& large, const float* weights, const Map& small, Finish finish, const Kernels& kernels,
                      Workspace& work) {
    if (is_strided_end(large.channels)) {
        return convolve_strided_end(large, weights, small, finish, kernels, work);
    }
    finish = into(finish, small);
    const std::int64_t inputs = large.channels;
    const std::int64_t outputs = small.channels;
    const std::int64_t depth = kPhases * inputs;
    const Tiles tiles(large, small);
    const BorderedMap bordered(large, false, work.zeros(inputs));
    const std::int64_t most = kTransformed / (4 * kPositions * (depth + kPadding));
    const std::int64_t at_once = run_length(tiles.count(), most, 1);
    const Layout layout = Layout::rows(depth, at_once);
    float* const in = work.shared().floats(layout.floats());
    for (std::int64_t first = 0; first < tiles.count(); first += at_once) {
        const std::int64_t count = std::min(at_once, tiles.count() - first);
        Layout phase = layout;
        phase.group = inputs;
        transform_in(kernels.strided.inputs_in, kPhases, kSide, large.channels, first, count, phase, inputs, in, work,
                     [&](std::int64_t tile, const float** table) { tiles.large_addresses(bordered, tile, table); });
        const std::int64_t panels = ceil_div(outputs, kernels.panel);
        for_each_task(panels, count, 1, work, [&](const Task& task, Scratch& scratch) {
            const std::int64_t column = task.panel * kernels.panel;
            const std::int64_t columns = std::min<std::int64_t>(kernels.panel, outputs - column);
            const std::int64_t step = step_of(kernels, columns);
            const std::int64_t weights_stride = depth * step + kPadding;
            const std::int64_t sums_stride = kTilesAtOnce * step + kPadding;
            float* const packed = scratch.floats(kPositions * (weights_stride + sums_stride) + 4 * kTurned * step);
            float* const sums = packed + kPositions * weights_stride;
            float* const turned = sums + kPositions * sums_stride;
            transform_weights(weights, inputs, column, columns, step, packed, weights_stride, turned, kernels);
            Finish part = finish;
            part.out += column;
            part.bias = finish.bias == nullptr ? nullptr : finish.bias + column;
            part.addend = finish.addend == nullptr ? nullptr : finish.addend + column;
            part.bits = finish.bits == nullptr ? nullptr : finish.bits + column / 8;
            part.keep = finish.keep == nullptr ? nullptr : finish.keep + column / 8;
            for (std::int64_t begin = task.begin; begin < task.end; begin += kTilesAtOnce) {
                const std::int64_t end = std::min(begin + kTilesAtOnce, task.end);
                multiply({packed, weights_stride, depth, columns, step}, in, layout, begin, end, sums, sums_stride,
                         kernels, scratch);
                scratch.pixels.resize(static_cast<std::size_t>((end - begin) * kStep * kStep));
                for (std::int64_t t = begin; t < end; ++t) {
                    tiles.small_pixels(first + t, scratch.pixels.data() + (t - begin) * kStep * kStep);
                }
                kernels.strided.outputs_out({.sums = sums,
                                             .tile_stride = step,
                                             .position_stride = sums_stride,
                                             .tiles = static_cast<int>(end - begin),
                                             .channels = static_cast<int>(columns),
                                             .pixels = scratch.pixels.data()},
                                            part);
            }
        });
    }
}

void spread_strided(const Map& small, const float* weights, const Map& large, const float* bias, const Kernels& kernels,
                    Workspace& work) {
    if (is_strided_end(large.channels)) {
        return spread_strided_end(small, weights, large, bias, kernels, work);
    }
    const std::int64_t inputs = large.channels;
    const std::int64_t depth = small.channels;
    const Tiles tiles(large, small);
    const BorderedMap bordered(small, false, work.zeros(depth));
    const std::int64_t most = kTransformed / (4 * kPositions * (depth + kPadding));
    const std::int64_t at_once = run_length(tiles.count(), most, tiles.per_image());
    const Layout layout = Layout::rows(depth, at_once);
    float* const in = work.shared().floats(layout.floats());
    for (std::int64_t first = 0; first < tiles.count(); first += at_once) {
        const std::int64_t count = std::min(at_once, tiles.count() - first);
        transform_in(kernels.strided.outputs_in, 1, kStep, small.channels, first, count, layout, 0, in, work,
                     [&](std::int64_t tile, const float** table) { tiles.small_addresses(bordered, tile, table); });
        const std::int64_t panels = ceil_div(inputs, kernels.panel);
        // Tiles overlap, so an image's stay with one thread, in order.
        for_each_task(kPhases * panels, count, tiles.per_image(), work, [&](const Task& task, Scratch& scratch) {
            const std::int64_t phase = task.panel / panels;
            const std::int64_t column = task.panel % panels * kernels.panel;
            const std::int64_t columns = std::min<std::int64_t>(kernels.panel, inputs - column);
            const std::int64_t step = step_of(kernels, columns);
            const std::int64_t weights_stride = depth * step + kPadding;
            const std::int64_t sums_stride = kTilesAtOnce * step + kPadding;
            float* const packed = scratch.floats(kPositions * (weights_stride + sums_stride));
            float* const sums = packed + kPositions * weights_stride;
            WeightTiles job = taps_of(phase, inputs);
            job.row_stride = kTaps * inputs;
            job.rows = static_cast<int>(depth);
            job.columns = static_cast<int>(columns);
            job.transformed_row = step;
            job.position_stride = weights_stride;
            kernels.strided.weights_in(job, weights + column, packed);
            const Finish finish{.bias = bias == nullptr ? nullptr : bias + column,
                                .out = large.data + column,
                                .out_stride = large.stride};
            for (std::int64_t begin = task.begin; begin < task.end; begin += kTilesAtOnce) {
                const std::int64_t end = std::min(begin + kTilesAtOnce, task.end);
                multiply({packed, weights_stride, depth, columns, step}, in, layout, begin, end, sums, sums_stride,
                         kernels, scratch);
                scratch.pixels.resize(static_cast<std::size_t>((end - begin) * kSide * kSide));
                for (std::int64_t t = begin; t < end; ++t) {
                    tiles.large_pixels(first + t, phase, scratch.pixels.data() + (t - begin) * kSide * kSide);
                }
                kernels.strided.inputs_out({.sums = sums,
                                            .tile_stride = step,
                                            .position_stride = sums_stride,
                                            .tiles = static_cast<int>(end - begin),
                                            .channels = static_cast<int>(columns),
                                            .pixels = scratch.pixels.data()},
                                           finish);
            }
        });
    }
}

}  // namespace reverie::kernels
