// The one tensor type. A narrow include: headers that only pass tensors take this and nothing more of LibTorch.
#pragma once

#include <ATen/core/Tensor.h>

namespace reverie {

/// Images are float32 RGB in [0,1], contiguous [3,H,W] or [N,3,H,W]; anything else says so in its name.
using Tensor = at::Tensor;

}  // namespace reverie
