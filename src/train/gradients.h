// Gradients of one phase of a step.
#pragma once

#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// Of a scalar with respect to each parameter and to nothing else; undefined where the loss does not depend on one.
std::vector<Tensor> gradients_of(const Tensor& loss, const std::vector<Tensor>& parameters);

/// The norm of all gradients together, left on the device.
Tensor norm_of(const std::vector<Tensor>& gradients, const Tensor& like);

/// Scales all gradients so that their norm, which is `norm`, is at most `most` (Pascanu et al. 2013).
void clip_norm_(std::vector<Tensor>& gradients, const Tensor& norm, double most);

/// bfloat16 for what gains from it, on CUDA, while it lives; false: nothing.
class Autocast {
  public:
    explicit Autocast(bool enabled);
    ~Autocast();
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

  private:
    bool enabled_;
};

}  // namespace reverie
