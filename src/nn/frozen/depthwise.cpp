#include "nn/frozen/depthwise.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

// A thread takes so many rows and columns together: what their windows share stays in its caches.
constexpr std::int64_t kRows = 16;
constexpr std::int64_t kColumns = 64;

std::int64_t parts(std::int64_t n, std::int64_t each) { return (n + each - 1) / each; }

/// The places of an axis, every `step`-th from `first` on, that are in a range: their numbers.
Range places_in(Range range, std::int64_t first, std::int64_t step) {
    const auto from = [&](std::int64_t at) { return at <= first ? 0 : parts(at - first, step); };
    return {from(range.begin), from(range.end)};
}

/// The windows among `all` that see `cells` columns at every tap.
Range inner_windows(const Walk& walk, Range all, std::int64_t cells) {
    Range inner = all;
    for (const Walk::Tap& tap : walk.taps) {
        inner.begin = std::max(inner.begin, tap.dx >= 0 ? 0 : parts(-tap.dx, walk.source_step));
        inner.end = std::min(inner.end, cells <= tap.dx ? 0 : parts(cells - tap.dx, walk.source_step));
    }
    inner.begin = std::min(inner.begin, all.end);
    inner.end = std::max(inner.end, inner.begin);
    return inner;
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
        finish.bias = bias_.data_ptr<float>();
        sum({forward_walk(window_, {input.height, input.width}, {output.height, output.width})}, input, output,
            into(finish, output), work);
    }

    void backward(const Map& output, const Map& input, Finish finish, Workspace& work) override {
        sum(backward_walks(window_, {input.height, input.width}), output, input, into(finish, input), work);
    }

  private:
    void sum(std::vector<Walk> walks, const Map& from, const Map& to, const Finish& finish, Workspace& work) const {
        const DepthwiseRows windows(std::move(walks), taps_, kernels_);
        const std::int64_t across = parts(to.width, kColumns);
        const std::int64_t down = parts(to.height, kRows);
        work.for_each(to.batch * down * across, [&](std::int64_t item, Scratch&) {
            const std::int64_t image = item / across / down;
            const std::int64_t top = item / across % down * kRows;
            const std::int64_t left = item % across * kColumns;
            const Range columns{left, std::min(left + kColumns, to.width)};
            const HeldRows rows{.first = from.at(image * from.height * from.width),
                                .row_stride = from.width * from.stride,
                                .stride = from.stride,
                                .held = from.height,
                                .size = {from.height, from.width}};
            for (std::int64_t y = top; y < std::min(top + kRows, to.height); ++y) {
                windows.run(rows, y, columns, (image * to.height + y) * to.width, finish);
            }
        });
    }

    Window window_;
    const Kernels& kernels_;
    at::Tensor taps_, bias_;
};

}  // namespace

void DepthwiseRows::run(const HeldRows& from, std::int64_t y, Range columns, std::int64_t pixel,
                        const Finish& finish) const {
    std::vector<WindowRow::Tap> taps;
    for (const Walk& walk : walks_) {
        if (y >= walk.y0 && (y - walk.y0) % walk.step == 0) {
            run(walk, from, y, columns, pixel, finish, taps);
        }
    }
}

void DepthwiseRows::run(const Walk& walk, const HeldRows& from, std::int64_t y, Range columns, std::int64_t pixel,
                        const Finish& finish, std::vector<WindowRow::Tap>& taps) const {
    const std::int64_t source_y = walk.source_step * ((y - walk.y0) / walk.step);
    // Windows [first, end) together, which all see the same taps: those beyond the border are left out.
    const auto together = [&](std::int64_t first, std::int64_t end) {
        const std::int64_t source_x = walk.source_step * first;
        taps.clear();
        for (const Walk::Tap& tap : walk.taps) {
            const std::int64_t at_y = source_y + tap.dy;
            const std::int64_t at_x = source_x + tap.dx;
            if (at_y >= 0 && at_y < from.size.height && at_x >= 0 && at_x < from.size.width) {
                taps.push_back({from.at(at_y, at_x), weights_.data_ptr<float>() + tap.index * weights_.size(1)});
            }
        }
        kernels_.depthwise({.taps = taps.data(),
                            .tap_count = static_cast<int>(taps.size()),
                            .advance = walk.source_step * from.stride,
                            .count = static_cast<int>(end - first),
                            .channels = static_cast<int>(weights_.size(1)),
                            .pixel = pixel + walk.x0 + walk.step * first,
                            .pixel_step = walk.step},
                           finish);
    };
    const Range all = places_in(columns, walk.x0, walk.step);
    const Range inner = inner_windows(walk, all, from.size.width);
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

std::unique_ptr<Convolution> make_depthwise(const Node& node, const ReadWeights& read, const Kernels& kernels) {
    return std::make_unique<Depthwise>(node, read, kernels);
}

}  // namespace reverie::frozen
