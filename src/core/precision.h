// Which precision results that shall be exact are in.
#pragma once

#include <ATen/core/Tensor.h>

namespace reverie {

/// float32 where x has half precision, else x's own.
inline c10::ScalarType at_least_single_type(const at::Tensor& x) {
    return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}
inline at::Tensor at_least_single(const at::Tensor& x) { return x.to(at_least_single_type(x)); }

}  // namespace reverie
