// Values kept in a range without being lost to it.
#pragma once

#include <ATen/ATen.h>

#include "reverie/core/tensor.h"

namespace reverie {

/// In [least, most]. The gradient passes as if the value were not held, so that a weight thrown out of the range comes
/// back.
inline Tensor held(const Tensor& value, double least, double most) {
    return value + (value.clamp(least, most) - value).detach();
}

}  // namespace reverie
