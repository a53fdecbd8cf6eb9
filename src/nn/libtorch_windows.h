// Private: convolutions and poolings of the LibTorch executor, forward and back to their input.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/bind.h"
#include "reverie/core/tensor.h"
#include "reverie/nn/graph.h"

namespace reverie::libtorch {

/// What the backward pass needs of one node.
struct SavedForBackward {
    Tensor output;   ///< Activation; Pool by L2
    Tensor input;    ///< Pool by L2
    Tensor indices;  ///< Pool by maximum
    std::vector<std::int64_t> input_shape;
};

Tensor convolve(const Node& node, const NodeWeights& bound, const Tensor& x);
/// `shape`: of the input.
Tensor convolve_back(const Node& node, const NodeWeights& bound, const Tensor& gradient, at::IntArrayRef shape);

/// Fills in `saved` unless it is null.
Tensor pool(const Node& node, const Tensor& x, SavedForBackward* saved);
Tensor pool_back(const Node& node, const Tensor& output_gradient, const SavedForBackward& saved);

}  // namespace reverie::libtorch
