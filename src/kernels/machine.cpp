#include "kernels/machine.h"

#include "kernels/kernel_choice.h"

namespace reverie::kernels {

Machine this_machine() {
    thread_local Workspace work;
    return {best_kernels(), work};
}

}  // namespace reverie::kernels
