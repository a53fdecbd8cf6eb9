// Gradients of one phase of a step.
#pragma once

#include <memory>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/distributed/ranks.h"

namespace reverie {

/// Of a scalar with respect to each parameter and to nothing else; undefined where the loss does not depend on one.
std::vector<Tensor> gradients_of(const Tensor& loss, const std::vector<Tensor>& parameters);

/// Gradients of one phase, step after step. Of several ranks they are the mean: a rank's loss is the mean over its own
/// images, of which all have as many. What is ready is exchanged while the backward pass goes on (Li et al. 2020:
/// PyTorch Distributed; c10d's Reducer).
class PhaseGradients {
  public:
    PhaseGradients(std::vector<Tensor> parameters, Ranks ranks);
    ~PhaseGradients();
    PhaseGradients(PhaseGradients&&) noexcept;
    PhaseGradients& operator=(PhaseGradients&&) = delete;

    /// Collective. As gradients_of; which parameters the loss depends on shall not change from step to step.
    std::vector<Tensor> of(const Tensor& loss);

  private:
    std::vector<Tensor> first(const Tensor& loss);

    std::vector<Tensor> parameters_;
    Ranks ranks_;
    struct Shared;
    std::unique_ptr<Shared> shared_;
};

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
