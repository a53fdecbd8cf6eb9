// A graph run in float64 by LibTorch's operators and autograd: what executors are measured against.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "nn/bind.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/nn/graph.h"
#include "reverie/weights/state_dict.h"

namespace reverie::test {

/// Weights are those the executors bind: float32, batch norm folded in. Where an engine is to be measured it is asked
/// which activations are flat and which maxima win: a unit within rounding of such an edge may fall on either side, and
/// of one such unit among thousands a gradient differs by percents. What differs then is arithmetic.
class Float64Net {
  public:
    Float64Net(const Graph& graph, const StateDict& weights, const Tensor& image, const std::vector<std::string>& taps,
               std::optional<Engine> measured = std::nullopt)
        : image_(image.to(at::kDouble).set_requires_grad(true)) {
        std::vector<int> wanted;
        for (const std::string& tap : taps) {
            wanted.push_back(find_tap(graph, tap));
        }
        const std::vector<bool> needed = needed_nodes(graph, wanted);
        if (measured) {
            decide(graph, weights, image, needed, *measured);
        }
        std::vector<Tensor> values(graph.nodes.size());
        for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
            if (needed[i]) {
                values[i] = run(graph, static_cast<int>(i), weights, values);
            }
        }
        for (std::size_t i = 0; i < taps.size(); ++i) {
            features_[taps[i]] = values[static_cast<std::size_t>(wanted[i])];
        }
    }

    Tensor feature(const std::string& tap) const { return features_.at(tap).detach(); }

    /// The image gradient of sum(feature * gradient) over the taps given.
    Tensor backward(const std::map<std::string, Tensor>& gradients) {
        image_.mutable_grad() = Tensor();
        Tensor sum;
        for (const auto& [tap, gradient] : gradients) {
            const Tensor part = (features_.at(tap) * gradient.to(at::kDouble)).sum();
            sum = sum.defined() ? sum + part : part;
        }
        sum.backward({}, /*retain_graph=*/true);
        return image_.grad().clone();
    }

  private:
    /// Keeps what the engine finds at every node where something is decided.
    void decide(const Graph& graph, const StateDict& weights, const Tensor& image, const std::vector<bool>& needed,
                Engine measured) {
        Graph named = graph;
        std::vector<std::string> names;
        for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
            const Node& node = graph.nodes[i];
            const bool maximum = node.op == Op::Pool && node.pooling == Pooling::Max;
            if (needed[i] && (node.op == Op::Activation || maximum)) {
                const int decisive = maximum ? node.inputs[0] : static_cast<int>(i);
                names.push_back("decisive " + std::to_string(decisive));
                named.name(names.back(), decisive);
            }
        }
        if (!names.empty()) {
            FrozenNet net(named, weights, c10::Device(c10::kCPU), measured);
            for (const auto& [name, found] : net.forward(image, names, false)) {
                decisions_[named.taps.at(name)] = found.contiguous();
            }
        }
    }

    Tensor activated(const Node& node, int index, const Tensor& x) const {
        if (decisions_.empty()) {
            return node.activation == Activation::Relu ? x.relu() : x.clamp(0, 6);
        }
        const Tensor& found = decisions_.at(index);
        const Tensor slope = node.activation == Activation::Relu ? found > 0 : (found > 0) & (found < 6);
        return at::where(slope, x, found.to(at::kDouble));
    }

    static Tensor row(const double (&values)[3]) {
        return at::tensor({values[0], values[1], values[2]}, at::kDouble).view({1, 3, 1, 1});
    }

    static Tensor padded(const Window& w, const Tensor& x) {
        if (w.padding == Padding::Replicate) {
            return at::replication_pad2d(x, {w.pad_w, w.pad_w, w.pad_h, w.pad_h});
        }
        if (w.padding == Padding::Zero) {
            return at::constant_pad_nd(x, {w.pad_w, w.pad_w, w.pad_h, w.pad_h});
        }
        const auto missing = [&](std::int64_t n, std::int64_t kernel) {
            return std::max<std::int64_t>(0, ((n + w.stride - 1) / w.stride - 1) * w.stride + kernel - n);
        };
        const std::int64_t rows = missing(x.size(2), w.kernel_h);
        const std::int64_t columns = missing(x.size(3), w.kernel_w);
        return at::constant_pad_nd(x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2});
    }

    Tensor pooled(const Node& node, const Tensor& x) const {
        const Window& w = node.window;
        const std::array<std::int64_t, 2> kernel = {w.kernel_h, w.kernel_w};
        const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
        const std::array<std::int64_t, 2> pad = {w.pad_h, w.pad_w};
        const auto average = [&](const Tensor& of) {
            return at::avg_pool2d(of, kernel, stride, pad, w.overhang, node.count_padding);
        };
        switch (node.pooling) {
            case Pooling::Max: {
                const Tensor& decisive = decisions_.empty() ? x : decisions_.at(node.inputs[0]);
                const Tensor which = std::get<1>(
                    at::max_pool2d_with_indices(decisive.detach(), kernel, stride, pad, {1, 1}, w.overhang));
                return x.flatten(2).gather(2, which.flatten(2)).view(which.sizes()) * node.gain;
            }
            case Pooling::Average:
                return average(x) * node.gain;
            case Pooling::L2:
                // A hair above zero: the root's slope there is infinite, and times zero that is no number.
                return (average(x.square()) + 1e-60).sqrt() * node.gain;
        }
        return {};
    }

    Tensor run(const Graph& graph, int index, const StateDict& weights, const std::vector<Tensor>& values) const {
        const Node& node = graph.nodes[static_cast<std::size_t>(index)];
        std::vector<Tensor> inputs;
        for (const int input : node.inputs) {
            inputs.push_back(values[static_cast<std::size_t>(input)]);
        }
        switch (node.op) {
            case Op::Input:
                return image_ * row(graph.normalization.scale) + row(graph.normalization.shift);
            case Op::Convolution: {
                const NodeWeights bound = bind_node(graph, index, weights);
                const std::array<std::int64_t, 2> stride = {node.window.stride, node.window.stride};
                return at::conv2d(padded(node.window, inputs[0]), bound.weight.to(at::kDouble),
                                  bound.bias.to(at::kDouble), stride, at::IntArrayRef({0, 0}), at::IntArrayRef({1, 1}),
                                  node.groups);
            }
            case Op::Activation:
                return activated(node, index, inputs[0]);
            case Op::Pool:
                return pooled(node, inputs[0]);
            case Op::Add:
                return inputs[0] + inputs[1];
            case Op::Concatenate:
                return at::cat(inputs, 1);
            case Op::Upsample:
                return at::upsample_bilinear2d(inputs[0], {2 * inputs[0].size(2), 2 * inputs[0].size(3)},
                                               /*align_corners=*/true);
            case Op::GlobalAverage:
                return inputs[0].mean({2, 3}, /*keepdim=*/true);
            case Op::Linear: {
                const NodeWeights bound = bind_node(graph, index, weights);
                return at::linear(inputs[0].flatten(1), bound.weight.to(at::kDouble), bound.bias.to(at::kDouble))
                    .unsqueeze(-1)
                    .unsqueeze(-1);
            }
        }
        return {};
    }

    Tensor image_;
    std::map<int, Tensor> decisions_;  // by node
    std::map<std::string, Tensor> features_;
};

}  // namespace reverie::test
