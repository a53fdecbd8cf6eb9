// Work in batches of one fixed size, so that what a row gives does not depend on its neighbours' number.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>

#include "reverie/core/tensor.h"

namespace reverie {

/// A size that keeps the device busy and memory small.
std::int64_t fixed_batch(c10::Device device);

/// Rows [first, first + batch) of `tensor` on the device; those beyond its end are zeros.
Tensor padded_rows(const Tensor& tensor, std::int64_t first, std::int64_t batch, c10::Device device);

/// work(first row of a full batch) -> a tensor of its rows; the `count` wanted together, on the CPU.
Tensor in_fixed_batches(std::int64_t count, std::int64_t batch, const std::function<Tensor(std::int64_t first)>& work);

/// The labels, or class 0 for `count` when there are none.
Tensor labels_or_first(const Tensor& labels, std::int64_t count);

}  // namespace reverie
