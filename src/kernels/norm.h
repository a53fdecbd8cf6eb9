// Norms of maps in training, together with the leaky ReLU behind them: ours where convolutions are (engine.h), the same
// bits with any number of threads, else LibTorch's.
#pragma once

#include <optional>

#include "reverie/core/tensor.h"

namespace reverie {

/// Running means of a batch norm: mean += momentum * (mean of the batch - mean), the same of the unbiased variance.
struct RunningMoments {
    Tensor mean, variance;  ///< [C], changed in place
    double momentum = 0.1;
};

/// x [N,C,H,W] less its mean over N, H and W, divided by its deviation, times weight [C] plus bias [C] (Ioffe, Szegedy
/// 2015).
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const RunningMoments& running,
                  double epsilon, std::optional<double> leaky_slope = std::nullopt);

/// The same over H and W of each image alone (Ulyanov et al. 2016). `weight` and `bias` may be [N,C]: each image's own.
Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon,
                     std::optional<double> leaky_slope = std::nullopt);

}  // namespace reverie
