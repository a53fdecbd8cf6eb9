// Private to the kernels: their bodies, for the vector width and instruction set of the file that includes them.

#include "kernels/simd.h"

constexpr int kRows = REVERIE_ROWS;        // of a product at once
constexpr int kVectors = REVERIE_VECTORS;  // of a packed panel
constexpr int kPanel = kVectors * kWidth;

/// body(channel, channels there) for each vector of channels; the count of all but the last is known when compiling.
template <typename Body>
REVERIE_INLINE void by_vectors(int channels, const Body& body) {
    int c = 0;
    for (; c + kWidth <= channels; c += kWidth) {
        body(c, kWidth);
    }
    if (c < channels) {
        body(c, channels - c);
    }
}
#define REVERIE_BODY __attribute__((always_inline))

#include "kernels/kernel_finish.h"

#include "kernels/kernel_products.h"
#include "kernels/kernel_tiles.h"
#include "kernels/kernel_windows.h"

#include "kernels/kernel_activations.h"
#include "kernels/kernel_norms.h"
#include "kernels/winograd_bodies.h"

constexpr Kernels kKernels = {REVERIE_KERNELS_NAME,
                              kWidth,
                              kPanel,
                              kRows,
                              product,
                              cross,
                              {36, 16, square_in<6>, square_out<6, 4>},
                              {64, 36, square_in<8>, square_out<8, 6>},
                              {7, 4, line_in, line_out},
                              depthwise,
                              weighted_sum,
                              maximum,
                              maximum_back,
                              finish_map,
                              winograd<Strided>(),
                              winograd<Square>(),
                              tile_products,
                              correlate,
                              turn,
                              silu,
                              silu_back,
                              glu,
                              glu_back,
                              norm_moments,
                              norm_forward,
                              norm_back_sums,
                              norm_back};
