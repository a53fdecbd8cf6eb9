// Private: convolutions of any square window, stride and padding, their transposes and gradients, as products over the
// windows themselves: for what winograd_convolution.h does not know, and for maps of so few channels that its
// transforms would cost more than they save. Layouts, and what the three do, are those of that header.
#pragma once

#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

struct SquareWindow {
    std::int64_t size, stride, padding;
};

void convolve_windows(const SquareWindow& window, const Map& large, const float* weights, const Map& small,
                      const Finish& finish, const Kernels& kernels, Workspace& work);

/// What no window sees of `large` becomes the bias.
void spread_windows(const SquareWindow& window, const Map& small, const float* weights, const Map& large,
                    const float* bias, const Kernels& kernels, Workspace& work);

void correlate_windows(const SquareWindow& window, const Map& large, const Map& small, float* weights,
                       const Kernels& kernels, Workspace& work);

}  // namespace reverie::kernels
