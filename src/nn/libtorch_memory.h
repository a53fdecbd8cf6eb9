// Private: what the LibTorch executor will take, from sizes alone.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/nn/graph.h"

namespace reverie {

/// Bytes alive at the peak of LibtorchExecutor's forward and backward for one image, weights not counted. Follows its
/// rules: outputs of activations and indices of maxima are kept, everything else goes with its last user.
std::int64_t libtorch_peak_bytes(const Graph& graph, Size image, const std::vector<int>& wanted);

/// Bytes of the weights that the wanted nodes need.
std::int64_t libtorch_weight_bytes(const Graph& graph, const std::vector<int>& wanted);

}  // namespace reverie
