// A pretrained net whose weights never change: features of an image, and the image gradient of anything said about
// them.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/nn/graph.h"
#include "reverie/weights/state_dict.h"

namespace reverie {

struct NetworkWeights;

/// Feature maps, or their gradients, by the tap names they were asked for: float32 [N,C,h,w].
using Features = std::map<std::string, Tensor>;

/// What runs a net.
enum class Engine {
    Auto,      ///< Frozen on the CPU, where it can run the graph; else Libtorch
    Frozen,    ///< our own kernels, on the CPU
    Libtorch,  ///< LibTorch's operators, on any device
};

class FrozenNet {
  public:
    /// Checks names and shapes of all weights of the graph at once (those of another net throw Weights, naming the
    /// first missing and mismatched tensors), but loads a layer only when a tap needs it. A prefix common to all names
    /// does not matter. What is missing or different at the net's end, such as a classifier, matters to the taps that
    /// need it: they throw Weights when they are asked for. Throws Usage when the engine asked for cannot run the graph
    /// there.
    FrozenNet(Graph graph, StateDict weights, c10::Device device, Engine engine = Engine::Auto);
    ~FrozenNet();
    FrozenNet(FrozenNet&&) noexcept;
    FrozenNet& operator=(FrozenNet&&) noexcept;

    /// Another net on the same weights, to be used at the same time on another thread: each remembers its own last
    /// image.
    FrozenNet sibling() const;

    /// Runs no deeper than the taps asked for. `image`: float32 RGB in [0,1], [3,H,W] or [N,3,H,W], on the net's
    /// device; normalisation is inside. Several names of one layer give the same feature. With `keep_for_backward` what
    /// backward needs is held until backward or the next forward. Always float32, in a region of mixed precision too.
    /// Throws Usage for an unknown tap (nearest names suggested) or another kind of tensor, Input for an image below
    /// min_side.
    Features forward(const Tensor& image, const std::vector<std::string>& taps, bool keep_for_backward = true);

    /// The gradient with respect to the image of the last forward, shaped like it. Taps left out count as zero (none at
    /// all: an undefined tensor); gradients given under several names of one layer add up. With `again` what was held
    /// stays, so that gradients can be taken one by one. Throws Usage when no forward was kept, and for a gradient
    /// without its feature's shape and device or of a layer that was not asked for.
    Tensor backward(const Features& gradients, bool again = false);

    const std::string& architecture() const;
    /// What stands before all names in the file of weights ("module."); empty: nothing.
    const std::string& weights_prefix() const;
    const Graph& graph() const;
    c10::Device device() const;
    /// Frozen or Libtorch.
    Engine engine() const;
    std::vector<Tap> taps() const;
    std::int64_t min_side(const std::vector<std::string>& taps) const;
    /// Estimated bytes at the peak of one forward and backward, weights included.
    std::int64_t bytes(Size image, const std::vector<std::string>& taps) const;
    /// Of these, what the weights take, whatever the image.
    std::int64_t weight_bytes(const std::vector<std::string>& taps) const;

  private:
    struct State;
    explicit FrozenNet(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The geometry of one tap, by any of its names. Throws Usage for an unknown one.
Tap tap_of(const FrozenNet& net, const std::string& name);

/// The net for weights that a WeightStore resolved; `adapt` may change its graph first. Throws Weights.
FrozenNet load_net(const NetworkWeights& weights, c10::Device device, const std::function<void(Graph&)>& adapt = {},
                   Engine engine = Engine::Auto);

}  // namespace reverie
