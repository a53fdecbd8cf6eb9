// Activations of nets in training that are neither part of a convolution nor, in LibTorch, the same bits with any
// number of threads.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// x * sigmoid(x), number by number, with a gradient: ours where convolutions are (engine.h), else LibTorch's.
Tensor apply_silu(const Tensor& x);

/// [N,2C,H,W] -> [N,C,H,W]: the first half of the channels times the sigmoid of the second (Dauphin et al. 2017).
Tensor apply_glu(const Tensor& x);

}  // namespace reverie
