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

/// The graph's arrays by the names it knows: where training scripts and wrappers have put a prefix before all of them
/// ("module.", "_orig_mod.", "state_dict.net."), those below it. Of several copies the whole one is taken, and of
/// whole ones a running mean ("ema").
StateDict arrays_of(const Graph& graph, const StateDict& weights);

/// Looks at the names and shapes of every weight of the graph without reading a value. The answer: the nodes at the
/// graph's end whose weights are missing or of another shape, as those of a classifier that was cut off or trained for
/// other classes. Throws Weights, naming the first missing and the first mismatched tensors, when such a node stands
/// before one that fits: then the file is another net's.
std::vector<int> check_weights(const Graph& graph, const StateDict& weights);

/// Throws Weights, naming the tensor, when the node `tap` is the name of needs one of `lacking`.
void require_weights(const Graph& graph, int node, const std::string& tap, const std::vector<int>& lacking,
                     const StateDict& weights);

/// Reads one Convolution or Linear node, batch norm folded in and blue-first input turned round. Throws Weights for
/// values that are no finite numbers, naming the tensor.
NodeWeights bind_node(const Graph& graph, int node, const StateDict& weights);

}  // namespace reverie
