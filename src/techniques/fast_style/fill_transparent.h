// Private: what a net sees where nothing is to be seen.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// Colours [3,H,W] with those where `alpha` [1,H,W] is 0 replaced by what is visible around, from near or, in large
/// gaps, from far: the means of every second size, each where the finer ones have none. Where nothing is visible at all
/// the colours come back as they are.
Tensor fill_transparent(const Tensor& colors, const Tensor& alpha);

}  // namespace reverie
