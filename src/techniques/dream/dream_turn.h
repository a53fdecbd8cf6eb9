// Private: one step's look at the picture, turned and scaled a little.
#pragma once

#include <cstdint>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// Transformation robustness (Olah et al., Feature Visualization, 2017): the picture turned about its middle and scaled
/// by random amounts, bilinearly, its mirror image around it.
class DreamTurn {
  public:
    /// `stage` counts octaves over all passes.
    DreamTurn(Size picture, const DreamOptions& options, std::uint64_t stage, std::int64_t step, c10::Device device);

    Tensor of(const Tensor& image) const;
    /// From the gradient with respect to what is seen to that with respect to the image.
    Tensor back(const Tensor& gradient) const;

    struct Place {
        std::int64_t y, x;
    };
    /// Where a pixel of the picture is seen: the nearest there is.
    Place seen(Place place) const;

  private:
    Size picture_;
    double cosine_, sine_;  // times the scale: from what is seen to the picture
    Tensor grid_;           // [1,H,W,2]; undefined: nothing is turned
};

}  // namespace reverie
