// Private: convolutions as products in a transformed domain, block by block of tiles.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/packed_matrix.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

/// How many tiles go through the transforms and products together, and whether threads share them.
struct TileBlock {
    std::int64_t tiles = 0;
    bool shared = false;
};
TileBlock tile_block(std::int64_t tiles, std::int64_t inputs, std::int64_t outputs, std::int64_t threads);

/// Bytes of the transforms of so many tiles at a time as the threads hold.
std::int64_t tiles_bytes(std::int64_t tiles, std::int64_t positions, std::int64_t inputs, std::int64_t outputs);

/// One convolution in one direction as products in the transformed domain.
class TiledProducts {
  public:
    /// `taps`: tiles of inputs side by side that a product takes together.
    TiledProducts(const Kernels& kernels, const Transform& transform, int taps)
        : kernels_(kernels), transform_(transform), positions_(transform.positions), taps_(taps) {}

    /// The tiles of outputs lie in `lines` of `per_line`. `addresses(line, tile, table)` fills in the input addresses
    /// of a tile, `pixels(line, tile, table)` where its outputs go. Squares are all in line 0.
    template <typename Addresses, typename Pixels>
    void run(std::int64_t lines, std::int64_t per_line, int inputs, int outputs, const PackedMatrices& weights,
             const Finish& finish, Workspace& work, const Addresses& addresses, const Pixels& pixels) const;

  private:
    // Floats between positions: equal places in a cache would push each other out.
    static constexpr std::int64_t kPadding = 16;

    const Kernels& kernels_;
    const Transform& transform_;
    int positions_, taps_;
};

template <typename Addresses, typename Pixels>
void TiledProducts::run(std::int64_t lines, std::int64_t per_line, int inputs, int outputs,
                        const PackedMatrices& weights, const Finish& finish, Workspace& work,
                        const Addresses& addresses, const Pixels& pixels) const {
    // A block is a run of tiles of outputs. Where products take several tiles of inputs, each line of a block has
    // taps - 1 more of them at its end.
    const bool square = taps_ == 1;
    const std::int64_t tiles = lines * per_line;
    const TileBlock block = tile_block(tiles, inputs, outputs, kernel_threads());
    const std::int64_t unit = square ? 1 : per_line;  // blocks of lines are whole lines
    const std::int64_t per_block = std::max(unit, block.tiles / unit * unit);
    const std::int64_t blocks = (tiles + per_block - 1) / per_block;
    const auto inputs_of = [&](std::int64_t count) {
        return square ? count : count / per_line * (per_line + taps_ - 1);
    };
    const std::int64_t in_position = inputs_of(per_block) * inputs + kPadding;
    const std::int64_t out_position = per_block * outputs + kPadding;

    const auto transform_in = [&](std::int64_t block_begin, std::int64_t begin, std::int64_t end, float* in,
                                  Scratch& scratch) {
        // `begin` and `end` count tiles of inputs within the block.
        scratch.addresses.resize(static_cast<std::size_t>((end - begin) * positions_));
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int64_t line = square ? 0 : t / (per_line + taps_ - 1);
            const std::int64_t at = square ? block_begin + t : t % (per_line + taps_ - 1);
            addresses(square ? 0 : block_begin / per_line + line, at,
                      scratch.addresses.data() + (t - begin) * positions_);
        }
        const TilesIn job{.pixels = scratch.addresses.data(),
                          .tiles = static_cast<int>(end - begin),
                          .channels = inputs,
                          .out = in + begin * inputs,
                          .tile_stride = inputs,
                          .position_stride = in_position};
        transform_.in(job);
    };
    const auto multiply = [&](std::int64_t position, std::int64_t count, const float* in, float* out,
                              Scratch& scratch) {
        const std::int64_t capacity = (count + kernels_.rows - 1) / kernels_.rows * kernels_.rows;
        scratch.addresses.resize(static_cast<std::size_t>(capacity * taps_));
        for (std::int64_t t = 0; t < capacity; ++t) {
            const std::int64_t tile = std::min(t, count - 1);
            const std::int64_t from = square ? tile : tile / per_line * (per_line + taps_ - 1) + tile % per_line;
            for (int tap = 0; tap < taps_; ++tap) {
                scratch.addresses[static_cast<std::size_t>(tap * capacity + t)] =
                    in + position * in_position + (from + tap) * inputs;
            }
        }
        kernels_.product({.rows = scratch.addresses.data(),
                          .row_capacity = capacity,
                          .count = static_cast<int>(count),
                          .taps = taps_,
                          .depth = inputs,
                          .packed = weights.matrix(position),
                          .packed_taps = taps_,
                          .channels = outputs},
                         {.out = out + position * out_position, .out_stride = outputs});
    };
    const auto transform_out = [&](std::int64_t block_begin, std::int64_t begin, std::int64_t end, const float* out,
                                   Scratch& scratch) {
        scratch.pixels.resize(static_cast<std::size_t>((end - begin) * transform_.outputs));
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int64_t tile = block_begin + t;
            pixels(square ? 0 : tile / per_line, square ? tile : tile % per_line,
                   scratch.pixels.data() + (t - begin) * transform_.outputs);
        }
        const TilesOut job{.sums = out + begin * outputs,
                           .tile_stride = outputs,
                           .position_stride = out_position,
                           .tiles = static_cast<int>(end - begin),
                           .channels = outputs,
                           .pixels = scratch.pixels.data()};
        transform_.out(job, finish);
    };

    const std::int64_t floats = positions_ * (in_position + out_position);
    if (!block.shared) {
        work.for_each(blocks, [&](std::int64_t i, Scratch& scratch) {
            const std::int64_t begin = i * per_block;
            const std::int64_t count = std::min(per_block, tiles - begin);
            float* const in = scratch.floats(floats);
            float* const out = in + positions_ * in_position;
            transform_in(begin, 0, inputs_of(count), in, scratch);
            for (std::int64_t position = 0; position < positions_; ++position) {
                multiply(position, count, in, out, scratch);
            }
            transform_out(begin, 0, count, out, scratch);
        });
        return;
    }
    // Threads share a block: each takes some tiles of the transforms and some positions of the products, so that the
    // weights, which are larger than any cache, are read once a block.
    float* const in = work.shared().floats(floats);
    float* const out = in + positions_ * in_position;
    constexpr std::int64_t kTilesAtOnce = 4;
    for (std::int64_t i = 0; i < blocks; ++i) {
        const std::int64_t begin = i * per_block;
        const std::int64_t count = std::min(per_block, tiles - begin);
        const std::int64_t in_count = inputs_of(count);
        work.for_each((in_count + kTilesAtOnce - 1) / kTilesAtOnce, [&](std::int64_t k, Scratch& scratch) {
            transform_in(begin, k * kTilesAtOnce, std::min((k + 1) * kTilesAtOnce, in_count), in, scratch);
        });
        work.for_each(positions_,
                      [&](std::int64_t position, Scratch& scratch) { multiply(position, count, in, out, scratch); });
        work.for_each((count + kTilesAtOnce - 1) / kTilesAtOnce, [&](std::int64_t k, Scratch& scratch) {
            transform_out(begin, k * kTilesAtOnce, std::min((k + 1) * kTilesAtOnce, count), out, scratch);
        });
    }
}

}  // namespace reverie::kernels
