// First weights of trainable nets: every number is a function of (seed, parameter's name, place in it).
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>

#include "reverie/core/tensor.h"

namespace reverie {

/// Uniform in [-bound, bound].
void fill_uniform_(const Tensor& weight, double bound, std::uint64_t seed, const std::string& name);
void fill_normal_(const Tensor& weight, double deviation, std::uint64_t seed, const std::string& name);

/// Inputs that one output sums; PyTorch counts a transposed convolution's the other way round, and so does this.
double fan_in(const Tensor& weight);

/// PyTorch's defaults: weights and biases of convolutions and linear layers uniform within 1/sqrt(fan in); norms 1
/// and 0.
void initialize_as_pytorch(const torch::nn::Module& net, std::uint64_t seed);
/// Keras's: weights uniform within sqrt(6 / (fan in + fan out)) (Glorot, Bengio 2010), biases 0.
void initialize_as_keras(const torch::nn::Module& net, std::uint64_t seed);
/// The DCGAN paper's: weights normal with deviation 0.02, about 1 for norms and about 0 for all others; the rest 0.
void initialize_as_dcgan(const torch::nn::Module& net, std::uint64_t seed);
/// Weights normal with deviation sqrt(2 / (1 + slope^2) / fan in), which keeps the size of what passes through
/// LeakyReLU of that slope (He et al. 2015); the rest 0.
void initialize_for_leaky_relu(const torch::nn::Module& net, double slope, std::uint64_t seed);

}  // namespace reverie
