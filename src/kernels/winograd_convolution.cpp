#include "kernels/winograd_convolution.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/winograd_tiles.h"

namespace reverie::kernels {
namespace {

// Tiles whose products are finished together: their sums stay in a core's cache.
constexpr std::int64_t kTilesAtOnce = 96;
// Inputs whose weights are turned together.
constexpr std::int64_t kTurned = 64;

/// A panel of columns of transformed weights.
struct Panel {
    std::int64_t phase, column, columns;
    std::int64_t step;             ///< floats of a row
    std::int64_t position_stride;  ///< of the weights [position][depth][step]
};

/// One direction: maps come in by transforms, are multiplied with a panel of weights, and go out by the transforms of
/// the other map.
class Direction {
  public:
    Direction(const Scheme& scheme, const Map& large, const Map& small, const float* weights, const Kernels& kernels)
        : scheme_(scheme),
          tiles_(scheme, large, small),
          inputs_(large.channels),
          outputs_(small.channels),
          weights_(weights),
          kernels_(kernels) {}

    /// Tiles that stay with one thread, in order.
    virtual std::int64_t unit() const = 0;
    virtual std::int64_t depth() const = 0;
    virtual std::int64_t panels() const = 0;
    virtual Panel panel(std::int64_t index) const = 0;
    virtual WayIn way_in(const Layout& layout) const = 0;
    virtual void addresses(std::int64_t tile, const float** table) const = 0;
    /// The panel's weights transformed. `turned`: floats for kTurned rows of each tap.
    virtual void pack(const Panel& panel, float* packed, float* turned) const = 0;
    /// Sums of `count` tiles from `first` on to the map: sums[position][tile][step].
    virtual void out(const Panel& panel, std::int64_t first, std::int64_t count, const float* sums,
                     std::int64_t position_stride, Scratch& scratch) const = 0;

    void run(Workspace& work) const;

  protected:
    ~Direction() = default;

    Panel columns_of(std::int64_t phase, std::int64_t index, std::int64_t all) const {
        const std::int64_t column = index * kernels_.panel;
        const std::int64_t columns = std::min<std::int64_t>(kernels_.panel, all - column);
        const std::int64_t step = step_of(kernels_, columns);
        return {phase, column, columns, step, depth() * step + kPadding};
    }

    const Scheme& scheme_;
    const Tiles tiles_;
    const std::int64_t inputs_, outputs_;
    const float* const weights_;
    const Kernels& kernels_;

  private:
    std::int64_t packed_floats() const { return scheme_.positions * (depth() * kernels_.panel + kPadding); }
    std::int64_t turned_floats() const { return scheme_.taps / scheme_.phases * kTurned * kernels_.panel; }
    std::int64_t sums_stride(const Panel& panel) const { return kTilesAtOnce * panel.step + kPadding; }
    std::int64_t sums_floats() const { return scheme_.positions * (kTilesAtOnce * kernels_.panel + kPadding); }

    void by_panels(Workspace& work) const;
    void by_blocks(Workspace& work) const;
    void multiply(const Panel& panel, const float* packed, const float* in, const Layout& layout, std::int64_t begin,
                  std::int64_t end, bool far, float* sums) const;
};

/// sums[position][tile - begin][step] of tiles [begin, end). `far`: they are not near the core.
void Direction::multiply(const Panel& panel, const float* packed, const float* in, const Layout& layout,
                         std::int64_t begin, std::int64_t end, bool far, float* sums) const {
    kernels_.tile_products({.in = in + begin * layout.tile_stride,
                            .tile_stride = layout.tile_stride,
                            .in_position = layout.position_stride,
                            .tiles = static_cast<int>(end - begin),
                            .depth = static_cast<int>(depth()),
                            .positions = static_cast<int>(scheme_.positions),
                            .packed = packed,
                            .packed_position = panel.position_stride,
                            .step = static_cast<int>(panel.step),
                            .sums = sums,
                            .sums_position = sums_stride(panel),
                            .fetch = far});
}

/// Many weights: threads share transformed tiles, and each takes panels through all of them.
void Direction::by_panels(Workspace& work) const {
    constexpr std::int64_t kTasksPerThread = 2;
    const std::int64_t most = kTransformed / (4 * scheme_.positions * (depth() + kPadding));
    const std::int64_t at_once = run_length(tiles_.count(), most, unit());
    const Layout layout = Layout::rows(depth(), at_once);
    float* const in = work.shared().floats(scheme_.positions * layout.position_stride);
    for (std::int64_t first = 0; first < tiles_.count(); first += at_once) {
        const std::int64_t count = std::min(at_once, tiles_.count() - first);
        transform_in(way_in(layout), first, count, in, work,
                     [&](std::int64_t tile, const float** table) { addresses(tile, table); });
        // Panels and pieces of tiles together are enough for the threads; which piece a tile is in changes none of its
        // sums.
        const std::int64_t threads = kernel_threads();
        const std::int64_t wanted = threads == 1 ? 1 : ceil_div(kTasksPerThread * threads, panels());
        const std::int64_t pieces = std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, count / unit()));
        const std::int64_t per_piece = ceil_div(count / unit(), pieces) * unit();
        work.for_each(panels() * pieces, [&](std::int64_t item, Scratch& scratch) {
            const std::int64_t stop = std::min((item % pieces + 1) * per_piece, count);
            std::int64_t begin = item % pieces * per_piece;
            if (begin >= stop) {
                return;
            }
            const Panel columns = panel(item / pieces);
            float* const packed = scratch.floats(packed_floats() + sums_floats() + turned_floats());
            float* const sums = packed + packed_floats();
            pack(columns, packed, sums + sums_floats());
            for (; begin < stop; begin += kTilesAtOnce) {
                const std::int64_t end = std::min(begin + kTilesAtOnce, stop);
                multiply(columns, packed, in, layout, begin, end, /*far=*/true, sums);
                out(columns, first + begin, end - begin, sums, sums_stride(columns), scratch);
            }
        });
    }
}

/// Few weights: all of them and a block of tiles stay near the core, and each thread takes blocks of its own.
void Direction::by_blocks(Workspace& work) const {
    float* const packed = work.shared().floats(panels() * packed_floats());
    work.for_each(panels(), [&](std::int64_t index, Scratch& scratch) {
        pack(panel(index), packed + index * packed_floats(), scratch.floats(turned_floats()));
    });
    // As many tiles at a time as stay near, and enough pieces for the threads; which piece a tile is in changes none of
    // its sums.
    constexpr std::int64_t kTasksPerThread = 2;
    const std::int64_t near = kNearTiles / (4 * scheme_.positions * depth());
    const std::int64_t most = std::clamp<std::int64_t>(near, 4 * kernels_.rows, kTilesAtOnce);
    const std::int64_t units = tiles_.count() / unit();
    const std::int64_t items =
        std::max(ceil_div(tiles_.count(), most), std::min(units, kTasksPerThread * kernel_threads()));
    const std::int64_t per_item = ceil_div(units, std::min(units, items)) * unit();
    const std::int64_t at_once = ceil_div(per_item, ceil_div(per_item, most));
    const Layout layout = Layout::rows(depth(), at_once);
    const std::int64_t in_floats = scheme_.positions * layout.position_stride;
    work.for_each(ceil_div(tiles_.count(), per_item), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t stop = std::min((item + 1) * per_item, tiles_.count());
        float* const in = scratch.floats(in_floats + sums_floats());
        float* const sums = in + in_floats;
        for (std::int64_t first = item * per_item; first < stop; first += at_once) {
            const std::int64_t count = std::min(at_once, stop - first);
            transform_in(way_in(layout), first, 0, count, in, scratch,
                         [&](std::int64_t tile, const float** table) { addresses(tile, table); });
            for (std::int64_t index = 0; index < panels(); ++index) {
                const Panel columns = panel(index);
                multiply(columns, packed + index * packed_floats(), in, layout, 0, count, /*far=*/false, sums);
                out(columns, first, count, sums, sums_stride(columns), scratch);
            }
        }
    });
}

void Direction::run(Workspace& work) const {
    const std::int64_t weights = 4 * scheme_.positions * scheme_.phases * inputs_ * outputs_;
    weights <= kNearWeights ? by_blocks(work) : by_panels(work);
}

class Convolution final : public Direction {
  public:
    Convolution(const Scheme& scheme, const Map& large, const float* weights, const Map& small, const Finish& finish,
                const Kernels& kernels, Workspace& work)
        : Direction(scheme, large, small, weights, kernels),
          bordered_(large, false, work.zeros(large.channels)),
          finish_(into(finish, small)) {}

    std::int64_t unit() const override { return 1; }
    std::int64_t depth() const override { return scheme_.phases * inputs_; }
    std::int64_t panels() const override { return ceil_div(outputs_, kernels_.panel); }
    Panel panel(std::int64_t index) const override { return columns_of(0, index, outputs_); }
    WayIn way_in(const Layout& layout) const override {
        return {scheme_.kernels.inputs_in, scheme_.phases, scheme_.side, static_cast<int>(inputs_), layout, inputs_};
    }
    void addresses(std::int64_t tile, const float** table) const override {
        tiles_.large_addresses(bordered_, tile, table);
    }

    /// Rows (phase, input), columns the outputs. They lie by input, so they are turned, a few inputs at a time, near
    /// the core.
    void pack(const Panel& panel, float* packed, float* turned) const override {
        const std::int64_t window = scheme_.taps * inputs_;
        for (std::int64_t begin = 0; begin < inputs_; begin += kTurned) {
            const std::int64_t count = std::min(kTurned, inputs_ - begin);
            for (std::int64_t phase = 0; phase < scheme_.phases; ++phase) {
                WeightTiles job = scheme_.taps_of(phase, inputs_);
                for (std::int64_t i = 0; i < scheme_.taps / scheme_.phases; ++i) {
                    kernels_.turn(weights_ + panel.column * window + job.taps[i] + begin, window,
                                  static_cast<int>(panel.columns), static_cast<int>(count),
                                  turned + i * kTurned * panel.step, panel.step);
                    job.taps[i] = i * kTurned * panel.step;
                }
                job.row_stride = panel.step;
                job.rows = static_cast<int>(count);
                job.columns = static_cast<int>(panel.columns);
                job.transformed_row = panel.step;
                job.position_stride = panel.position_stride;
                scheme_.kernels.weights_in(job, turned, packed + (phase * inputs_ + begin) * panel.step);
            }
        }
    }

    void out(const Panel& panel, std::int64_t first, std::int64_t count, const float* sums,
             std::int64_t position_stride, Scratch& scratch) const override {
        scratch.pixels.resize(static_cast<std::size_t>(count * kStep * kStep));
        for (std::int64_t t = 0; t < count; ++t) {
            tiles_.small_pixels(first + t, scratch.pixels.data() + t * kStep * kStep);
        }
        scheme_.kernels.outputs_out({.sums = sums,
                                     .tile_stride = panel.step,
                                     .position_stride = position_stride,
                                     .tiles = static_cast<int>(count),
                                     .channels = static_cast<int>(panel.columns),
                                     .pixels = scratch.pixels.data()},
                                    from_channel(finish_, panel.column));
    }

  private:
    BorderedMap bordered_;
    Finish finish_;
};

class Spreading final : public Direction {
  public:
    Spreading(const Scheme& scheme, const Map& small, const float* weights, const Map& large, const float* bias,
              const Kernels& kernels, Workspace& work)
        : Direction(scheme, large, small, weights, kernels),
          bordered_(small, false, work.zeros(small.channels)),
          large_(large),
          bias_(bias) {}

    /// Tiles overlap, so an image's stay with one thread.
    std::int64_t unit() const override { return tiles_.per_image(); }
    std::int64_t depth() const override { return outputs_; }
    std::int64_t panels() const override { return scheme_.phases * ceil_div(inputs_, kernels_.panel); }
    Panel panel(std::int64_t index) const override {
        return columns_of(index % scheme_.phases, index / scheme_.phases, inputs_);
    }
    WayIn way_in(const Layout& layout) const override {
        return {scheme_.kernels.outputs_in, 1, kStep, static_cast<int>(outputs_), layout, 0};
    }
    void addresses(std::int64_t tile, const float** table) const override {
        tiles_.small_addresses(bordered_, tile, table);
    }

    void pack(const Panel& panel, float* packed, float* /*turned*/) const override {
        WeightTiles job = scheme_.taps_of(panel.phase, inputs_);
        job.row_stride = scheme_.taps * inputs_;
        job.rows = static_cast<int>(outputs_);
        job.columns = static_cast<int>(panel.columns);
        job.transformed_row = panel.step;
        job.position_stride = panel.position_stride;
        scheme_.kernels.weights_in(job, weights_ + panel.column, packed);
    }

    void out(const Panel& panel, std::int64_t first, std::int64_t count, const float* sums,
             std::int64_t position_stride, Scratch& scratch) const override {
        scratch.pixels.resize(static_cast<std::size_t>(count * scheme_.positions));
        for (std::int64_t t = 0; t < count; ++t) {
            tiles_.large_pixels(first + t, panel.phase, scratch.pixels.data() + t * scheme_.positions);
        }
        scheme_.kernels.inputs_out({.sums = sums,
                                    .tile_stride = panel.step,
                                    .position_stride = position_stride,
                                    .tiles = static_cast<int>(count),
                                    .channels = static_cast<int>(panel.columns),
                                    .pixels = scratch.pixels.data()},
                                   {.bias = bias_ == nullptr ? nullptr : bias_ + panel.column,
                                    .out = large_.data + panel.column,
                                    .out_stride = large_.stride});
    }

  private:
    BorderedMap bordered_;
    const Map& large_;
    const float* bias_;
};

}  // namespace

void convolve_tiles(WinogradWindow window, const Map& large, const float* weights, const Map& small,
                    const Finish& finish, const Kernels& kernels, Workspace& work) {
    const Scheme scheme = Scheme::of(window, kernels);
    Convolution(scheme, large, weights, small, finish, kernels, work).run(work);
}

void spread_tiles(WinogradWindow window, const Map& small, const float* weights, const Map& large, const float* bias,
                  const Kernels& kernels, Workspace& work) {
    const Scheme scheme = Scheme::of(window, kernels);
    Spreading(scheme, small, weights, large, bias, kernels, work).run(work);
}

}  // namespace reverie::kernels
