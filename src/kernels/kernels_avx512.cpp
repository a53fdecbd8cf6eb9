// The kernels for AVX-512; this file alone is compiled for them, and nothing here may be called on a processor without.
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define REVERIE_KERNELS_NAME "AVX-512"
#define REVERIE_WIDTH 16
#define REVERIE_ROWS 8
#define REVERIE_VECTORS 2

namespace reverie::kernels {
namespace {
#include "kernels/kernel_bodies.h"
}  // namespace

const Kernels& avx512_kernels() { return kKernels; }

}  // namespace reverie::kernels

#endif
