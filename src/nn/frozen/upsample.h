// Private: maps enlarged twice, bilinear, corners upon corners.
#pragma once

#include "nn/frozen/kernel_names.h"

namespace reverie::frozen {

/// `output` has twice the rows and columns of `input`; what becomes of the sums is up to `finish`.
void upsample(const Map& input, const Map& output, const Finish& finish, const Kernels& kernels, Workspace& work);
/// The gradient of `output` to that of `input`.
void upsample_back(const Map& output, const Map& input, const Finish& finish, const Kernels& kernels, Workspace& work);

}  // namespace reverie::frozen
