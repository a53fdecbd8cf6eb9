// Layers of LibTorch's modules on the convolutions of kernels/convolution.h: their weights and names, our kernels.
#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include "kernels/convolution.h"
#include "reverie/core/tensor.h"

namespace reverie {

Tensor convolve(const torch::nn::Conv2d& layer, const Tensor& x, const Afterwards& afterwards = {});
Tensor convolve(const torch::nn::ConvTranspose2d& layer, const Tensor& x);
/// One layer after the other; a leaky ReLU together with the convolution before it.
Tensor run_layers(torch::nn::Sequential& layers, Tensor x);

/// Weights of convolutions in the memory that kernels read them from: nothing is copied in a step.
void lay_out_for_kernels(torch::nn::Module& net);

}  // namespace reverie
