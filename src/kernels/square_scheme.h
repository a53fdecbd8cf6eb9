// Private: 3x3 windows of stride 1 by Winograd's minimal filtering (Lavin, Gray 2016): what a tile is, and the weights
// in its domain.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernels.h"
#include "kernels/packed_matrix.h"

namespace reverie::kernels {

/// F(step x step, 3x3): the transform and G for the points that its kernels use.
struct SquareScheme {
    int side;  // of a tile of inputs
    int step;  // of a tile of outputs
    Transform Kernels::*transform;
    double factors[8][3];

    int positions() const { return side * side; }
};

extern const SquareScheme kSquareFour, kSquareSix;

/// Weights [K,C,3,3] as one matrix [C][K] for each position; `turned`: [K][C] of what the gradient of the input meets.
PackedMatrices square_weights(const SquareScheme& scheme, const at::Tensor& weight, bool turned,
                              const Kernels& kernels);

}  // namespace reverie::kernels
