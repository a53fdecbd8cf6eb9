// Private: what Gan::with_truncated_layouts does.
#pragma once

#include <c10/core/Device.h>

#include <memory>

#include "reverie/core/hooks.h"
#include "reverie/models/gan.h"

namespace reverie {

class LayoutTruncation {
  public:
    /// Finds the mean layouts and measures the generator's norms, in evaluation mode before and after. Throws
    /// Cancelled.
    LayoutTruncation(std::shared_ptr<LayoutGenerator> generator, const GanNetOptions& options, c10::Device device,
                     double share, const Hooks& hooks);

    /// As GanGenerator::forward.
    Tensor images(const Tensor& latents, const Tensor& labels) const;

  private:
    void find_means(const GanNetOptions& options, const Tensor& latents, const Hooks& hooks);
    void measure_norms(const GanNetOptions& options, const Tensor& latents, const Hooks& hooks);
    Tensor truncated_maps(const Tensor& latents, const Tensor& labels) const;

    std::shared_ptr<LayoutGenerator> generator_;
    double share_;
    Tensor means_;  // [classes,C,h,w]; 1 class where there are none
};

}  // namespace reverie
