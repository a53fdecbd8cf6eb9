#include "techniques/dream/dream_objective.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "reverie/core/random.h"

namespace reverie {
namespace {

constexpr double kTiny = 1e-12;

/// Indices before..n+after of a line of n pixels continued by mirroring without repeating the edge, however far.
Tensor mirrored(std::int64_t n, std::int64_t before, std::int64_t after, c10::Device device) {
    const std::int64_t period = std::max<std::int64_t>(2 * (n - 1), 1);
    const Tensor i = at::arange(-before, n + after, at::TensorOptions(at::kLong).device(device)).remainder(period);
    return at::where(i >= n, period - i, i);
}

}  // namespace

Size dream_canvas(Size picture, const DreamOptions& options) {
    const std::int64_t around = 2 * (options.margin + options.jitter);
    return {picture.height + around, picture.width + around};
}

DreamObjective::DreamObjective(FrozenNet& net, const DreamOptions& options, const DreamView& view)
    : net_(net), options_(options), view_(view), taps_(taps_of(options.layers)) {}

DreamObjective::Shift DreamObjective::shift_of(std::int64_t step) const {
    const auto draw = [&](std::uint64_t axis) {
        return random_integer(options_.seed, view_.octave, static_cast<std::uint64_t>(step) * 4 + axis,
                              -options_.jitter, options_.jitter);
    };
    const std::int64_t middle = options_.margin + options_.jitter;
    return {middle + draw(0), middle + draw(1)};
}

Tensor DreamObjective::value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) {
    const Size size = size_of(image);
    const Shift shift = shift_of(step);
    const std::int64_t around = 2 * (options_.margin + options_.jitter);
    // Rows and columns at once: columns alone are gathered pixel by pixel with a long stride between them.
    const Tensor rows = mirrored(size.height, shift.top, around - shift.top, image.device());
    const Tensor columns = mirrored(size.width, shift.left, around - shift.left, image.device());
    const Tensor canvas = at::index(image, {std::nullopt, rows.unsqueeze(1), columns});

    const bool first = factors_.empty();
    if (first && options_.channel_balance > 0.0) {
        balance_channels(canvas);
    }
    Tensor value;
    std::vector<Tensor> gradients = canvas_gradients(canvas, step, first, value);
    // What the mirror images would like to change is not asked for.
    const auto own = [&](const Tensor& g) {
        return g.narrow(1, shift.top, size.height).narrow(2, shift.left, size.width);
    };
    if (!first) {
        gradient = own(gradients.front());
        return value;
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        const Tensor factor = options_.layers[i].weight / (root_mean_square(gradients[i]) + kTiny);
        factors_.push_back(factor);
        const Tensor part = own(gradients[i]).mul_(factor);
        gradient = gradient.defined() ? gradient.add_(part) : part;
    }
    return value;
}

/// Weighs every channel by the inverse of its mean square relative to the layer's, as the octave begins.
void DreamObjective::balance_channels(const Tensor& canvas) {
    std::vector<Tensor> squares(taps_.size());
    for_each_tile(canvas, 0, [&](const Tile& tile) {
        const Features features = net_.forward(tile.patch, taps_, /*keep_for_backward=*/false);
        for (std::size_t i = 0; i < taps_.size(); ++i) {
            const Tensor part = features.at(taps_[i]).square().mean({0, 2, 3}, /*keepdim=*/true) * tile.share;
            squares[i] = squares[i].defined() ? squares[i] + part : part;
        }
    });
    for (const Tensor& square : squares) {
        channels_.push_back(1.0 / (square / (square.mean() + kTiny) + options_.channel_balance));
    }
}

std::vector<Tensor> DreamObjective::canvas_gradients(const Tensor& canvas, std::int64_t step, bool apart,
                                                     Tensor& value) {
    value = at::zeros({}, canvas.options());
    if (view_.tile == 0) {
        return patch_gradients(canvas, apart, 1.0, value);
    }
    std::vector<Tensor> gradients(apart ? taps_.size() : 1);
    for (Tensor& gradient : gradients) {
        gradient = at::zeros_like(canvas);
    }
    for_each_tile(canvas, step, [&](const Tile& tile) {
        const std::vector<Tensor> parts = patch_gradients(tile.patch, apart, tile.share, value);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const auto own = [&](const Tensor& t, std::int64_t y0, std::int64_t x0) {
                return t.narrow(1, tile.rows.own_begin - y0, tile.rows.own_end - tile.rows.own_begin)
                    .narrow(2, tile.columns.own_begin - x0, tile.columns.own_end - tile.columns.own_begin);
            };
            own(gradients[i], 0, 0).copy_(own(parts[i], tile.rows.begin, tile.columns.begin));
        }
    });
    return gradients;
}

void DreamObjective::for_each_tile(const Tensor& canvas, std::int64_t step,
                                   const std::function<void(const Tile&)>& visit) const {
    const Size size = size_of(canvas);
    if (view_.tile == 0) {
        visit({canvas, 1.0, {0, size.height, 0, size.height}, {0, size.width, 0, size.width}});
        return;
    }
    // The grid starts before the canvas by a new random part of a tile.
    const auto draw = [&](std::uint64_t axis) {
        return random_integer(options_.seed, view_.octave, static_cast<std::uint64_t>(step) * 4 + 2 + axis, 0,
                              view_.tile - 1);
    };
    // All patches have one size, so that memory and the convolutions' plans are used again from tile to tile.
    const auto span = [&](std::int64_t at, std::int64_t side) {
        const std::int64_t own_begin = std::max<std::int64_t>(at, 0);
        const std::int64_t own_end = std::min(at + view_.tile, side);
        const std::int64_t patch = std::min(view_.tile + 2 * kTileHalo, side);
        const std::int64_t begin = std::clamp<std::int64_t>(own_begin - kTileHalo, 0, side - patch);
        return Span{begin, begin + patch, own_begin, own_end};
    };
    const std::int64_t from_x = -draw(1);
    for (std::int64_t y = -draw(0); y < size.height; y += view_.tile) {
        for (std::int64_t x = from_x; x < size.width; x += view_.tile) {
            const Span rows = span(y, size.height);
            const Span columns = span(x, size.width);
            const Tensor patch = canvas.narrow(1, rows.begin, rows.end - rows.begin)
                                     .narrow(2, columns.begin, columns.end - columns.begin)
                                     .contiguous();
            // Means are over the whole canvas: a patch counts by its share of the pixels.
            const double share =
                static_cast<double>(patch.size(1) * patch.size(2)) / static_cast<double>(size.height * size.width);
            visit({patch, share, rows, columns});
        }
    }
}

std::vector<Tensor> DreamObjective::patch_gradients(const Tensor& patch, bool apart, double share, Tensor& value) {
    const Features features = net_.forward(patch, taps_);
    Features seeds;
    std::vector<Tensor> gradients;
    for (std::size_t i = 0; i < taps_.size(); ++i) {
        const Tensor& feature = features.at(taps_[i]);
        const Tensor counted = channels_.empty() ? feature : feature * channels_[i];
        value.sub_((counted * feature).mean() * (share * options_.layers[i].weight));
        // minus the derivative of the mean square
        const Tensor seed = counted * (-2.0 * share / static_cast<double>(feature.numel()));
        if (apart) {
            gradients.push_back(net_.backward({{taps_[i], seed}}, /*again=*/i + 1 < taps_.size()));
        } else {
            seeds[taps_[i]] = seed * factors_[i];
        }
    }
    if (!apart) {
        gradients.push_back(net_.backward(seeds));
    }
    return gradients;
}

}  // namespace reverie
