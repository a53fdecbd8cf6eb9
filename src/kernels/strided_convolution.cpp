#include "kernels/strided_convolution.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/strided_ends.h"
#include "nn/frozen/border.h"

namespace reverie::frozen {
namespace {

constexpr std::int64_t kPositions = kStridedPositions;
constexpr std::int64_t kStep = kStridedOutputs;   // a tile of outputs is kStep x kStep
constexpr std::int64_t kSide = kStridedInputs;    // and sees kSide x kSide of each phase
constexpr std::int64_t kPhases = 4;
constexpr std::int64_t kTaps = 16;                // of a window
// Floats between rows and positions: equal places in a cache would push each other out.
constexpr std::int64_t kPadding = 16;
// Bytes of transformed tiles that exist at a time: they go from one loop to the next through the last cache.
constexpr std::int64_t kTransformed = 12 << 20;
// Tiles whose products are finished together: their sums stay in a core's cache.
constexpr std::int64_t kTilesAtOnce = 96;
// Tiles whose transforms are one piece of work.
constexpr std::int64_t kTilesPerItem = 4;
// Inputs whose weights are turned together.
constexpr std::int64_t kTurned = 64;

std::int64_t ceil_div(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

/// The tiles of the smaller map, image by image and row by row.
class Tiles {
  public:
    Tiles(const Map& large, const Map& small)
        : large_(large), small_(small), rows_(ceil_div(small.height, kStep)), columns_(ceil_div(small.width, kStep)) {}

    std::int64_t per_image() const { return rows_ * columns_; }
    std::int64_t count() const { return small_.batch * per_image(); }

    /// [phases][kSide * kSide] addresses of what a tile sees of `large`.
    void large_addresses(const BorderedMap& bordered, std::int64_t tile, const float** table) const {
        const Place at = place(tile);
        for (std::int64_t phase = 0; phase < kPhases; ++phase) {
            for (std::int64_t i = 0; i < kSide; ++i, table += kSide) {
                bordered.row(at.image, 2 * (at.y + i) - 1 + phase / 2, 2 * at.x - 1 + phase % 2, kSide, 2, table);
            }
        }
    }

    void small_addresses(const BorderedMap& bordered, std::int64_t tile, const float** table) const {
        const Place at = place(tile);
        for (std::int64_t i = 0; i < kStep; ++i, table += kStep) {
            bordered.row(at.image, at.y + i, at.x, kStep, 1, table);
        }
    }

    void small_pixels(std::int64_t tile, std::int64_t* table) const {
        const Place at = place(tile);
        for (std::int64_t y = at.y; y < at.y + kStep; ++y) {
            for (std::int64_t x = at.x; x < at.x + kStep; ++x) {
                *table++ = y < small_.height && x < small_.width
                               ? (at.image * small_.height + y) * small_.width + x
                               : -1;
            }
        }
    }

    /// As StridedKernels::inputs_out wants them: tiles overlap by a row and a column, and the first to come writes.
    void large_pixels(std::int64_t tile, std::int64_t phase, std::int64_t* table) const {
        const Place at = place(tile);
        for (std::int64_t i = 0; i < kSide; ++i) {
            const std::int64_t y = 2 * (at.y + i) - 1 + phase / 2;
            for (std::int64_t j = 0; j < kSide; ++j) {
                const std::int64_t x = 2 * (at.x + j) - 1 + phase % 2;
                const bool outside = y < 0 || y >= large_.height || x < 0 || x >= large_.width;
                const bool again = (i == 0 && at.y > 0) || (j == 0 && at.x > 0);
                const std::int64_t pixel = (at.image * large_.height + y) * large_.width + x;
                *table++ = outside ? -1 : again ? -2 - pixel : pixel;
            }
        }
    }

  private:
    struct Place {
        std::int64_t image, y, x;  // of the tile's first cell in `small`
    };
    Place place(std::int64_t tile) const {
        return {tile / per_image(), tile / columns_ % rows_ * kStep, tile % columns_ * kStep};
    }

    const Map& large_;
    const Map& small_;
    std::int64_t rows_, columns_;
};

/// Equal runs of whole units that hold no more than `most` (or one unit).
std::int64_t run_length(std::int64_t count, std::int64_t most, std::int64_t unit) {
    const std::int64_t units = count / unit;
    const std::int64_t runs = ceil_div(units, std::max<std::int64_t>(1, most / unit));
    return ceil_div(units, runs) * unit;
}

/// Where transformed tiles lie: [position][group of channels][tile][channel of the group].
struct Layout {
    std::int64_t group = 0, groups = 0;
    std::int64_t tile_stride = 0, group_stride = 0, position_stride = 0;

    /// All channels of a tile side by side.
    static Layout rows(std::int64_t channels, std::int64_t tiles) {
        const std::int64_t stride = channels + kPadding;
        return {channels, 1, stride, tiles * stride, tiles * stride + kPadding};
    }
    static Layout grouped(std::int64_t groups, std::int64_t group, std::int64_t tiles) {
        return {group, groups, group, tiles * group, groups * tiles * group + kPadding};
    }
    std::int64_t floats() const { return kPositions * position_stride; }
};

/// One way of a map's tiles into the transformed domain. `sources` tiles of transforms (one a phase) make one tile.
template <typename Addresses>
void transform_in(void (*kernel)(const GroupedTiles&), std::int64_t sources, std::int64_t side, int channels,
                  std::int64_t first, std::int64_t count, const Layout& layout, std::int64_t source_stride, float* out,
                  Workspace& work, const Addresses& addresses) {
    work.for_each(ceil_div(count, kTilesPerItem), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t begin = item * kTilesPerItem;
        const std::int64_t end = std::min(begin + kTilesPerItem, count);
        const std::int64_t cells = sources * side * side;
        scratch.addresses.resize(static_cast<std::size_t>(cells));
        for (std::int64_t tile = begin; tile < end; ++tile) {
            addresses(first + tile, scratch.addresses.data());
            for (std::int64_t source = 0; source < sources; ++source) {
                kernel({.pixels = scratch.addresses.data() + source * side * side,
                        .tiles = 1,
                        .channels = channels,
                        .group = static_cast<int>(layout.group),
                        .out = out + tile * layout.tile_stride + source * source_stride,
                        .tile_stride = layout.tile_stride,
                        .group_stride = layout.group_stride,
                        .position_stride = layout.position_stride});
            }
        }
    });
}

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

/// The columns of a panel: floats of a row as products read it.
std::int64_t step_of(const Kernels& kernels, std::int64_t columns) {
    return columns <= kernels.width ? kernels.width : kernels.panel;
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

/// The taps of a phase within a window [4][4][channels].
WeightTiles taps_of(std::int64_t phase, std::int64_t tap_stride) {
    WeightTiles job;
    for (std::int64_t i = 0; i < 4; ++i) {
        job.taps[i] = ((2 * (i / 2) + phase / 2) * 4 + 2 * (i % 2) + phase % 2) * tap_stride;
    }
    return job;
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

Map map_of(const at::Tensor& t) {
    return {.data = t.data_ptr<float>(),
            .stride = t.size(1),
            .batch = t.size(0),
            .height = t.size(2),
            .width = t.size(3),
            .channels = static_cast<int>(t.size(1))};
}

/// [N,C,H,W] with strides of [N,H,W,C], also where sizes of 1 leave LibTorch the choice.
at::Tensor channels_last(const at::Tensor& t) {
    return t.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
}
at::Tensor empty_map(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    return at::empty({n, h, w, c}, at::kFloat).permute({0, 3, 1, 2});
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
            float* const packed =
                scratch.floats(kPositions * (weights_stride + sums_stride) + 4 * kTurned * step);
            float* const sums = packed + kPositions * weights_stride;
            float* const turned = sums + kPositions * sums_stride;
            transform_weights(weights, inputs, column, columns, step, packed, weights_stride, turned, kernels);
            Finish part = finish;
            part.out += column;
            part.bias = finish.bias == nullptr ? nullptr : finish.bias + column;
            part.addend = finish.addend == nullptr ? nullptr : finish.addend + column;
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

void correlate_strided(const Map& large, const Map& small, float* weights, const Kernels& kernels, Workspace& work) {
    if (is_strided_end(large.channels)) {
        return correlate_strided_end(large, small, weights, kernels, work);
    }
    constexpr std::int64_t kRowsAtOnce = 2 * kLeftGroup;  // outputs whose sums stay in a core's cache
    constexpr std::int64_t kSummed = 256;                 // tiles that are summed up before the sum goes to memory
    const std::int64_t inputs = large.channels;
    const std::int64_t outputs = small.channels;
    const Tiles tiles(large, small);
    const BorderedMap bordered_large(large, false, work.zeros(std::max(inputs, outputs)));
    const BorderedMap bordered_small(small, false, work.zeros(std::max(inputs, outputs)));
    const std::int64_t group = step_of(kernels, inputs);
    const std::int64_t panels = ceil_div(inputs, group);
    const std::int64_t left_groups = ceil_div(outputs, kLeftGroup);
    const std::int64_t tile_floats = kPositions * (kPhases * panels * group + left_groups * kLeftGroup);
    const std::int64_t at_once = run_length(tiles.count(), kTransformed / (4 * tile_floats), 1);
    const Layout right = Layout::grouped(kPhases * panels, group, at_once);
    const Layout left = Layout::grouped(left_groups, kLeftGroup, at_once);
    float* const rights = work.shared().floats(right.floats() + left.floats());
    float* const lefts = rights + right.floats();
    for (std::int64_t first = 0; first < tiles.count(); first += at_once) {
        const std::int64_t count = std::min(at_once, tiles.count() - first);
        transform_in(
            kernels.strided.inputs_in, kPhases, kSide, large.channels, first, count, right,
            panels * right.group_stride, rights, work,
            [&](std::int64_t tile, const float** table) { tiles.large_addresses(bordered_large, tile, table); });
        transform_in(
            kernels.strided.outputs_in, 1, kStep, small.channels, first, count, left, 0, lefts, work,
            [&](std::int64_t tile, const float** table) { tiles.small_addresses(bordered_small, tile, table); });
        const std::int64_t pieces = ceil_div(outputs, kRowsAtOnce);
        work.for_each(kPhases * panels * pieces, [&](std::int64_t item, Scratch& scratch) {
            const std::int64_t panel = item / pieces % panels;
            const std::int64_t phase = item / pieces / panels;
            const std::int64_t row = item % pieces * kRowsAtOnce;
            const std::int64_t rows = std::min(kRowsAtOnce, outputs - row);
            const std::int64_t column = panel * group;
            const std::int64_t columns = std::min(group, inputs - column);
            const std::int64_t sums_stride = kRowsAtOnce * group + kPadding;
            float* const sums = scratch.floats(kPositions * sums_stride);
            for (std::int64_t position = 0; position < kPositions; ++position) {
                for (std::int64_t begin = 0; begin < count; begin += kSummed) {
                    kernels.strided.correlate(
                        {.left = lefts + position * left.position_stride + row / kLeftGroup * left.group_stride +
                                 begin * left.tile_stride,
                         .left_group = left.group_stride,
                         .right = rights + position * right.position_stride +
                                  (phase * panels + panel) * right.group_stride + begin * right.tile_stride,
                         .right_stride = right.tile_stride,
                         .tiles = static_cast<int>(std::min(kSummed, count - begin)),
                         .rows = static_cast<int>(rows),
                         .columns = static_cast<int>(columns),
                         .sums = sums + position * sums_stride,
                         .sums_stride = group,
                         .add = begin > 0});
                }
            }
            WeightTiles job = taps_of(phase, inputs);
            job.row_stride = kTaps * inputs;
            job.rows = static_cast<int>(rows);
            job.columns = static_cast<int>(columns);
            job.transformed_row = group;
            job.position_stride = sums_stride;
            kernels.strided.weights_out(job, sums, weights + row * kTaps * inputs + column, first > 0);
        });
    }
}

void sum_pixels(const Map& map, float* sums, Workspace& work) {
    // In float over a block, in double over the blocks, in the order of the blocks.
    constexpr std::int64_t kBlock = 512;
    const std::int64_t channels = map.channels;
    const std::int64_t blocks = ceil_div(map.pixels(), kBlock);
    float* const partial = work.shared().floats(blocks * channels);
    work.for_each(blocks, [&](std::int64_t block, Scratch&) {
        float* const out = partial + block * channels;
        std::fill_n(out, channels, 0.0F);
        for (std::int64_t p = block * kBlock; p < std::min((block + 1) * kBlock, map.pixels()); ++p) {
            const float* const from = map.at(p);
            for (std::int64_t c = 0; c < channels; ++c) {
                out[c] += from[c];
            }
        }
    });
    for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0.0;
        for (std::int64_t block = 0; block < blocks; ++block) {
            sum += static_cast<double>(partial[block * channels + c]);
        }
        sums[c] = static_cast<float>(sum);
    }
}

at::Tensor convolve_strided(const at::Tensor& large, const at::Tensor& weight, const at::Tensor& bias,
                            const Kernels& kernels, Workspace& work) {
    const at::Tensor from = channels_last(large);
    const at::Tensor w = channels_last(weight);
    const at::Tensor shift = bias.defined() ? bias.contiguous() : bias;
    const at::Tensor to = empty_map(large.size(0), weight.size(0), large.size(2) / 2, large.size(3) / 2);
    convolve_strided(map_of(from), w.data_ptr<float>(), map_of(to),
                     {.bias = shift.defined() ? shift.data_ptr<float>() : nullptr}, kernels, work);
    return to;
}

at::Tensor spread_strided(const at::Tensor& small, const at::Tensor& weight, const at::Tensor& bias,
                          std::int64_t height, std::int64_t width, const Kernels& kernels, Workspace& work) {
    const at::Tensor from = channels_last(small);
    const at::Tensor w = channels_last(weight);
    const at::Tensor shift = bias.defined() ? bias.contiguous() : bias;
    const at::Tensor to = empty_map(small.size(0), weight.size(1), height, width);
    spread_strided(map_of(from), w.data_ptr<float>(), map_of(to), shift.defined() ? shift.data_ptr<float>() : nullptr,
                   kernels, work);
    return to;
}

at::Tensor correlate_strided(const at::Tensor& large, const at::Tensor& small, const Kernels& kernels,
                             Workspace& work) {
    const at::Tensor from = channels_last(large);
    const at::Tensor with = channels_last(small);
    const at::Tensor to = empty_map(small.size(1), large.size(1), 4, 4);
    correlate_strided(map_of(from), map_of(with), to.data_ptr<float>(), kernels, work);
    return to;
}

at::Tensor sum_pixels(const at::Tensor& map, Workspace& work) {
    const at::Tensor from = channels_last(map);
    const at::Tensor sums = at::empty({map.size(1)}, at::kFloat);
    sum_pixels(map_of(from), sums.data_ptr<float>(), work);
    return sums;
}

}  // namespace reverie::frozen
