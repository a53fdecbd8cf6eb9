#include "nn/frozen/depthwise.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/ceil_div.h"
#include "nn/frozen/row_windows.h"
#include "nn/frozen/walk.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

// A thread takes so many rows and columns together: what their windows share stays in its caches.
constexpr std::int64_t kRows = 16;
constexpr std::int64_t kColumns = 64;

/// The places of an axis, every `step`-th from `first` on, that are in a range: their numbers.
Range places_in(Range range, std::int64_t first, std::int64_t step) {
    const auto from = [&](std::int64_t at) { return at <= first ? 0 : ceil_div(at - first, step); };
    return {from(range.begin), from(range.end)};
}

/// The windows among `all` that see `cells` columns at every tap.
Range inner_windows(const Walk& walk, Range all, std::int64_t cells) {
    Range inner = all;
    for (const Walk::Tap& tap : walk.taps) {
        inner.begin = std::max(inner.begin, tap.dx >= 0 ? 0 : ceil_div(-tap.dx, walk.source_step));
        inner.end = std::min(inner.end, cells <= tap.dx ? 0 : ceil_div(cells - tap.dx, walk.source_step));
    }
    inner.begin = std::min(inner.begin, all.end);
    inner.end = std::max(inner.end, inner.begin);
    return inner;
}

/// What the walks' windows in `range` see of a source of `cells`: along the axis of `first`, the walk's first place on
/// it, and `offset`, a tap's.
Range seen(const std::vector<Walk>& walks, Range range, std::int64_t cells, std::int64_t Walk::*first,
           std::int64_t Walk::Tap::*offset) {
    Range whole{cells, 0};
    for (const Walk& walk : walks) {
        const Range places = places_in(range, walk.*first, walk.step);
        for (const Walk::Tap& tap : walk.taps) {
            if (places.count() > 0) {
                whole.begin = std::min(whole.begin, walk.source_step * places.begin + tap.*offset);
                whole.end = std::max(whole.end, walk.source_step * (places.end - 1) + tap.*offset + 1);
            }
        }
    }
    const Range there{std::max<std::int64_t>(whole.begin, 0), std::min(whole.end, cells)};
    return there.count() > 0 ? there : Range{};
}

class DepthwiseRows final : public RowWindows {
  public:
    /// `walks` share out the destination's cells. `weights` [cells of the window][channels]; `bias` may be null.
    DepthwiseRows(std::vector<Walk> walks, Size source, at::Tensor weights, const float* bias, const Kernels& kernels)
        : walks_(std::move(walks)), source_(source), weights_(std::move(weights)), bias_(bias), kernels_(kernels) {}

    int channels() const override { return static_cast<int>(weights_.size(1)); }
    Range rows_seen(Range rows) const override { return seen(walks_, rows, source_.height, &Walk::y0, &Walk::Tap::dy); }
    Range columns_seen(Range columns) const override {
        return seen(walks_, columns, source_.width, &Walk::x0, &Walk::Tap::dx);
    }
    void run(const HeldRows& from, std::int64_t y, Range columns, const Finish& finish, Scratch&) const override {
        Finish with_bias = finish;
        with_bias.bias = bias_;
        std::vector<WindowRow::Tap> taps;
        for (const Walk& walk : walks_) {
            if (y >= walk.y0 && (y - walk.y0) % walk.step == 0) {
                run(walk, from, y, columns, with_bias, taps);
            }
        }
    }

  private:
    void run(const Walk& walk, const HeldRows& from, std::int64_t y, Range columns, const Finish& finish,
             std::vector<WindowRow::Tap>& taps) const;

    std::vector<Walk> walks_;
    Size source_;
    at::Tensor weights_;
    const float* bias_;
    const Kernels& kernels_;
};

void DepthwiseRows::run(const Walk& walk, const HeldRows& from, std::int64_t y, Range columns, const Finish& finish,
                        std::vector<WindowRow::Tap>& taps) const {
    const std::int64_t source_y = walk.source_step * ((y - walk.y0) / walk.step);
    // Windows [first, end) together, which all see the same taps: those beyond the border are left out.
    const auto together = [&](std::int64_t first, std::int64_t end) {
        const std::int64_t source_x = walk.source_step * first;
        taps.clear();
        for (const Walk::Tap& tap : walk.taps) {
            const std::int64_t at_y = source_y + tap.dy;
            const std::int64_t at_x = source_x + tap.dx;
            if (at_y >= 0 && at_y < source_.height && at_x >= 0 && at_x < source_.width) {
                taps.push_back({from.at(at_y, at_x), weights_.data_ptr<float>() + tap.index * weights_.size(1)});
            }
        }
        kernels_.depthwise({.taps = taps.data(),
                            .tap_count = static_cast<int>(taps.size()),
                            .advance = walk.source_step * from.stride,
                            .count = static_cast<int>(end - first),
                            .channels = channels(),
                            .pixel = walk.x0 + walk.step * first - columns.begin,
                            .pixel_step = walk.step},
                           finish);
    };
    const Range all = places_in(columns, walk.x0, walk.step);
    const Range inner = inner_windows(walk, all, source_.width);
    for (std::int64_t window = all.begin; window < inner.begin; ++window) {
        together(window, window + 1);
    }
    if (inner.count() > 0) {
        together(inner.begin, inner.end);
    }
    for (std::int64_t window = inner.end; window < all.end; ++window) {
        together(window, window + 1);
    }
}

class Depthwise final : public Convolution {
  public:
    Depthwise(const Node& node, const ReadWeights& read, const Kernels& kernels)
        : window_(node.window), kernels_(kernels) {
        const NodeWeights weights = read();
        taps_ = weights.weight.flatten(1).t().contiguous();  // [K,1,h,w] -> [taps,K]
        bias_ = weights.bias;
    }

    void forward(const Map& input, const Map& output, Finish finish, Workspace& work) override {
        sum(*rows({input.height, input.width}, false), input, output, into(finish, output), work);
    }
    void backward(const Map& output, const Map& input, Finish finish, Workspace& work) override {
        sum(*rows({input.height, input.width}, true), output, input, into(finish, input), work);
    }
    std::unique_ptr<RowWindows> rows(Size input, bool back) override {
        const Size output = window_output(window_, input);
        if (back) {
            return std::make_unique<DepthwiseRows>(backward_walks(window_, input), output, taps_, nullptr, kernels_);
        }
        return std::make_unique<DepthwiseRows>(std::vector{forward_walk(window_, input, output)}, input, taps_,
                                               bias_.data_ptr<float>(), kernels_);
    }

  private:
    static void sum(const RowWindows& windows, const Map& from, const Map& to, const Finish& finish, Workspace& work) {
        const std::int64_t across = ceil_div(to.width, kColumns);
        const std::int64_t down = ceil_div(to.height, kRows);
        work.for_each(to.batch * down * across, [&](std::int64_t item, Scratch& scratch) {
            const std::int64_t image = item / across / down;
            const std::int64_t top = item / across % down * kRows;
            const std::int64_t left = item % across * kColumns;
            const HeldRows source = rows_of(from, image);
            for (std::int64_t y = top; y < std::min(top + kRows, to.height); ++y) {
                windows.run(source, y, {left, std::min(left + kColumns, to.width)},
                            from_pixel(finish, (image * to.height + y) * to.width + left), scratch);
            }
        });
    }

    Window window_;
    const Kernels& kernels_;
    at::Tensor taps_, bias_;
};

}  // namespace

std::unique_ptr<Convolution> make_depthwise(const Node& node, const ReadWeights& read, const Kernels& kernels) {
    return std::make_unique<Depthwise>(node, read, kernels);
}

}  // namespace reverie::frozen
