// Private: the kernels of this processor and scratch memory for them.
#pragma once

#include "kernels/kernels.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

struct Machine {
    const Kernels& kernels;
    Workspace& work;
};

/// The best kernels, and scratch memory that is kept from layer to layer; nothing in it outlives a call. One a thread,
/// since steps may run side by side.
Machine this_machine();

}  // namespace reverie::kernels
