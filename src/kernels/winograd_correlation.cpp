#include <algorithm>
#include <cstdint>

#include "kernels/part_sums.h"
#include "kernels/winograd_convolution.h"
#include "kernels/winograd_tiles.h"

namespace reverie::kernels {
namespace {

// Outputs whose sums stay in a core's cache.
constexpr std::int64_t kRowsAtOnce = 2 * kLeftGroup;
// Tiles that are summed up before the sum goes to memory.
constexpr std::int64_t kSummed = 128;

// Shares of the tiles where each has sums of its own; fewer would leave threads without work.
constexpr std::int64_t kTilesOfPart = 96;
constexpr std::int64_t kFewParts = 4;
constexpr std::int64_t kMostParts = 32;

class Weights {
  public:
    Weights(const Scheme& scheme, const Map& large, const Map& small, const Kernels& kernels, Workspace& work)
        : scheme_(scheme),
          kernels_(kernels),
          tiles_(scheme, large, small),
          bordered_large_(large, false, work.zeros(std::max(large.channels, small.channels))),
          bordered_small_(small, false, work.zeros(std::max(large.channels, small.channels))),
          inputs_(large.channels),
          outputs_(small.channels),
          group_(step_of(kernels, inputs_)),
          panels_(ceil_div(inputs_, group_)),
          left_groups_(ceil_div(outputs_, kLeftGroup)) {}

    void run(float* weights, Workspace& work) const {
        const std::int64_t sums = 4 * scheme_.positions * scheme_.phases * inputs_ * outputs_;
        const std::int64_t parts = std::min(tiles_.count() / kTilesOfPart, kMostParts);
        sums <= kNearWeights&& parts >= kFewParts ? by_parts(parts, weights, work) : together(weights, work);
    }

  private:
    std::int64_t tile_floats() const {
        return scheme_.positions * (scheme_.phases * panels_ * group_ + left_groups_ * kLeftGroup);
    }
    Layout right(std::int64_t tiles) const { return Layout::grouped(scheme_.phases * panels_, group_, tiles); }
    Layout left(std::int64_t tiles) const { return Layout::grouped(left_groups_, kLeftGroup, tiles); }
    WayIn right_in(const Layout& layout) const {
        return {scheme_.kernels.inputs_in, scheme_.phases, scheme_.side,
                static_cast<int>(inputs_), layout,         panels_ * layout.group_stride};
    }
    WayIn left_in(const Layout& layout) const {
        return {scheme_.kernels.outputs_in, 1, kStep, static_cast<int>(outputs_), layout, 0};
    }
    auto large_addresses() const {
        return [this](std::int64_t tile, const float** table) { tiles_.large_addresses(bordered_large_, tile, table); };
    }
    auto small_addresses() const {
        return [this](std::int64_t tile, const float** table) { tiles_.small_addresses(bordered_small_, tile, table); };
    }

    std::int64_t sums_stride() const { return kRowsAtOnce * group_ + kPadding; }
    /// Some outputs and inputs of one phase: how they lie among the transformed, and where their weights are.
    struct Piece {
        std::int64_t phase, panel, row;
    };
    std::int64_t pieces() const { return scheme_.phases * panels_ * ceil_div(outputs_, kRowsAtOnce); }
    Piece piece(std::int64_t item) const {
        const std::int64_t rows = ceil_div(outputs_, kRowsAtOnce);
        return {item / rows / panels_, item / rows % panels_, item % rows * kRowsAtOnce};
    }

    /// sums[position][row][column] of `count` tiles.
    void sum_up(const Piece& piece, const float* lefts, const Layout& left, const float* rights, const Layout& right,
                std::int64_t count, bool add, float* sums) const {
        const std::int64_t rows = std::min(kRowsAtOnce, outputs_ - piece.row);
        const std::int64_t columns = std::min(group_, inputs_ - piece.panel * group_);
        for (std::int64_t position = 0; position < scheme_.positions; ++position) {
            for (std::int64_t begin = 0; begin < count; begin += kSummed) {
                kernels_.correlate({.left = lefts + position * left.position_stride +
                                            piece.row / kLeftGroup * left.group_stride + begin * left.tile_stride,
                                    .left_group = left.group_stride,
                                    .right = rights + position * right.position_stride +
                                             (piece.phase * panels_ + piece.panel) * right.group_stride +
                                             begin * right.tile_stride,
                                    .right_stride = right.tile_stride,
                                    .tiles = static_cast<int>(std::min(kSummed, count - begin)),
                                    .rows = static_cast<int>(rows),
                                    .columns = static_cast<int>(columns),
                                    .sums = sums + position * sums_stride(),
                                    .sums_stride = group_,
                                    .add = add || begin > 0});
            }
        }
    }

    void weights_out(const Piece& piece, const float* sums, float* weights, bool add) const {
        WeightTiles job = scheme_.taps_of(piece.phase, inputs_);
        job.row_stride = scheme_.taps * inputs_;
        job.rows = static_cast<int>(std::min(kRowsAtOnce, outputs_ - piece.row));
        job.columns = static_cast<int>(std::min(group_, inputs_ - piece.panel * group_));
        job.transformed_row = group_;
        job.position_stride = sums_stride();
        scheme_.kernels.weights_out(job, sums, weights + piece.row * job.row_stride + piece.panel * group_, add);
    }

    /// Many sums: threads share transformed tiles, and each takes some of the weights through all of them.
    void together(float* weights, Workspace& work) const {
        const std::int64_t at_once = run_length(tiles_.count(), kTransformed / (4 * tile_floats()), 1);
        const Layout to_right = right(at_once);
        const Layout to_left = left(at_once);
        float* const rights =
            work.shared().floats(scheme_.positions * (to_right.position_stride + to_left.position_stride));
        float* const lefts = rights + scheme_.positions * to_right.position_stride;
        for (std::int64_t first = 0; first < tiles_.count(); first += at_once) {
            const std::int64_t count = std::min(at_once, tiles_.count() - first);
            transform_in(right_in(to_right), first, count, rights, work, large_addresses());
            transform_in(left_in(to_left), first, count, lefts, work, small_addresses());
            work.for_each(pieces(), [&](std::int64_t item, Scratch& scratch) {
                float* const sums = scratch.floats(scheme_.positions * sums_stride());
                sum_up(piece(item), lefts, to_left, rights, to_right, count, false, sums);
                weights_out(piece(item), sums, weights, first > 0);
            });
        }
    }

    /// Few sums: they and a block of tiles stay near the core, and each thread takes a share of the tiles, cut whatever
    /// their number.
    void by_parts(std::int64_t wanted, float* weights, Workspace& work) const {
        const std::int64_t per_part = ceil_div(tiles_.count(), wanted);
        const std::int64_t most = kNearTiles / (4 * tile_floats());
        const std::int64_t at_once = std::clamp<std::int64_t>(most, kernels_.rows, kSummed);
        const Layout to_right = right(at_once);
        const Layout to_left = left(at_once);
        const std::int64_t rights = scheme_.positions * to_right.position_stride;
        const std::int64_t lefts = scheme_.positions * to_left.position_stride;
        const std::int64_t size = outputs_ * scheme_.taps * inputs_;
        const std::int64_t parts = ceil_div(tiles_.count(), per_part);
        float* const each = work.shared().floats(parts * size);
        work.for_each(parts, [&](std::int64_t part, Scratch& scratch) {
            const std::int64_t piece_floats = scheme_.positions * sums_stride();
            float* const to_rights = scratch.floats(rights + lefts + pieces() * piece_floats);
            float* const to_lefts = to_rights + rights;
            float* const sums = to_lefts + lefts;
            const std::int64_t stop = std::min((part + 1) * per_part, tiles_.count());
            for (std::int64_t first = part * per_part; first < stop; first += at_once) {
                const std::int64_t count = std::min(at_once, stop - first);
                transform_in(right_in(to_right), first, 0, count, to_rights, scratch, large_addresses());
                transform_in(left_in(to_left), first, 0, count, to_lefts, scratch, small_addresses());
                for (std::int64_t item = 0; item < pieces(); ++item) {
                    sum_up(piece(item), to_lefts, to_left, to_rights, to_right, count, first > part * per_part,
                           sums + item * piece_floats);
                }
            }
            for (std::int64_t item = 0; item < pieces(); ++item) {
                weights_out(piece(item), sums + item * piece_floats, each + part * size, false);
            }
        });
        const std::int64_t row = scheme_.taps * inputs_;
        work.for_each(outputs_, [&](std::int64_t output, Scratch&) {
            add_parts(each, parts, size, output * row, (output + 1) * row, weights);
        });
    }

    const Scheme& scheme_;
    const Kernels& kernels_;
    const Tiles tiles_;
    const BorderedMap bordered_large_, bordered_small_;
    const std::int64_t inputs_, outputs_;
    const std::int64_t group_, panels_;  // of inputs
    const std::int64_t left_groups_;     // of outputs
};

}  // namespace

void correlate_tiles(WinogradWindow window, const Map& large, const Map& small, float* weights, const Kernels& kernels,
                     Workspace& work) {
    const Scheme scheme = Scheme::of(window, kernels);
    Weights(scheme, large, small, kernels, work).run(weights, work);
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
    add_parts(partial, blocks, channels, 0, channels, sums);
}

}  // namespace reverie::kernels
