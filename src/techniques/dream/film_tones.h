// Private: mean, contrast and sharpness of a picture, and how they are held.
#pragma once

#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/image/similarity.h"

namespace reverie {

/// Mean and standard deviation of each channel.
struct Tones {
    std::vector<double> mean, deviation;
};

/// Of the middle `size` of a picture [C,H,W]; the same bits with any number of threads.
Tones tones_of(const Tensor& picture, Size size);

/// Shifts and stretches each channel, within [0,1], so that the middle has these tones; a flat one cannot be stretched
/// to any.
void hold_tones_(Tensor& picture, Size size, const Tones& tones);

/// Root mean square of the finest detail, of two or three pixels, in the middle of a picture; likewise.
double detail_of(const Tensor& picture, Size size);

/// Strengthens or weakens the finest detail, by `least` to `most` times, so that the middle has so much of it. The
/// result may leave [0,1].
void hold_detail_(Tensor& picture, Size size, double detail, double least, double most);

/// Gives detail back to a picture that was moved: `source` says from where, in pixels from the middle (seen_through).
/// Along an axis on which a place moved by less than half a pixel it was not softened, and gets as much less: about the
/// middle of a flight the same pixels would be sharpened again and again, until a line stands there.
void return_detail_(Tensor& picture, Size size, double detail, double most, const Similarity& source);

}  // namespace reverie
