#include "nn/libtorch_executor.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <array>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

#include "nn/libtorch_memory.h"
#include "nn/window_geometry.h"

namespace reverie {
namespace {

using at::IntArrayRef;

/// What the backward pass needs of one node.
struct Saved {
    Tensor output;   // Activation; Pool by L2
    Tensor input;    // Pool by L2
    Tensor indices;  // Pool by maximum
    std::vector<std::int64_t> input_shape;
};

/// A tensor of which only the shape and layout will be read.
Tensor shape_only(IntArrayRef shape, const Tensor& like) {
    return at::empty(shape, like.options(), like.suggest_memory_format());
}

/// A net's weights on their device, each read when it is first needed; executors on any number of threads share them.
class DeviceWeights {
  public:
    DeviceWeights(const Graph& graph, const StateDict& weights, c10::Device device, at::MemoryFormat layout)
        : graph_(graph), weights_(weights), device_(device), layout_(layout), bound_(graph.nodes.size()) {
        const auto row = [&](const double(&values)[3]) {
            return at::tensor({values[0], values[1], values[2]}, at::kFloat).view({1, 3, 1, 1}).to(device_);
        };
        scale_ = row(graph.normalization.scale);
        shift_ = row(graph.normalization.shift);
    }

    const Graph& graph() const { return graph_; }
    at::MemoryFormat layout() const { return layout_; }
    const Tensor& scale() const { return scale_; }
    const Tensor& shift() const { return shift_; }
    const NodeWeights& of(int node);

  private:
    const Graph& graph_;
    const StateDict& weights_;
    c10::Device device_;
    at::MemoryFormat layout_;
    Tensor scale_, shift_;
    std::mutex mutex_;
    std::vector<NodeWeights> bound_;  // by node
};

const NodeWeights& DeviceWeights::of(int node) {
    const std::lock_guard lock(mutex_);
    NodeWeights& bound = bound_[static_cast<std::size_t>(node)];
    if (!bound.weight.defined()) {
        NodeWeights read = bind_node(graph_, node, weights_);
        read.weight = read.weight.to(device_);
        read.bias = read.bias.to(device_);
        if (read.weight.dim() == 4) {
            read.weight = read.weight.contiguous(layout_);
        }
        bound = std::move(read);
    }
    return bound;
}

class LibtorchExecutor final : public Executor {
  public:
    explicit LibtorchExecutor(std::shared_ptr<DeviceWeights> weights)
        : weights_(std::move(weights)), graph_(weights_->graph()), layout_(weights_->layout()) {}

    std::vector<Tensor> forward(const Tensor& image, const std::vector<int>& wanted, bool keep) override;
    Tensor backward(const std::vector<Tensor>& gradients, bool again) override;
    std::int64_t peak_bytes(Size image, const std::vector<int>& wanted) const override {
        return libtorch_peak_bytes(graph_, image, wanted);
    }
    std::int64_t weight_bytes(const std::vector<int>& wanted) const override {
        return libtorch_weight_bytes(graph_, wanted);
    }
    std::unique_ptr<Executor> sibling() const override { return std::make_unique<LibtorchExecutor>(weights_); }

  private:
    const NodeWeights& weights_of(int node) const { return weights_->of(node); }
    Tensor convolve(int node, const Tensor& x);
    Tensor convolve_back(int node, const Tensor& gradient, IntArrayRef shape);
    Tensor pool(const Node& node, const Tensor& x, Saved* saved);
    static Tensor pool_back(const Node& node, const Tensor& gradient, const Saved& saved);

    std::shared_ptr<DeviceWeights> weights_;
    const Graph& graph_;
    at::MemoryFormat layout_;

    // of the last forward that was kept
    std::vector<Saved> saved_;
    std::vector<int> wanted_;
};

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

Tensor LibtorchExecutor::convolve(int index, const Tensor& x) {
    const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
    const Window& w = node.window;
    const NodeWeights& bound = weights_of(index);
    const Margins margins = window_margins(w, {x.size(2), x.size(3)});
    const bool outside = needs_explicit_padding(w, margins);
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {outside ? 0 : margins.top, outside ? 0 : margins.left};
    return at::conv2d(outside ? pad_explicitly(w, margins, x) : x, bound.weight, bound.bias, stride, pad, {1, 1},
                      node.groups);
}

Tensor LibtorchExecutor::convolve_back(int index, const Tensor& gradient, IntArrayRef shape) {
    const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
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
    Tensor back = at::conv_transpose2d(gradient, weights_of(index).weight, {}, stride, pad, rest, node.groups, {1, 1});
    if (!outside) {
        return back;
    }
    if (w.padding == Padding::Replicate) {
        return replicate_back(std::move(back), m);
    }
    return back.narrow(2, m.top, shape[2]).narrow(3, m.left, shape[3]);
}

Tensor LibtorchExecutor::pool(const Node& node, const Tensor& x, Saved* saved) {
    const Window& w = node.window;
    const std::array<std::int64_t, 2> kernel = {w.kernel_h, w.kernel_w};
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {w.pad_h, w.pad_w};
    Tensor y;
    switch (node.pooling) {
        case Pooling::Max:
            if (saved != nullptr) {
                std::tie(y, saved->indices) = at::max_pool2d_with_indices(x, kernel, stride, pad);
            } else {
                y = at::max_pool2d(x, kernel, stride, pad);
            }
            break;
        case Pooling::Average:
            y = at::avg_pool2d(x, kernel, stride, pad, false, node.count_padding);
            break;
        case Pooling::L2:
            y = at::avg_pool2d(x.square(), kernel, stride, pad, false, node.count_padding).sqrt_();
            if (saved != nullptr) {
                saved->input = x;
                saved->output = y;
            }
            break;
    }
    return node.gain == 1.0 ? y : y * node.gain;
}

Tensor LibtorchExecutor::pool_back(const Node& node, const Tensor& output_gradient, const Saved& saved) {
    const Window& w = node.window;
    const std::array<std::int64_t, 2> kernel = {w.kernel_h, w.kernel_w};
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {w.pad_h, w.pad_w};
    const Tensor gradient = node.gain == 1.0 ? output_gradient : output_gradient * node.gain;
    const auto average_back = [&](const Tensor& g) {
        return at::avg_pool2d_backward(g, shape_only(saved.input_shape, g), kernel, stride, pad, false,
                                       node.count_padding, std::nullopt);
    };
    switch (node.pooling) {
        case Pooling::Max:
            return at::max_pool2d_with_indices_backward(gradient, shape_only(saved.input_shape, gradient), kernel,
                                                        stride, pad, {1, 1}, false, saved.indices);
        case Pooling::Average:
            return average_back(gradient);
        case Pooling::L2:
            // d sqrt(mean x^2) = x / (n sqrt(mean x^2)); where all is zero so is the gradient
            return average_back((gradient / saved.output).masked_fill_(saved.output == 0, 0)) * saved.input;
    }
    return {};
}

std::vector<Tensor> LibtorchExecutor::forward(const Tensor& image, const std::vector<int>& wanted, bool keep) {
    const c10::NoGradGuard no_grad;
    const std::vector<bool> needed = needed_nodes(graph_, wanted);
    saved_.assign(keep ? graph_.nodes.size() : 0, {});
    wanted_ = keep ? wanted : std::vector<int>{};

    std::vector<int> users(graph_.nodes.size(), 0);
    for (const int node : wanted) {
        ++users[static_cast<std::size_t>(node)];
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
        if (needed[i]) {
            for (const int input : graph_.nodes[i].inputs) {
                ++users[static_cast<std::size_t>(input)];
            }
        }
    }

    std::vector<Tensor> values(graph_.nodes.size());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
        if (!needed[i]) {
            continue;
        }
        const Node& node = graph_.nodes[i];
        Saved* saved = keep ? &saved_[i] : nullptr;
        // Takes an input; when this node is its last user the tensor moves here and may be written over.
        const auto take = [&](std::size_t k, bool& last_user) {
            const auto input = static_cast<std::size_t>(node.inputs[k]);
            last_user = --users[input] == 0;
            return last_user ? std::move(values[input]) : values[input];
        };
        bool owned = false;
        Tensor x = node.inputs.empty() ? Tensor() : take(0, owned);
        if (saved != nullptr && x.defined()) {
            saved->input_shape = x.sizes().vec();
        }
        switch (node.op) {
            case Op::Input:
                values[i] = (image * weights_->scale() + weights_->shift()).contiguous(layout_);
                break;
            case Op::Convolution:
                values[i] = convolve(static_cast<int>(i), x);
                break;
            case Op::Activation: {
                // Only a convolution's output is surely not kept for the backward pass of its own node.
                const bool in_place =
                    owned && graph_.nodes[static_cast<std::size_t>(node.inputs[0])].op == Op::Convolution;
                const Tensor y = in_place ? x : x.clone();
                values[i] = node.activation == Activation::Relu ? y.relu_() : y.clamp_(0, 6);
                if (saved != nullptr) {
                    saved->output = values[i];
                }
                break;
            }
            case Op::Pool:
                values[i] = pool(node, x, saved);
                break;
            case Op::Add: {
                const Tensor y = take(1, owned);
                values[i] = x + y;
                break;
            }
            case Op::Concatenate: {
                std::vector<Tensor> parts = {x};
                for (std::size_t k = 1; k < node.inputs.size(); ++k) {
                    parts.push_back(take(k, owned));
                }
                values[i] = at::cat(parts, 1);
                break;
            }
            case Op::GlobalAverage:
                values[i] = x.mean({2, 3}, /*keepdim=*/true);
                break;
            case Op::Linear: {
                const NodeWeights& bound = weights_of(static_cast<int>(i));
                values[i] = at::linear(x.flatten(1), bound.weight, bound.bias).unsqueeze(-1).unsqueeze(-1);
                break;
            }
        }
    }
    std::vector<Tensor> outputs;
    for (const int node : wanted) {
        outputs.push_back(values[static_cast<std::size_t>(node)]);
    }
    return outputs;
}

Tensor LibtorchExecutor::backward(const std::vector<Tensor>& gradients, bool again) {
    const c10::NoGradGuard no_grad;
    std::vector<Tensor> pending(graph_.nodes.size());
    const auto give = [&](int node, const Tensor& gradient) {
        Tensor& sum = pending[static_cast<std::size_t>(node)];
        sum = sum.defined() ? sum + gradient : gradient;
    };
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        if (gradients[i].defined()) {
            give(wanted_[i], gradients[i].contiguous(layout_));
        }
    }
    Tensor image_gradient;
    for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
        const Tensor gradient = std::move(pending[i]);
        if (!gradient.defined()) {
            continue;
        }
        const Node& node = graph_.nodes[i];
        const Saved saved = again ? saved_[i] : std::move(saved_[i]);  // else freed when this node is done
        switch (node.op) {
            case Op::Input:
                image_gradient = (gradient * weights_->scale()).contiguous();
                break;
            case Op::Convolution:
                give(node.inputs[0], convolve_back(static_cast<int>(i), gradient, saved.input_shape));
                break;
            case Op::Activation:
                give(node.inputs[0], node.activation == Activation::Relu
                                         ? at::threshold_backward(gradient, saved.output, 0)
                                         : at::hardtanh_backward(gradient, saved.output, 0, 6));
                break;
            case Op::Pool:
                give(node.inputs[0], pool_back(node, gradient, saved));
                break;
            case Op::Add:
                give(node.inputs[0], gradient);
                give(node.inputs[1], gradient);
                break;
            case Op::Concatenate: {
                std::int64_t from = 0;
                for (const int input : node.inputs) {
                    const std::int64_t channels = graph_.nodes[static_cast<std::size_t>(input)].channels;
                    give(input, gradient.narrow(1, from, channels).contiguous(layout_));
                    from += channels;
                }
                break;
            }
            case Op::GlobalAverage: {
                const auto cells = static_cast<double>(saved.input_shape[2] * saved.input_shape[3]);
                give(node.inputs[0], (gradient / cells).expand(saved.input_shape).contiguous(layout_));
                break;
            }
            case Op::Linear:
                give(node.inputs[0],
                     at::mm(gradient.flatten(1), weights_of(static_cast<int>(i)).weight).unsqueeze(-1).unsqueeze(-1));
                break;
        }
    }
    if (!again) {
        saved_.clear();
        wanted_.clear();
    }
    return image_gradient;
}

}  // namespace

std::unique_ptr<Executor> make_libtorch_executor(const Graph& graph, const StateDict& weights, c10::Device device,
                                                 at::MemoryFormat layout) {
    return std::make_unique<LibtorchExecutor>(std::make_shared<DeviceWeights>(graph, weights, device, layout));
}

}  // namespace reverie
