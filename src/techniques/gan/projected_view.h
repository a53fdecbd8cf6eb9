// Private: images as a projected discriminator sees them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

class ProjectedView {
  public:
    /// `net` has projections (nn/projector.h) and is this view's alone; images are brought to `shown` pixels.
    ProjectedView(std::shared_ptr<FrozenNet> net, Size shown);

    /// Images [N,C,H,W] in [0,1], 1, 3 or 4 channels -> the net's projected maps, differentiable once: the gradient is
    /// to be taken before the view is asked again. Grey is shown as RGB of three equal channels. What lets something
    /// through is shown on `backgrounds` [N,3,1,1], for colours alone do not tell white from nothing.
    std::vector<Tensor> of(const Tensor& images, const Tensor& backgrounds) const;

  private:
    struct Looking;
    std::shared_ptr<Looking> looking_;
    Size shown_;
};

}  // namespace reverie
