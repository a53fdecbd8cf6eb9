#include "nn/libtorch_windows.h"

#include <ATen/ATen.h>

#include <array>
#include <tuple>
#include <utility>

#include "nn/window_geometry.h"

namespace reverie::libtorch {
namespace {

/// A tensor of which only the shape and layout will be read.
Tensor shape_only(at::IntArrayRef shape, const Tensor& like) {
    return at::empty(shape, like.options(), like.suggest_memory_format());
}

/// The border's values repeated outwards; keeps the layout, which replication_pad2d and its backward do not.
Tensor replicate(const Tensor& x, const Margins& m) {
    Tensor padded = at::empty({x.size(0), x.size(1), x.size(2) + m.top + m.bottom, x.size(3) + m.left + m.right},
                              x.options(), x.suggest_memory_format());
    const Tensor rows = padded.narrow(2, m.top, x.size(2));
    rows.narrow(3, m.left, x.size(3)).copy_(x);
    rows.narrow(3, 0, m.left).copy_(x.narrow(3, 0, 1).expand({-1, -1, -1, m.left}));
    rows.narrow(3, m.left + x.size(3), m.right).copy_(x.narrow(3, x.size(3) - 1, 1).expand({-1, -1, -1, m.right}));
    padded.narrow(2, 0, m.top).copy_(rows.narrow(2, 0, 1).expand({-1, -1, m.top, -1}));
    padded.narrow(2, m.top + x.size(2), m.bottom)
        .copy_(rows.narrow(2, x.size(2) - 1, 1).expand({-1, -1, m.bottom, -1}));
    return padded;
}

/// The border's gradients gathered where they came from. Writes over `gradient` of the padded map.
Tensor replicate_back(Tensor gradient, const Margins& m) {
    const at::MemoryFormat layout = gradient.suggest_memory_format();
    using Axis = std::array<std::int64_t, 3>;
    for (const auto& [axis, before, after] : {Axis{2, m.top, m.bottom}, Axis{3, m.left, m.right}}) {
        const std::int64_t side = gradient.size(axis) - before - after;
        gradient.narrow(axis, before, 1).add_(gradient.narrow(axis, 0, before).sum(axis, /*keepdim=*/true));
        gradient.narrow(axis, before + side - 1, 1)
            .add_(gradient.narrow(axis, before + side, after).sum(axis, /*keepdim=*/true));
        gradient = gradient.narrow(axis, before, side);
    }
    return gradient.contiguous(layout);
}

/// Pads with what the window wants beyond the border; the part that a convolution can do itself is left to it.
Tensor pad_explicitly(const Window& window, const Margins& m, const Tensor& x) {
    const std::array<std::int64_t, 4> widths = {m.left, m.right, m.top, m.bottom};
    return window.padding == Padding::Replicate ? replicate(x, m) : at::constant_pad_nd(x, widths);
}

bool needs_explicit_padding(const Window& window, const Margins& margins) {
    return window.padding == Padding::Replicate || !margins.symmetric();
}

}  // namespace

Tensor convolve(const Node& node, const NodeWeights& bound, const Tensor& x) {
    const Window& w = node.window;
    const Margins margins = window_margins(w, {x.size(2), x.size(3)});
    const bool outside = needs_explicit_padding(w, margins);
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {outside ? 0 : margins.top, outside ? 0 : margins.left};
    return at::conv2d(outside ? pad_explicitly(w, margins, x) : x, bound.weight, bound.bias, stride, pad, {1, 1},
                      node.groups);
}

Tensor convolve_back(const Node& node, const NodeWeights& bound, const Tensor& gradient, at::IntArrayRef shape) {
    const Window& w = node.window;
    const Margins m = window_margins(w, {shape[2], shape[3]});
    const bool outside = needs_explicit_padding(w, m);
    const std::int64_t pad_h = outside ? 0 : m.top;
    const std::int64_t pad_w = outside ? 0 : m.left;
    const std::int64_t rows = shape[2] + (outside ? m.top + m.bottom : 0);
    const std::int64_t columns = shape[3] + (outside ? m.left + m.right : 0);
    // The transposed convolution is the product wanted, and unlike convolution_backward does not ask for the input. Its
    // output padding stands for the rows and columns that no window reached.
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {pad_h, pad_w};
    const std::array<std::int64_t, 2> rest = {rows - ((gradient.size(2) - 1) * w.stride - 2 * pad_h + w.kernel_h),
                                              columns - ((gradient.size(3) - 1) * w.stride - 2 * pad_w + w.kernel_w)};
    Tensor back = at::conv_transpose2d(gradient, bound.weight, {}, stride, pad, rest, node.groups, {1, 1});
    if (!outside) {
        return back;
    }
    if (w.padding == Padding::Replicate) {
        return replicate_back(std::move(back), m);
    }
    return back.narrow(2, m.top, shape[2]).narrow(3, m.left, shape[3]);
}

Tensor pool(const Node& node, const Tensor& x, SavedForBackward* saved) {
    const Window& w = node.window;
    const std::array<std::int64_t, 2> kernel = {w.kernel_h, w.kernel_w};
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {w.pad_h, w.pad_w};
    Tensor y;
    switch (node.pooling) {
        case Pooling::Max:
            if (saved != nullptr) {
                std::tie(y, saved->indices) = at::max_pool2d_with_indices(x, kernel, stride, pad, {1, 1}, w.overhang);
            } else {
                y = at::max_pool2d(x, kernel, stride, pad, {1, 1}, w.overhang);
            }
            break;
        case Pooling::Average:
            y = at::avg_pool2d(x, kernel, stride, pad, w.overhang, node.count_padding);
            break;
        case Pooling::L2:
            y = at::avg_pool2d(x.square(), kernel, stride, pad, w.overhang, node.count_padding).sqrt_();
            if (saved != nullptr) {
                saved->input = x;
                saved->output = y;
            }
            break;
    }
    return node.gain == 1.0 ? y : y * node.gain;
}

Tensor pool_back(const Node& node, const Tensor& output_gradient, const SavedForBackward& saved) {
    const Window& w = node.window;
    const std::array<std::int64_t, 2> kernel = {w.kernel_h, w.kernel_w};
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {w.pad_h, w.pad_w};
    const Tensor gradient = node.gain == 1.0 ? output_gradient : output_gradient * node.gain;
    const auto average_back = [&](const Tensor& g) {
        return at::avg_pool2d_backward(g, shape_only(saved.input_shape, g), kernel, stride, pad, w.overhang,
                                       node.count_padding, std::nullopt);
    };
    switch (node.pooling) {
        case Pooling::Max:
            return at::max_pool2d_with_indices_backward(gradient, shape_only(saved.input_shape, gradient), kernel,
                                                        stride, pad, {1, 1}, w.overhang, saved.indices);
        case Pooling::Average:
            return average_back(gradient);
        case Pooling::L2:
            // d sqrt(mean x^2) = x / (n sqrt(mean x^2)); where all is zero so is the gradient
            return average_back((gradient / saved.output).masked_fill_(saved.output == 0, 0)) * saved.input;
    }
    return {};
}

}  // namespace reverie::libtorch
