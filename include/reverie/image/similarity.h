// A picture seen turned, nearer or further off, and to one side.
#pragma once

#include <complex>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// z -> factor * z + shift, of places x + iy in pixels from the middle of a picture, y downwards. The length of
/// `factor` enlarges, its angle turns, clockwise for the eye.
struct Similarity {
    std::complex<double> factor = 1.0;
    std::complex<double> shift = 0.0;
    std::complex<double> operator()(std::complex<double> place) const { return factor * place + shift; }
};

/// A picture of `size` that shows at each place what `image` has at `source` of it, mirrored beyond the image's edges.
/// float32 [C,H,W] on the CPU, in and out. Catmull-Rom over 4x4 pixels: where `source` leaves the places on whole
/// pixels they come through to the bit, however often; elsewhere it may overshoot, so clamp where that matters, but
/// amplifies no frequency, so that it may be done again and again. Not antialiased: `factor` should be no longer than
/// about 1.5. The same bits with any number of threads.
Tensor seen_through(const Tensor& image, const Similarity& source, Size size);

}  // namespace reverie
