// Activations of nets in training that are neither part of a convolution nor, in LibTorch, the same bits with any
// number of threads.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// x * sigmoid(x), number by number, with a gradient: ours where convolutions are (engine.h), else LibTorch's.
Tensor apply_silu(const Tensor& x);

}  // namespace reverie
