#include "nn/frozen_executor.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "kernels/workspace.h"
#include "nn/frozen/convolution.h"
#include "nn/frozen/gradient_sums.h"
#include "nn/frozen/plan.h"
#include "nn/frozen/planned_maps.h"
#include "nn/frozen/pools.h"
#include "nn/frozen/row_chain.h"
#include "nn/frozen/upsample.h"

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

    void run(const Plan::Step& step, const Tensor& image);
    template <typename Visit>
    void for_each_row(const Map& map, const Visit& visit);
    void normalize(const Tensor& image, const Map& map);
    Tensor image_gradient(const Map& gradient);

    void run_back(const Plan::Step& step, const Map& gradient);
    /// The chain of a step, with `last` for what it ends in.
    void run_chain(const Plan::Step& step, const Map& from, const Map& to, const Finish& last);
    void run_chain_back(const Plan::Step& step, const Map& gradient, const Map& to, const Finish& last);

    std::shared_ptr<Convolutions> convolutions_;
    const Graph& graph_;
    const Kernels& kernels_;
    frozen::Workspace work_;

    frozen::PlannedMaps maps_{graph_};
    frozen::GradientSums gradients_{maps_, kernels_, work_};
    bool kept_ = false;  // the last forward's maps
};

/// visit(first pixel of the map's row, its place in a contiguous [N,3,H,W], channel) for each row and channel.
template <typename Visit>
void FrozenExecutor::for_each_row(const Map& map, const Visit& visit) {
    const std::int64_t plane = map.height * map.width;
    work_.for_each(map.batch * map.height, [&](std::int64_t row, frozen::Scratch&) {
        const std::int64_t at = row / map.height * 3 * plane + row % map.height * map.width;
        for (int c = 0; c < 3; ++c) {
            visit(row * map.width, at + c * plane, c);
        }
    });
}

void FrozenExecutor::normalize(const Tensor& image, const Map& map) {
    const Tensor given = image.contiguous();  // [N,3,H,W]
    const float* const pixels = given.data_ptr<float>();
    for_each_row(map, [&](std::int64_t first, std::int64_t at, int c) {
        const auto scale = static_cast<float>(graph_.normalization.scale[c]);
        const auto shift = static_cast<float>(graph_.normalization.shift[c]);
        for (std::int64_t x = 0; x < map.width; ++x) {
            map.at(first + x)[c] = pixels[at + x] * scale + shift;
        }
    });
}

Tensor FrozenExecutor::image_gradient(const Map& map) {
    Tensor gradient = at::empty({map.batch, 3, map.height, map.width}, at::TensorOptions(at::kFloat));
    float* const pixels = gradient.data_ptr<float>();
    for_each_row(map, [&](std::int64_t first, std::int64_t at, int c) {
        const auto scale = static_cast<float>(graph_.normalization.scale[c]);
        for (std::int64_t x = 0; x < map.width; ++x) {
            pixels[at + x] = map.at(first + x)[c] * scale;
        }
    });
    return gradient;
}

void FrozenExecutor::run(const Plan::Step& step, const Tensor& image) {
    const Node& node = node_of(step);
    const Map output = maps_.map_of(step.output);
    Finish finish{.activation = step.activation,
                  .bits = maps_.bits_of(step.output),
                  .bits_stride = maps_.storage_of(step.output).channels / 8,
                  .out = output.data,
                  .out_stride = output.stride};
    if (step.other >= 0) {
        const Map other = maps_.map_of(step.other);
        finish.addend = other.data;
        finish.addend_stride = other.stride;
    }
    if (!step.links.empty()) {
        run_chain(step, maps_.map_of(step.input), output, finish);
        return;
    }
    switch (node.op) {
        case Op::Input:
            normalize(image, output);
            break;
        case Op::Convolution:
        case Op::Linear:
            convolution(step.node).forward(maps_.map_of(step.input), output, finish, work_);
            break;
        case Op::Pool:
            frozen::pool(node, maps_.pool_windows(step.node), maps_.map_of(step.input), output,
                         step.chosen >= 0 ? maps_.memory(step.chosen) : nullptr, finish, kernels_, work_);
            break;
        case Op::Upsample:
            frozen::upsample(maps_.map_of(step.input), output, finish, kernels_, work_);
            break;
        case Op::GlobalAverage: {
            const Tensor mean = frozen::tensor_of(maps_.map_of(step.input)).mean({2, 3}).contiguous();  // [N,C]
            Map from = output;
            from.data = mean.data_ptr<float>();
            from.stride = output.channels;
            frozen::finish_map(from, output, finish, kernels_, work_);
            break;
        }
        case Op::Activation:
        case Op::Add:
        case Op::Concatenate:
            frozen::finish_map(maps_.map_of(step.input), output, finish, kernels_, work_);
            break;
    }
}

std::vector<Tensor> FrozenExecutor::forward(const Tensor& image, const std::vector<int>& wanted, bool keep) {
    const c10::NoGradGuard no_grad;
    maps_.prepare(image.size(0), {image.size(2), image.size(3)}, wanted, keep);
    for (const Plan::Step& step : maps_.plan().steps) {
        run(step, image);
    }
    std::vector<Tensor> found;
    for (const int node : wanted) {
        found.push_back(maps_.output_of(node));
    }
    kept_ = keep;
    // What a backward pass reads of outputs it must find here; nothing else holds on to them.
    const bool reads_outputs = keep && std::ranges::any_of(maps_.plan().steps, [&](const Plan::Step& step) {
                                   return node_of(step).op == Op::Pool && node_of(step).pooling == Pooling::L2;
                               });
    if (!reads_outputs) {
        maps_.release_outputs();
    }
    return found;
}

void FrozenExecutor::run_back(const Plan::Step& step, const Map& gradient) {
    const Node& node = node_of(step);
    if (step.other >= 0) {
        gradients_.add_later(gradient, step.other);  // the other summand's gradient is this one's too
    }
    if (!step.links.empty()) {
        run_chain_back(step, gradient, maps_.gradient_of(step.input), gradients_.contribution(step.input));
        return;
    }
    switch (node.op) {
        case Op::Input:
            break;
        case Op::Convolution:
        case Op::Linear:
            convolution(step.node).backward(gradient, maps_.gradient_of(step.input),
                                            gradients_.contribution(step.input), work_);
            break;
        case Op::Pool: {
            frozen::PoolMemory remembered;
            if (step.chosen >= 0) {
                remembered.chosen = maps_.memory(step.chosen);
            }
            if (node.pooling == Pooling::L2) {
                remembered.input = maps_.map_of(step.input);
                remembered.output = maps_.map_of(step.output);
            }
            frozen::pool_back(node, maps_.pool_windows(step.node), gradient, maps_.gradient_of(step.input), remembered,
                              gradients_.contribution(step.input), kernels_, work_);
            break;
        }
        case Op::Upsample:
            frozen::upsample_back(gradient, maps_.gradient_of(step.input), gradients_.contribution(step.input),
                                  kernels_, work_);
            break;
        case Op::GlobalAverage: {
            const Map input = maps_.gradient_of(step.input);
            const Tensor share = (frozen::tensor_of(gradient) / static_cast<double>(input.height * input.width))
                                     .expand({input.batch, input.channels, input.height, input.width})
                                     .contiguous(kChannelsLast);
            Map spread = input;
            spread.data = share.data_ptr<float>();
            spread.stride = input.channels;
            gradients_.add(spread, step.input);
            break;
        }
        case Op::Activation:
        case Op::Add:
        case Op::Concatenate:
            gradients_.add(gradient, step.input);
            break;
    }
}

void FrozenExecutor::run_chain(const Plan::Step& step, const Map& from, const Map& to, const Finish& last) {
    std::vector<frozen::RowStage> stages;
    Size size{from.height, from.width};
    for (const Plan::Link& link : step.links) {
        const Plan::Storage& storage = maps_.storage_of(link.output);
        stages.push_back({.windows = convolution(link.node).rows(size, false),
                          .size = storage.size,
                          .finish = {.activation = link.activation,
                                     .bits = maps_.bits_of(link.output),
                                     .bits_stride = storage.channels / 8}});
        size = storage.size;
    }
    stages.push_back({convolution(step.node).rows(size, false), {to.height, to.width}, last});
    frozen::run_chain(stages, from, work_);
}

void FrozenExecutor::run_chain_back(const Plan::Step& step, const Map& gradient, const Map& to, const Finish& last) {
    std::vector<frozen::RowStage> stages;
    int node = step.node;
    for (std::size_t k = step.links.size(); k-- > 0;) {
        const Plan::Link& link = step.links[k];
        const Plan::Storage& storage = maps_.storage_of(link.output);
        stages.push_back({.windows = convolution(node).rows(storage.size, true),
                          .size = storage.size,
                          .finish = {.keep = maps_.bits_of(link.output), .keep_stride = storage.channels / 8}});
        node = link.node;
    }
    const Size size{to.height, to.width};
    stages.push_back({convolution(node).rows(size, true), size, last});
    frozen::run_chain(stages, gradient, work_);
}

Tensor FrozenExecutor::backward(const std::vector<Tensor>& gradients, bool again) {
    const c10::NoGradGuard no_grad;
    if (!kept_) {
        return {};
    }
    gradients_.seed(gradients);
    Tensor found;
    const std::vector<Plan::Step>& steps = maps_.plan().steps;
    for (std::size_t k = steps.size(); k-- > 0;) {
        const Plan::Step& step = steps[k];
        Map gradient;
        if (!gradients_.take(step.output, gradient)) {
            continue;
        }
        if (node_of(step).op == Op::Input) {
            found = image_gradient(gradient);
        } else {
            run_back(step, gradient);
        }
    }
    gradients_.release();
    if (!again) {
        kept_ = false;
        maps_.release_outputs();
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
