// Private: a node's weights out of a checkpoint.
#pragma once

#include "reverie/core/tensor.h"
#include "reverie/nn/graph.h"
#include "reverie/weights/state_dict.h"

namespace reverie {

struct NodeWeights {
    Tensor weight;  ///< Convolution [K,C/groups,kh,kw], Linear [K,C]; float32, CPU, contiguous
    Tensor bias;    ///< [K]
};

/// Looks at the names and shapes of every weight of the graph without reading a value. Throws Weights, naming the first
/// missing and the first mismatched tensors.
void check_weights(const Graph& graph, const StateDict& weights);

/// Reads one Convolution or Linear node, batch norm folded in and blue-first input turned round.
NodeWeights bind_node(const Graph& graph, int node, const StateDict& weights);

}  // namespace reverie
