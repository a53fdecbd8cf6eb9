#include "nn/libtorch_executor.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <memory>
#include <mutex>
#include <utility>

#include "image/bilinear.h"
#include "nn/libtorch_memory.h"
#include "nn/libtorch_windows.h"

namespace reverie {
namespace {

using libtorch::SavedForBackward;

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

    std::shared_ptr<DeviceWeights> weights_;
    const Graph& graph_;
    at::MemoryFormat layout_;

    // of the last forward that was kept
    std::vector<SavedForBackward> saved_;
    std::vector<int> wanted_;
};

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
        SavedForBackward* saved = keep ? &saved_[i] : nullptr;
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
                values[i] = libtorch::convolve(node, weights_of(static_cast<int>(i)), x);
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
                values[i] = libtorch::pool(node, x, saved);
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
            case Op::Upsample:
                values[i] =
                    image::bilinear(x, {2 * x.size(2), 2 * x.size(3)}, image::Corners::Aligned).contiguous(layout_);
                break;
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
        const SavedForBackward saved = again ? saved_[i] : std::move(saved_[i]);  // else freed when this node is done
        switch (node.op) {
            case Op::Input:
                image_gradient = (gradient * weights_->scale()).contiguous();
                break;
            case Op::Convolution:
                give(node.inputs[0],
                     libtorch::convolve_back(node, weights_of(static_cast<int>(i)), gradient, saved.input_shape));
                break;
            case Op::Activation:
                give(node.inputs[0], node.activation == Activation::Relu
                                         ? at::threshold_backward(gradient, saved.output, 0)
                                         : at::hardtanh_backward(gradient, saved.output, 0, 6));
                break;
            case Op::Pool:
                give(node.inputs[0], libtorch::pool_back(node, gradient, saved));
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
            case Op::Upsample:
                give(node.inputs[0], image::bilinear_back(gradient, {saved.input_shape[2], saved.input_shape[3]},
                                                          image::Corners::Aligned)
                                         .contiguous(layout_));
                break;
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
