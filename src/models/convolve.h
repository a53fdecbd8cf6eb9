// Layers of LibTorch's modules on kernels/convolution.h and kernels/norm.h: their weights and names, our kernels.
#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <optional>

#include "kernels/convolution.h"
#include "reverie/core/tensor.h"

namespace reverie {

Tensor convolve(const torch::nn::Conv2dImpl& layer, const Tensor& x, const Afterwards& afterwards = {});
Tensor convolve(const torch::nn::ConvTranspose2dImpl& layer, const Tensor& x);
/// x [...,F] -> [...,outputs].
Tensor multiply(const torch::nn::LinearImpl& layer, const Tensor& x);
/// With a `leaky_slope` a leaky ReLU comes after it; 0 is a ReLU.
Tensor normalize(torch::nn::BatchNorm2dImpl& layer, const Tensor& x, std::optional<double> leaky_slope = std::nullopt);
/// One layer after the other; an activation together with the convolution or norm before it.
Tensor run_layers(torch::nn::Sequential& layers, Tensor x);

/// Maps enlarged twice by their nearest cells, and a 3x3 convolution of them with zeros around them: one transposed
/// convolution of 4x4 windows and stride 2, which takes fewer products and makes no enlarged maps. Along an axis an
/// output sees two cells, one of them through the sum of two weights: w2, w1 + w2, w0 + w1, w0.
Tensor enlarging_convolution(const Tensor& x, const Tensor& weight);

/// Weights of convolutions in the memory that kernels read them from: nothing is copied in a step.
void lay_out_for_kernels(torch::nn::Module& net);

}  // namespace reverie
