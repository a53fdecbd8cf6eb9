// Private: dreams in which not pixels change but what is stored of them.
#pragma once

#include <memory>
#include <optional>

#include "reverie/optimize/image_loop.h"
#include "reverie/optimize/parameterization.h"
#include "reverie/optimize/step_rules.h"
#include "techniques/dream/dream_formula.h"

namespace reverie {

/// One octave's steps of Adam in what DreamOptions::parameterization stores of its start. They shrink as DreamOptions
/// says; where a pixel is not free, so much of the start shows.
class SpectrumStep final : public StepRule {
  public:
    SpectrumStep(const DreamOptions& options, const OctaveSteps& octave);
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;

  private:
    Tensor free_;
    std::unique_ptr<Parameterization> spectrum_;
    std::unique_ptr<Parameterization> partly_;  // where not all is free
    Adam adam_;
    FadingStep fading_;
    std::optional<StoredStep> stored_;  // none before the first step
};

}  // namespace reverie
