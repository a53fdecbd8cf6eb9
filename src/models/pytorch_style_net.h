// Private: the net of PyTorch's examples/fast_neural_style in the names of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reverie/models/style_net_weights.h"

namespace reverie {

/// The arrays of such a net, below whatever prefix training scripts put before them; empty: it is another file.
std::optional<StateDict> pytorch_style_net(const StateDict& file);

/// Throws Weights.
StyleNetWeights read_pytorch_style_net(const StateDict& arrays);

/// One array, looked at. Throws Weights.
Tensor load_style_array(const StateDict& file, const std::string& name, const std::vector<std::int64_t>& shape);

}  // namespace reverie
