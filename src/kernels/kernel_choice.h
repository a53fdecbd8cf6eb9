// Private: which kernels this processor can run.
#pragma once

#include <vector>

#include "kernels/kernels.h"

namespace reverie::kernels {

/// The fastest kernels that this processor can run, within what LibTorch takes of it (ATEN_CPU_CAPABILITY).
const Kernels& best_kernels();
/// All that it can run, the slowest first.
std::vector<const Kernels*> runnable_kernels();

}  // namespace reverie::kernels
