#include "nn/frozen_executor.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "nn/frozen/convolution.h"
#include "nn/frozen/plan.h"
#include "nn/frozen/pools.h"
#include "nn/frozen/workspace.h"

namespace reverie {
namespace {

using frozen::Convolution;
using frozen::Finish;
using frozen::Kernels;
using frozen::Map;
using frozen::Plan;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// The convolutions of a net, each made when it is first needed; any number of threads may use them at once.
class Convolutions {
  public:
    Convolutions(const Graph& graph, const StateDict& weights, const Kernels& kernels)
        : graph_(graph), weights_(weights), kernels_(kernels), made_(graph.nodes.size()) {}

    const Graph& graph() const { return graph_; }
    const Kernels& kernels() const { return kernels_; }
    Convolution& of(int node);

  private:
    const Graph& graph_;
    const StateDict& weights_;
    const Kernels& kernels_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Convolution>> made_;  // by node
};

Convolution& Convolutions::of(int node) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Convolution>& made = made_[index(node)];
    if (made == nullptr) {
        const auto read = [this, node] {
            NodeWeights bound = bind_node(graph_, node, weights_);
            if (bound.weight.dim() == 2) {
                bound.weight = bound.weight.unsqueeze(-1).unsqueeze(-1);  // Linear: of one cell
            }
            return bound;
        };
        const Node& of = graph_.nodes[index(node)];
        made = frozen::make_convolution(of, graph_.nodes[index(of.inputs[0])].channels, read, kernels_);
    }
    return *made;
}

class FrozenExecutor final : public Executor {
  public:
    explicit FrozenExecutor(std::shared_ptr<Convolutions> convolutions)
        : convolutions_(std::move(convolutions)), graph_(convolutions_->graph()), kernels_(convolutions_->kernels()) {}

    std::vector<Tensor> forward(const Tensor& image, const std::vector<int>& wanted, bool keep) override;
    Tensor backward(const std::vector<Tensor>& gradients, bool again) override;
    std::int64_t peak_bytes(Size image, const std::vector<int>& wanted) const override;
    std::int64_t weight_bytes(const std::vector<int>& wanted) const override;
    std::unique_ptr<Executor> sibling() const override { return std::make_unique<FrozenExecutor>(convolutions_); }

  private:
    const Node& node_of(const Plan::Step& step) const { return graph_.nodes[index(step.node)]; }
    std::int64_t inputs_of(const Node& node) const { return graph_.nodes[index(node.inputs[0])].channels; }
    Convolution& convolution(int node) { return convolutions_->of(node); }

    void take_plan(std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep);
    std::uint8_t* memory(int span) const { return arena_.data_ptr<std::uint8_t>() + plan_.spans[index(span)].offset; }
    const Plan::Storage& storage_of(int value) const {
        return plan_.storages[index(plan_.values[index(value)].storage)];
    }
    Map whole(const Plan::Storage& storage, float* data) const;
    /// A value's part of its storage's memory at `data`.
    Map view(int value, float* data) const;
    Map map_of(int value) const;
    Map gradient_of(int value) const {
        return view(value, reinterpret_cast<float*>(memory(storage_of(value).gradient)));
    }
    std::uint8_t* bits_of(int value) const;

    void run(const Plan::Step& step, const Tensor& image);
    void normalize(const Tensor& image, const Map& map);
    Tensor image_gradient(const Map& gradient) const;

    /// The gradient of a storage as the backward pass goes on.
    struct Pending {
        bool begun = false;             // its memory holds a sum
        const float* addend = nullptr;  // a map of the whole storage that is still to be added
        bool seed = false;              // the addend is the caller's
    };
    void seed(const std::vector<Tensor>& gradients);
    /// How the next contribution to a value's gradient ends up there.
    Finish contribution(int value);
    /// What has been said of an output so far, as a map; none: nothing.
    bool take_gradient(int value, Map& gradient);
    void run_back(const Plan::Step& step, const Map& gradient);
    void add_map(const Map& from, int value);

    std::shared_ptr<Convolutions> convolutions_;
    const Graph& graph_;
    const Kernels& kernels_;
    frozen::Workspace work_;

    // of the last forward
    Plan plan_;
    Tensor arena_;
    std::vector<Tensor> outputs_;  // by storage: those handed out
    std::vector<Pending> pending_;
    std::vector<Tensor> seeds_;
    bool kept_ = false;
};

void FrozenExecutor::take_plan(std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep) {
    const bool same = plan_.batch == batch && plan_.image == image && plan_.wanted == wanted && plan_.keep == keep &&
                      arena_.defined();
    if (!same) {
        plan_ = frozen::make_plan(graph_, batch, image, wanted, keep);
        if (!arena_.defined() || arena_.numel() < plan_.bytes) {
            arena_.reset();
            arena_ = at::empty({plan_.bytes}, at::kByte);
        }
    }
    outputs_.assign(plan_.storages.size(), {});
    for (std::size_t s = 0; s < plan_.storages.size(); ++s) {
        if (const Plan::Storage& storage = plan_.storages[s]; storage.handed_out) {
            outputs_[s] = at::empty({batch, storage.channels, storage.size.height, storage.size.width},
                                    at::TensorOptions(at::kFloat), kChannelsLast);
        }
    }
}

Map FrozenExecutor::whole(const Plan::Storage& storage, float* data) const {
    return {.data = data,
            .stride = storage.channels,
            .batch = plan_.batch,
            .height = storage.size.height,
            .width = storage.size.width,
            .channels = storage.channels};
}

Map FrozenExecutor::view(int value, float* data) const {
    const Plan::Value& of = plan_.values[index(value)];
    Map map = whole(storage_of(value), data + of.channel);
    map.channels = of.channels;
    return map;
}

Map FrozenExecutor::map_of(int value) const {
    const Plan::Storage& storage = storage_of(value);
    return view(value, storage.handed_out ? outputs_[index(plan_.values[index(value)].storage)].data_ptr<float>()
                                          : reinterpret_cast<float*>(memory(storage.map)));
}

std::uint8_t* FrozenExecutor::bits_of(int value) const {
    const Plan::Storage& storage = storage_of(value);
    return storage.has_bits ? memory(storage.bits) + plan_.values[index(value)].channel / 8 : nullptr;
}

void FrozenExecutor::normalize(const Tensor& image, const Map& map) {
    const Tensor given = image.contiguous();  // [N,3,H,W]
    const float* const pixels = given.data_ptr<float>();
    const std::int64_t plane = map.height * map.width;
    const Normalization& n = graph_.normalization;
    work_.for_each(map.batch * map.height, [&](std::int64_t row, frozen::Scratch&) {
        const std::int64_t first = row * map.width;
        const std::int64_t at = row / map.height * 3 * plane + row % map.height * map.width;
        for (int c = 0; c < 3; ++c) {
            const auto scale = static_cast<float>(n.scale[c]);
            const auto shift = static_cast<float>(n.shift[c]);
            for (std::int64_t x = 0; x < map.width; ++x) {
                map.at(first + x)[c] = pixels[at + c * plane + x] * scale + shift;
            }
        }
    });
}

Tensor FrozenExecutor::image_gradient(const Map& gradient) const {
    const Normalization& n = graph_.normalization;
    const Tensor scale = at::tensor({n.scale[0], n.scale[1], n.scale[2]}, at::kFloat).view({1, 3, 1, 1});
    return (frozen::tensor_of(gradient) * scale).contiguous();
}

void FrozenExecutor::run(const Plan::Step& step, const Tensor& image) {
    const Node& node = node_of(step);
    const Map output = map_of(step.output);
    Finish finish{.activation = step.activation,
                  .bits = bits_of(step.output),
                  .bits_stride = storage_of(step.output).channels / 8,
                  .out = output.data,
                  .out_stride = output.stride};
    if (step.other >= 0) {
        const Map other = map_of(step.other);
        finish.addend = other.data;
        finish.addend_stride = other.stride;
    }
    switch (node.op) {
        case Op::Input:
            normalize(image, output);
            break;
        case Op::Convolution:
        case Op::Linear:
            convolution(step.node).forward(map_of(step.input), output, finish, work_);
            break;
        case Op::Pool:
            frozen::pool(node, map_of(step.input), output, step.chosen >= 0 ? memory(step.chosen) : nullptr, finish,
                         kernels_, work_);
            break;
        case Op::GlobalAverage: {
            const Tensor mean = frozen::tensor_of(map_of(step.input)).mean({2, 3}).contiguous();  // [N,C]
            Map from = output;
            from.data = mean.data_ptr<float>();
            from.stride = output.channels;
            frozen::finish_map(from, output, finish, kernels_, work_);
            break;
        }
        case Op::Activation:
        case Op::Add:
        case Op::Concatenate:
            frozen::finish_map(map_of(step.input), output, finish, kernels_, work_);
            break;
    }
}

std::vector<Tensor> FrozenExecutor::forward(const Tensor& image, const std::vector<int>& wanted, bool keep) {
    const c10::NoGradGuard no_grad;
    take_plan(image.size(0), {image.size(2), image.size(3)}, wanted, keep);
    for (const Plan::Step& step : plan_.steps) {
        run(step, image);
    }
    std::vector<Tensor> found;
    for (const int node : wanted) {
        found.push_back(outputs_[index(plan_.values[index(plan_.value_of[index(node)])].storage)]);
    }
    kept_ = keep;
    // What a backward pass reads of outputs it must find here; nothing else holds on to them.
    const bool reads_outputs = keep && std::ranges::any_of(plan_.steps, [&](const Plan::Step& step) {
                                   return node_of(step).op == Op::Pool && node_of(step).pooling == Pooling::L2;
                               });
    if (!reads_outputs) {
        outputs_.clear();
    }
    return found;
}

void FrozenExecutor::seed(const std::vector<Tensor>& gradients) {
    pending_.assign(plan_.storages.size(), {});
    seeds_.clear();
    for (std::size_t s = 0; s < plan_.storages.size(); ++s) {
        if (plan_.storages[s].in_parts) {
            const Plan::Storage& storage = plan_.storages[s];
            std::fill_n(reinterpret_cast<float*>(memory(storage.gradient)),
                        plan_.batch * storage.size.height * storage.size.width * storage.channels, 0.0F);
            pending_[s].begun = true;
        }
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        if (!gradients[i].defined()) {
            continue;
        }
        const int value = plan_.value_of[index(plan_.wanted[i])];
        const Tensor& seed = seeds_.emplace_back(gradients[i].contiguous(kChannelsLast));
        Pending& pending = pending_[index(plan_.values[index(value)].storage)];
        if (pending.begun) {
            Map map = view(value, seed.data_ptr<float>());
            add_map(map, value);
        } else {
            pending.addend = seed.data_ptr<float>();
            pending.seed = true;
        }
    }
}

Finish FrozenExecutor::contribution(int value) {
    const Map gradient = gradient_of(value);
    Pending& pending = pending_[index(plan_.values[index(value)].storage)];
    Finish finish{.keep = bits_of(value),
                  .keep_stride = storage_of(value).channels / 8,
                  .out = gradient.data,
                  .out_stride = gradient.stride};
    if (pending.begun) {
        finish.addend = gradient.data;
        finish.addend_stride = gradient.stride;
    } else if (pending.addend != nullptr) {
        finish.addend = pending.addend;
        finish.addend_stride = gradient.stride;
    }
    pending = {.begun = true};
    return finish;
}

void FrozenExecutor::add_map(const Map& from, int value) {
    const Finish finish = contribution(value);
    frozen::finish_map(from, gradient_of(value), finish, kernels_, work_);
}

bool FrozenExecutor::take_gradient(int value, Map& gradient) {
    Pending& pending = pending_[index(plan_.values[index(value)].storage)];
    if (!pending.begun && pending.addend == nullptr) {
        return false;
    }
    if (!pending.begun) {
        float* const only = const_cast<float*>(pending.addend);  // only read
        if (pending.seed && bits_of(value) == nullptr) {
            gradient = view(value, only);
            return true;
        }
        // The whole storage at once: other values may be parts of it.
        const Plan::Storage& storage = storage_of(value);
        const Map from = whole(storage, only);
        const Map to = whole(storage, reinterpret_cast<float*>(memory(storage.gradient)));
        const Finish finish{.keep = storage.has_bits ? memory(storage.bits) : nullptr,
                            .keep_stride = storage.channels / 8};
        frozen::finish_map(from, to, finish, kernels_, work_);
        pending = {.begun = true};
    }
    gradient = gradient_of(value);
    return true;
}

void FrozenExecutor::run_back(const Plan::Step& step, const Map& gradient) {
    const Node& node = node_of(step);
    if (step.other >= 0) {
        // The other summand's gradient is this one's too: added when something else comes to it, or at the end.
        Pending& pending = pending_[index(plan_.values[index(step.other)].storage)];
        if (!pending.begun && pending.addend == nullptr && gradient.stride == storage_of(step.other).channels) {
            pending.addend = gradient.data;
        } else {
            add_map(gradient, step.other);
        }
    }
    switch (node.op) {
        case Op::Input:
            break;
        case Op::Convolution:
        case Op::Linear:
            convolution(step.node).backward(gradient, gradient_of(step.input), contribution(step.input), work_);
            break;
        case Op::Pool: {
            frozen::PoolMemory remembered;
            if (step.chosen >= 0) {
                remembered.chosen = memory(step.chosen);
            }
            if (node.pooling == Pooling::L2) {
                remembered.input = map_of(step.input);
                remembered.output = map_of(step.output);
            }
            frozen::pool_back(node, gradient, gradient_of(step.input), remembered, contribution(step.input), kernels_,
                              work_);
            break;
        }
        case Op::GlobalAverage: {
            const Map input = gradient_of(step.input);
            const Tensor share = (frozen::tensor_of(gradient) / static_cast<double>(input.height * input.width))
                                     .expand({input.batch, input.channels, input.height, input.width})
                                     .contiguous(kChannelsLast);
            Map spread = input;
            spread.data = share.data_ptr<float>();
            spread.stride = input.channels;
            add_map(spread, step.input);
            break;
        }
        case Op::Activation:
        case Op::Add:
        case Op::Concatenate:
            add_map(gradient, step.input);
            break;
    }
}

Tensor FrozenExecutor::backward(const std::vector<Tensor>& gradients, bool again) {
    const c10::NoGradGuard no_grad;
    if (!kept_) {
        return {};
    }
    seed(gradients);
    Tensor found;
    for (std::size_t k = plan_.steps.size(); k-- > 0;) {
        const Plan::Step& step = plan_.steps[k];
        Map gradient;
        if (!take_gradient(step.output, gradient)) {
            continue;
        }
        if (node_of(step).op == Op::Input) {
            found = image_gradient(gradient);
        } else {
            run_back(step, gradient);
        }
    }
    seeds_.clear();
    if (!again) {
        kept_ = false;
        outputs_.clear();
    }
    return found;
}

std::int64_t FrozenExecutor::peak_bytes(Size image, const std::vector<int>& wanted) const {
    const Plan plan = frozen::make_plan(graph_, 1, image, wanted, /*keep=*/true);
    const std::int64_t pixels = image.height * image.width * 3 * 4;
    std::int64_t bytes = plan.bytes + 2 * pixels;
    for (const Plan::Storage& storage : plan.storages) {
        if (storage.handed_out) {
            bytes += 2 * storage.size.height * storage.size.width * storage.channels * 4;  // and its gradient
        }
    }
    const std::vector<Size> sizes = sizes_of(graph_, image);
    std::int64_t scratch = 0;
    for (const Plan::Step& step : plan.steps) {
        const Node& node = node_of(step);
        if (node.op == Op::Convolution) {
            scratch = std::max(scratch, frozen::scratch_bytes(node, inputs_of(node), sizes[index(step.node)]));
        }
    }
    return bytes + scratch;
}

std::int64_t FrozenExecutor::weight_bytes(const std::vector<int>& wanted) const {
    const std::vector<bool> needed = needed_nodes(graph_, wanted);
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
        const Node& node = graph_.nodes[i];
        if (needed[i] && (node.op == Op::Convolution || node.op == Op::Linear)) {
            bytes += frozen::packed_bytes(node, inputs_of(node), kernels_);
        }
    }
    return bytes;
}

}  // namespace

std::unique_ptr<Executor> make_frozen_executor(const Graph& graph, const StateDict& weights, const Kernels& kernels) {
    return std::make_unique<FrozenExecutor>(std::make_shared<Convolutions>(graph, weights, kernels));
}

}  // namespace reverie
