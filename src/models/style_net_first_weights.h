// Private: the weights that a style net begins with.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>

#include "reverie/models/style_net.h"

namespace reverie {

/// Normal numbers of a size that ReLUs keep (He et al. 2015); with `adds_input` 0 in the last convolution. Without, six
/// channels of each layer carry the photo's colours, those above their mean and those below, through to the picture: so
/// it begins as the photo in blurred and evened tones, and learning keeps what is light and what is dark, as optimising
/// does that begins with the photo.
void set_first_weights(torch::nn::Module& net, const StyleNetOptions& options, std::uint64_t seed);

}  // namespace reverie
