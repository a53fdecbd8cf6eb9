#include <algorithm>
#include <cstdint>

#include "kernels/strided_convolution.h"
#include "kernels/strided_ends.h"
#include "kernels/strided_tiles.h"

namespace reverie::kernels {

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
        transform_in(kernels.strided.inputs_in, kPhases, kSide, large.channels, first, count, right,
                     panels * right.group_stride, rights, work, [&](std::int64_t tile, const float** table) {
                         tiles.large_addresses(bordered_large, tile, table);
                     });
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
                    kernels.strided.correlate({.left = lefts + position * left.position_stride +
                                                       row / kLeftGroup * left.group_stride + begin * left.tile_stride,
                                               .left_group = left.group_stride,
                                               .right = rights + position * right.position_stride +
                                                        (phase * panels + panel) * right.group_stride +
                                                        begin * right.tile_stride,
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

}  // namespace reverie::kernels
