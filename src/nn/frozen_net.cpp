#include "reverie/nn/frozen_net.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "nn/bind.h"
#include "nn/frozen/plan.h"
#include "nn/frozen_executor.h"
#include "nn/libtorch_executor.h"
#include "reverie/core/error.h"
#include "reverie/weights/store.h"

namespace reverie {

struct FrozenNet::State {
    std::shared_ptr<const Graph> graph;
    std::shared_ptr<const StateDict> weights;
    c10::Device device;
    Engine engine;
    std::unique_ptr<Executor> executor;

    // of the last forward
    std::vector<std::string> names;
    bool batched = true;

    std::vector<int> lacking = {};  ///< nodes at the end that the weights do not hold

    std::vector<int> nodes(const std::vector<std::string>& taps) const {
        std::vector<int> found;
        for (const std::string& tap : taps) {
            found.push_back(find_tap(*graph, tap));
            require_weights(*graph, found.back(), tap, lacking, *weights);
        }
        return found;
    }
};

FrozenNet::FrozenNet(Graph graph, StateDict weights, c10::Device device, Engine engine)
    : state_(new State{std::make_shared<const Graph>(std::move(graph)),
                       std::make_shared<const StateDict>(std::move(weights)),
                       device,
                       engine,
                       nullptr,
                       {},
                       true}) {
    const Graph& of = *state_->graph;
    state_->weights = std::make_shared<const StateDict>(arrays_of(of, *state_->weights));
    state_->lacking = check_weights(of, *state_->weights);
    const bool fit = device.is_cpu() && frozen::can_run(of);
    if (engine == Engine::Frozen && !fit) {
        throw Error(ErrorKind::Usage,
                    "--engine frozen runs on the CPU, and replicates borders around 3x3 windows only; "
                    "take --engine auto or libtorch for " +
                        architecture() + " on " + device.str());
    }
    if (engine == Engine::Auto) {
        state_->engine = fit ? Engine::Frozen : Engine::Libtorch;
    }
    state_->executor = state_->engine == Engine::Frozen
                           ? make_frozen_executor(of, *state_->weights, frozen::best_kernels())
                           : make_libtorch_executor(of, *state_->weights, device);
}

FrozenNet::FrozenNet(std::unique_ptr<State> state) : state_(std::move(state)) {}

FrozenNet FrozenNet::sibling() const {
    return FrozenNet(std::unique_ptr<State>(new State{state_->graph,
                                                      state_->weights,
                                                      state_->device,
                                                      state_->engine,
                                                      state_->executor->sibling(),
                                                      {},
                                                      true,
                                                      state_->lacking}));
}

FrozenNet::~FrozenNet() = default;
FrozenNet::FrozenNet(FrozenNet&&) noexcept = default;
FrozenNet& FrozenNet::operator=(FrozenNet&&) noexcept = default;

Features FrozenNet::forward(const Tensor& image, const std::vector<std::string>& taps, bool keep_for_backward) {
    const std::vector<int> nodes = state_->nodes(taps);
    const Size size = size_of(image);
    const std::vector<Size> sizes = sizes_of(*state_->graph, size);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const Size cells = sizes[static_cast<std::size_t>(nodes[i])];
        if (cells.height <= 0 || cells.width <= 0) {
            throw Error(ErrorKind::Input, "an image of " + text_of(size) + " pixels is too small for layer '" +
                                              taps[i] + "' of " + architecture() + ", which needs " +
                                              std::to_string(min_side(taps)) +
                                              " on each side; take a larger one or a shallower layer");
        }
    }
    state_->batched = image.dim() == 4;
    state_->names = taps;
    const std::vector<Tensor> outputs =
        state_->executor->forward(state_->batched ? image : image.unsqueeze(0), nodes, keep_for_backward);
    Features features;
    for (std::size_t i = 0; i < taps.size(); ++i) {
        features[taps[i]] = outputs[i];
    }
    return features;
}

Tensor FrozenNet::backward(const Features& gradients, bool again) {
    std::vector<Tensor> ordered;
    for (auto name = state_->names.begin(); name != state_->names.end(); ++name) {
        const auto found = gradients.find(*name);
        const bool given_before = std::find(state_->names.begin(), name, *name) != name;  // asked for twice
        ordered.push_back(found == gradients.end() || given_before ? Tensor() : found->second);
    }
    const Tensor gradient = state_->executor->backward(ordered, again);
    return state_->batched || !gradient.defined() ? gradient : gradient.squeeze(0);
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

Tap tap_of(const FrozenNet& net, const std::string& name) {
    const int node = find_tap(net.graph(), name);
    for (Tap& tap : net.taps()) {
        if (find_tap(net.graph(), tap.name) == node) {
            return std::move(tap);
        }
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
