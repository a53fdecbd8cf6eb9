// Private: a net that begins as another one.
#pragma once

#include "reverie/models/style_net.h"
#include "reverie/techniques/fast_style.h"

namespace reverie {

/// Copies the weights of `start` into the net. Norm values are taken by the styles' names; those of styles that
/// `start` does not have begin as the mean of its own. Throws Input for a net of another form and for weights that do
/// not fit their notes.
void begin_as(StyleNet& net, const StyleNetWeights& start);

}  // namespace reverie
