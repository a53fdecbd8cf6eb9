#include "reverie/nn/frozen_net.h"
#include "nn/taps.h"

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <utility>

#include "kernels/kernel_choice.h"
#include "nn/bind.h"
#include "nn/frozen/plan.h"
#include "nn/frozen_executor.h"
#include "nn/libtorch_executor.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/weights/store.h"

namespace reverie {

/// A node whose output the last forward gave.
struct ForwardOutput {
    int node = 0;
    std::vector<std::int64_t> shape;
};

/// Inside a region of mixed precision too, frozen nets compute in float32.
using NoAutocast = c10::impl::ExcludeDispatchKeyGuard;

struct FrozenNet::State {
    std::shared_ptr<const Graph> graph;
    std::shared_ptr<const StateDict> weights;
    c10::Device device;
    Engine engine;
    std::unique_ptr<Executor> executor = nullptr;
    std::vector<int> lacking = {};  ///< nodes at the end that the weights do not hold

    // of the last forward
    std::vector<ForwardOutput> outputs = {};
    bool kept = false;
    bool batched = true;

    /// The nodes that the names mean, each once, in the order they are first named.
    std::vector<int> nodes(const std::vector<std::string>& taps) const {
        std::vector<int> found;
        for (const std::string& tap : taps) {
            if (const int node = find_tap(*graph, tap); std::ranges::find(found, node) == found.end()) {
                require_weights(*graph, node, tap, lacking, *weights);
                found.push_back(node);
            }
        }
        return found;
    }

    void check_image(const Tensor& image, const std::vector<std::string>& taps, const std::vector<int>& wanted) const;
    std::vector<Tensor> gradients_by_node(const Features& gradients) const;
};

void FrozenNet::State::check_image(const Tensor& image, const std::vector<std::string>& taps,
                                   const std::vector<int>& wanted) const {
    require_images(image, "the image for " + graph->architecture);
    if (image.device() != device) {
        throw Error(ErrorKind::Usage, "the image for " + graph->architecture + " is " + tensor_text(image) +
                                          " and the net is on " + device.str() + "; move it there first");
    }
    const Size size = size_of(image);
    const std::vector<Size> sizes = sizes_of(*graph, size);
    for (const std::string& tap : taps) {
        const Size cells = sizes[static_cast<std::size_t>(find_tap(*graph, tap))];
        if (cells.height <= 0 || cells.width <= 0) {
            throw Error(ErrorKind::Input, "an image of " + text_of(size) + " pixels is too small for layer '" + tap +
                                              "' of " + graph->architecture + ", which needs " +
                                              std::to_string(reverie::min_side(*graph, wanted)) +
                                              " on each side; take a larger one or a shallower layer");
        }
    }
}

/// The gradients in the order of the last forward's nodes: those of one node under several names add up.
std::vector<Tensor> FrozenNet::State::gradients_by_node(const Features& gradients) const {
    std::vector<Tensor> ordered(outputs.size());
    for (const auto& [name, gradient] : gradients) {
        const auto found = std::ranges::find(outputs, find_tap(*graph, name), &ForwardOutput::node);
        if (found == outputs.end()) {
            throw Error(ErrorKind::Usage, "there is a gradient for layer '" + name + "' of " + graph->architecture +
                                              ", which the last forward was not asked for; wanted its layers only");
        }
        if (!gradient.defined() || !gradient.is_floating_point() || gradient.sizes() != found->shape ||
            gradient.device() != device) {
            throw Error(ErrorKind::Usage, "the gradient for layer '" + name + "' is " + tensor_text(gradient) +
                                              "; wanted " + shape_text(at::IntArrayRef(found->shape)) + " on " +
                                              device.str() + ", as the feature is");
        }
        Tensor& sum = ordered[static_cast<std::size_t>(found - outputs.begin())];
        sum = sum.defined() ? sum + gradient.to(at::kFloat) : gradient.to(at::kFloat);
    }
    return ordered;
}

FrozenNet::FrozenNet(Graph graph, StateDict weights, c10::Device device, Engine engine)
    : state_(new State{.graph = std::make_shared<const Graph>(std::move(graph)),
                       .weights = std::make_shared<const StateDict>(std::move(weights)),
                       .device = device,
                       .engine = engine}) {
    const Graph& of = *state_->graph;
    state_->weights = std::make_shared<const StateDict>(arrays_of(of, *state_->weights));
    state_->lacking = check_weights(of, *state_->weights);
    const bool fit = device.is_cpu() && frozen::can_run(of);
    if (engine == Engine::Frozen && !fit) {
        throw Error(ErrorKind::Usage,
                    "{--engine} frozen runs on the CPU, and replicates borders around 3x3 windows only; "
                    "take {--engine} auto or libtorch for " +
                        architecture() + " on " + device.str());
    }
    if (engine == Engine::Auto) {
        state_->engine = fit ? Engine::Frozen : Engine::Libtorch;
    }
    state_->executor = state_->engine == Engine::Frozen
                           ? make_frozen_executor(of, *state_->weights, kernels::best_kernels())
                           : make_libtorch_executor(of, *state_->weights, device);
}

FrozenNet::FrozenNet(std::unique_ptr<State> state) : state_(std::move(state)) {}

FrozenNet FrozenNet::sibling() const {
    return FrozenNet(std::unique_ptr<State>(new State{.graph = state_->graph,
                                                      .weights = state_->weights,
                                                      .device = state_->device,
                                                      .engine = state_->engine,
                                                      .executor = state_->executor->sibling(),
                                                      .lacking = state_->lacking}));
}

FrozenNet::~FrozenNet() = default;
FrozenNet::FrozenNet(FrozenNet&&) noexcept = default;
FrozenNet& FrozenNet::operator=(FrozenNet&&) noexcept = default;

Features FrozenNet::forward(const Tensor& image, const std::vector<std::string>& taps, bool keep_for_backward) {
    State& state = *state_;
    state.kept = false;
    state.outputs.clear();
    const std::vector<int> nodes = state.nodes(taps);
    state.check_image(image, taps, nodes);
    const NoAutocast float32(c10::autocast_dispatch_keyset);
    state.batched = image.dim() == 4;
    const std::vector<Tensor> tensors =
        state.executor->forward(state.batched ? image : image.unsqueeze(0), nodes, keep_for_backward);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        state.outputs.push_back({nodes[i], tensors[i].sizes().vec()});
    }
    state.kept = keep_for_backward;
    Features features;
    for (const std::string& tap : taps) {
        const auto at = std::ranges::find(nodes, find_tap(*state.graph, tap));
        features[tap] = tensors[static_cast<std::size_t>(at - nodes.begin())];
    }
    return features;
}

Tensor FrozenNet::backward(const Features& gradients, bool again) {
    State& state = *state_;
    if (!state.kept) {
        throw Error(ErrorKind::Usage, "backward of " + architecture() +
                                          " was called without a forward that keeps for it; call forward with "
                                          "keep_for_backward first, and pass `again` to every backward but the last");
    }
    const std::vector<Tensor> ordered = state.gradients_by_node(gradients);
    const NoAutocast float32(c10::autocast_dispatch_keyset);
    state.kept = again;
    const Tensor gradient = state.executor->backward(ordered, again);
    return state.batched || !gradient.defined() ? gradient : gradient.squeeze(0);
}

const std::string& FrozenNet::architecture() const { return state_->graph->architecture; }
const Graph& FrozenNet::graph() const { return *state_->graph; }
const std::string& FrozenNet::weights_prefix() const { return state_->weights->prefix(); }
c10::Device FrozenNet::device() const { return state_->device; }
Engine FrozenNet::engine() const { return state_->engine; }
std::vector<Tap> FrozenNet::taps() const { return taps_of(*state_->graph); }

std::int64_t FrozenNet::min_side(const std::vector<std::string>& taps) const {
    return reverie::min_side(*state_->graph, state_->nodes(taps));
}

std::int64_t FrozenNet::bytes(Size image, const std::vector<std::string>& taps) const {
    const std::vector<int> nodes = state_->nodes(taps);
    return state_->executor->weight_bytes(nodes) + state_->executor->peak_bytes(image, nodes);
}

std::int64_t FrozenNet::weight_bytes(const std::vector<std::string>& taps) const {
    return state_->executor->weight_bytes(state_->nodes(taps));
}

Tap tap_of(const FrozenNet& net, const std::string& name) {
    if (std::optional<Tap> tap = tap_at(net.graph(), find_tap(net.graph(), name))) {
        return std::move(*tap);
    }
    throw Error(ErrorKind::Internal, "the tap '" + name + "' has no geometry; please report this");
}

FrozenNet load_net(const NetworkWeights& weights, c10::Device device, const std::function<void(Graph&)>& adapt,
                   Engine engine) {
    Graph graph = make_graph(weights.architecture, weights.preprocessing);
    if (adapt) {
        adapt(graph);
    }
    return {std::move(graph), read_state_dict(weights.file), device, engine};
}

}  // namespace reverie
