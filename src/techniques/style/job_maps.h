// Private: what is asked of the maps that come with a picture to be painted.
#pragma once

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// Undefined, or [1,H,W] of finite numbers and the content's size. Throws Usage, naming the flag.
void require_map(const Tensor& map, Size content, const char* flag);

}  // namespace reverie
