// Images to start from that show nothing: float32 [3,H,W] in [0,1] on the CPU, pure functions of the seed, the same
// with any number of threads.
#pragma once

#include <cstdint>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

/// White noise, uniform around grey: from 0.5 - amplitude/2 to 0.5 + amplitude/2.
Tensor white_noise_image(Size size, double amplitude, std::uint64_t seed);

/// Noise with the spectrum and the colours of photographs, and phases at random: clouds. Its logits' three decorrelated
/// planes (color_directions()) fall with the frequency f as f^-1.25, which is what the mean of fifteen photographs does
/// (OpenCV's samples and landscapes); times `contrast`, of which theirs is 1.
Tensor natural_noise_image(Size size, double contrast, std::uint64_t seed);

}  // namespace reverie
