#include "techniques/dream/dream_spectrum.h"

namespace reverie {
namespace {

std::unique_ptr<Parameterization> spectrum_for(const DreamOptions& options, const Tensor& origin) {
    constexpr ColorMatrix kEach = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    const ColorMatrix colors = options.color_basis == ColorBasis::Natural ? color_directions() : kEach;
    if (options.parameterization == DreamParameterization::Maco) {
        return std::make_unique<PhaseImage>(origin, colors);
    }
    return std::make_unique<FourierImage>(origin, colors);
}

}  // namespace

SpectrumStep::SpectrumStep(const DreamOptions& options, const OctaveSteps& octave)
    : free_(octave.free),
      spectrum_(spectrum_for(options, octave.origin.defined() ? octave.origin : octave.photo)),
      adam_({.step_size = options.step_size, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}),
      fading_(adam_, {.decay = options.decay, .steps = octave.steps}) {}

Tensor SpectrumStep::step(const Tensor& image, const Tensor& gradient, std::int64_t step) {
    if (!stored_) {
        if (free_.defined()) {
            partly_ = std::make_unique<PartlyStill>(*spectrum_, image, free_);
        }
        stored_.emplace(partly_ ? *partly_ : *spectrum_, fading_);
    }
    return stored_->step(image, gradient, step);
}

}  // namespace reverie
