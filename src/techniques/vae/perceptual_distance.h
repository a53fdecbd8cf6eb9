// How different images look to a frozen net, with gradients for autograd.
#pragma once

#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

/// [N]: the mean, over three depths of the net (its first layers at its three finest strides; Hou et al. 2017), of the
/// squared difference of the features divided by the mean square of the target's: 0 for equal images, about 1 for
/// unrelated ones, whatever the net. Images [N,C,H,W] in [0,1]; grey ones count as RGB, alpha is left out.
/// Differentiable with respect to `images`. Throws Input for images too small for the net.
Tensor perceptual_distance(FrozenNet& net, const Tensor& images, const Tensor& targets);

}  // namespace reverie
