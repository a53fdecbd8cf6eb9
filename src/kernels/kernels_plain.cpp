// The kernels for any processor: the compiler makes of a vector what the machine has.
#include "kernels/kernels.h"

#define REVERIE_KERNELS_NAME "plain"
#define REVERIE_WIDTH 8
#define REVERIE_ROWS 4
#define REVERIE_VECTORS 1

namespace reverie::kernels {
namespace {
#include "kernels/kernel_bodies.h"
}  // namespace

const Kernels& plain_kernels() { return kKernels; }

}  // namespace reverie::kernels
