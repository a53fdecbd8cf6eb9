// Private: 4x4 convolutions of stride 2 at the ends of nets, where the larger map is an image of a few channels. There
// tiles have too few numbers side by side for transforms, and windows are short: they are multiplied as they are.
#pragma once

#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

/// Whether the larger map has so few channels.
constexpr bool is_strided_end(std::int64_t channels) { return channels <= 4; }

// What the functions of strided_convolution.h say.
void convolve_strided_end(const Map& large, const float* weights, const Map& small, const Finish& finish,
                          const Kernels& kernels, Workspace& work);
void spread_strided_end(const Map& small, const float* weights, const Map& large, const float* bias,
                        const Kernels& kernels, Workspace& work);
void correlate_strided_end(const Map& large, const Map& small, float* weights, const Kernels& kernels, Workspace& work);

}  // namespace reverie::kernels
