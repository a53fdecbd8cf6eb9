// What is said of the parameters of any trainable net.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

namespace reverie {

/// Trainable numbers.
std::int64_t parameter_count(const torch::nn::Module& module);

}  // namespace reverie
