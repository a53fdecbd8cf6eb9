// Private: products over the rows [positions][channels] of a channels-last map, for statistics of features.
#pragma once

#include <ATen/core/Tensor.h>

namespace reverie::frozen {

/// Whether the kernels take these rows: float32 on the CPU, each contiguous, whole bytes of channels.
bool takes_rows(const at::Tensor& rows);

/// `first` [C] += sum of left, `second` [C,C] += sum of left^T right over all rows; float64, contiguous. Only right for
/// `left` = w right with a weight w for each row: the sum is symmetric, and only one half of it is computed.
void add_moments_(at::Tensor& first, at::Tensor& second, const at::Tensor& left, const at::Tensor& right);

/// out [n,K] = rows [n,C] matrix [C,K] + bias [K], added to what is there when `add`.
void multiply_rows_(at::Tensor& out, const at::Tensor& rows, const at::Tensor& matrix, const at::Tensor& bias,
                    bool add);

}  // namespace reverie::frozen
