// An objective whose optimum is known.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <utility>

#include "reverie/optimize/image_loop.h"

namespace reverie::test {

/// Half the squared distance to a target.
class Distance final : public Objective {
  public:
    explicit Distance(Tensor target) : target_(std::move(target)) {}
    Tensor value_and_gradient(const Tensor& image, std::int64_t /*step*/, Tensor& gradient) override {
        gradient = image - target_;
        return 0.5 * gradient.square().sum();
    }

  private:
    Tensor target_;
};

}  // namespace reverie::test
