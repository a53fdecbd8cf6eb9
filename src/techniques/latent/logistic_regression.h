// Private: the linear classifier behind an attribute's direction.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// The normal [D] of the plane that parts rows `with` [N,D] from `without` [M,D], float64, by logistic regression with
/// an L2 penalty (scikit-learn's C = 1 on latents of unit mean variance); both sides weigh the same however many rows
/// they have. It points to `with`; its length means nothing.
Tensor logistic_normal(const Tensor& with, const Tensor& without);

}  // namespace reverie
