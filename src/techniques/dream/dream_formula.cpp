#include "techniques/dream/dream_formula.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/core/random.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"
#include "reverie/optimize/step_rules.h"
#include "reverie/optimize/total_variation.h"
#include "techniques/dream/dream_spectrum.h"

namespace reverie {
namespace {

using Pyramid = DreamFormula::Pyramid;
using Scaling = DreamFormula::Scaling;
using Step = DreamFormula::Step;

/// Steps in the pixels that a publication counts in, as long as it makes them.
class PublishedStep final : public StepRule {
  public:
    PublishedStep(const DreamOptions& options, const OctaveSteps& octave)
        : options_(options),
          number_(octave.number),
          steps_(octave.steps),
          range_(at::tensor(options.formula.pixel_range, octave.photo.options()).view({3, 1, 1})) {}

    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override {
        const Tensor direction = normalized(blurred(gradient / range_, step));
        return image - direction * (options_.step_size / range_);
    }

  private:
    /// Gordić's blur, which mirrors at the edges of the picture as the net saw it: rolled.
    Tensor blurred(const Tensor& gradient, std::int64_t step) const {
        if (!options_.formula.growing_blur || options_.smooth <= 0.0) {
            return gradient;
        }
        constexpr std::int64_t kRadius = 4;
        const double sigma = options_.smooth + 2.0 * static_cast<double>(step + 1) / static_cast<double>(steps_);
        const DreamCanvas::Shift shift = shift_of(options_, number_, step);
        const Tensor rolled = gradient.roll({shift.down, shift.right}, {1, 2});
        const auto blur = [&](double factor) { return gaussian_blur(rolled, factor * sigma, kRadius); };
        return blur(0.5).add_(blur(1.0)).add_(blur(2.0)).div_(3.0).roll({-shift.down, -shift.right}, {1, 2});
    }

    Tensor normalized(const Tensor& gradient) const {
        // The floors are those of Chollet's books; a gradient of nothing leaves the picture as it is.
        constexpr double kLeastSquare = 1e-12;
        constexpr double kLeast = 1e-7;
        constexpr double kTiny = 1e-30;
        switch (options_.formula.step) {
            case Step::Length:
                return gradient / gradient.square().sum().clamp_min(kLeastSquare).sqrt();
            case Step::MeanAbsolute:
                return gradient / gradient.abs().mean().clamp_min(kLeast);
            case Step::Deviation:
                return (gradient - gradient.mean()) / gradient.std().clamp_min(kTiny);
            case Step::Rms:
            case Step::Adam:
                break;
        }
        return gradient;
    }

    DreamOptions options_;
    std::uint64_t number_;
    std::int64_t steps_;
    Tensor range_;  // [3,1,1]
};

/// Steps of another rule that are pulled back to the local brightness and colour of the photo.
class TonedStep final : public StepRule {
  public:
    TonedStep(std::unique_ptr<StepRule> rule, double tone, Tensor photo)
        : rule_(std::move(rule)), tone_(tone), photo_(std::move(photo)) {}

    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override {
        constexpr std::int64_t kToneLevels = 4;  // local means over about 2^4 pixels
        const Tensor moved = rule_->step(image, gradient, step);
        return low_pass(photo_ - moved, kToneLevels).mul_(tone_).add_(moved);
    }

  private:
    std::unique_ptr<StepRule> rule_;
    double tone_;
    Tensor photo_;
};

/// Steps of another rule, whose gradient is also that of two penalties: distance from the photo, and roughness.
class HeldStep final : public StepRule {
  public:
    HeldStep(std::unique_ptr<StepRule> rule, const DreamOptions& options, Tensor photo)
        : rule_(std::move(rule)), keep_(options.keep), tv_(options.tv), photo_(std::move(photo)) {}

    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override {
        constexpr double kFar = 0.1;  // a difference that with weight 1 pulls as strongly as the dream
        const Tensor size = root_mean_square(gradient) + 1e-12;
        Tensor held = gradient / size;
        if (keep_ > 0.0) {
            held.add_(image - photo_, keep_ / kFar);
        }
        if (tv_ > 0.0) {
            // The variation is a mean over pixels.
            add_variation_(image, Variation::Squared, tv_ * static_cast<double>(image.numel()), 1.0, held);
        }
        return rule_->step(image, held.mul_(size), step);
    }

  private:
    std::unique_ptr<StepRule> rule_;
    double keep_, tv_;
    Tensor photo_;
};

/// Steps of another rule, taken only as far as each pixel may move.
class PartialStep final : public StepRule {
  public:
    PartialStep(std::unique_ptr<StepRule> rule, Tensor free) : rule_(std::move(rule)), free_(std::move(free)) {}

    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override {
        Tensor moved = rule_->step(image, gradient, step);
        return moved.sub_(image).mul_(free_).add_(image);  // not at all: to the bit
    }

  private:
    std::unique_ptr<StepRule> rule_;
    Tensor free_;
};

std::unique_ptr<StepRule> untoned_step(const DreamOptions& options, const OctaveSteps& octave) {
    if (options.parameterization != DreamParameterization::Pixels) {
        return std::make_unique<SpectrumStep>(options, octave);
    }
    switch (options.formula.step) {
        case Step::Rms:
            return std::make_unique<NormalizedStep>(NormalizedStepOptions{.step_size = options.step_size,
                                                                          .decay = options.decay,
                                                                          .steps = octave.steps,
                                                                          .headroom = options.headroom});
        case Step::Adam: {
            // In pixels of [0,1] the gradient is longer by as much as the step is shorter.
            const double range = options.formula.pixel_range.front();
            return std::make_unique<Adam>(Adam::Options{
                .step_size = options.step_size / range, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8 * range});
        }
        case Step::Length:
        case Step::MeanAbsolute:
        case Step::Deviation:
            break;
    }
    return std::make_unique<PublishedStep>(options, octave);
}

}  // namespace

std::int64_t steps_for(std::size_t octaves, const DreamOptions& options) {
    if (options.steps > 0) {
        return options.steps;
    }
    // A spectrum takes more and smaller steps.
    const bool pixels = options.parameterization == DreamParameterization::Pixels;
    const double all = pixels ? 84.0 : 256.0;
    return std::clamp<std::int64_t>(std::llround(all / static_cast<double>(octaves)), pixels ? 14 : 48,
                                    pixels ? 40 : 256);
}

std::vector<Size> octave_sizes(Size full, const DreamOptions& options) {
    std::int64_t count = options.octaves;
    if (count == 0) {
        const double ratio =
            static_cast<double>(std::max(full.height, full.width)) / static_cast<double>(options.smallest);
        count = 1 + std::max<std::int64_t>(0, std::llround(std::log(ratio) / std::log(options.octave_scale)));
    }
    const Pyramid pyramid = options.formula.pyramid;
    const auto side = [&](std::int64_t n, double shrink) {
        const double exact = static_cast<double>(n) / shrink;
        return std::max<std::int64_t>(
            1, pyramid == Pyramid::Down ? static_cast<std::int64_t>(exact) : std::llround(exact));
    };
    std::vector<Size> sizes(static_cast<std::size_t>(count), full);
    for (std::int64_t i = 1; i < count; ++i) {
        const bool chained = pyramid == Pyramid::Chained;
        const Size from = chained ? sizes[static_cast<std::size_t>(count - i)] : full;
        const double shrink = std::pow(options.octave_scale, chained ? 1.0 : static_cast<double>(i));
        sizes[static_cast<std::size_t>(count - 1 - i)] = {side(from.height, shrink), side(from.width, shrink)};
    }
    return sizes;
}

Tensor scaled(const Tensor& picture, Size size, Scaling scaling) {
    if (size == size_of(picture)) {
        return picture;
    }
    if (scaling == Scaling::Bicubic) {
        return resize(picture, size);
    }
    return at::upsample_bilinear2d(picture.unsqueeze(0), {size.height, size.width}, scaling == Scaling::Corners)
        .squeeze(0);
}

Tensor octave_photo(const Tensor& photo, const std::vector<Size>& octaves, std::size_t octave,
                    const DreamFormula& formula) {
    Tensor shrunk = photo;
    const std::size_t first = formula.pyramid == Pyramid::Chained ? octaves.size() - 1 : octave;
    for (std::size_t i = first + 1; i-- > octave;) {
        shrunk = scaled(shrunk, octaves[i], formula.scaling);
    }
    const auto [least, most] = shrunk.aminmax();
    const bool within = least.item<double>() >= 0.0 && most.item<double>() <= 1.0;
    return within ? shrunk : shrunk.clamp(0.0, 1.0);  // a copy of the whole photo would take memory
}

std::vector<GradientTransform> transforms_of(const DreamOptions& options, const Tensor& free) {
    std::vector<GradientTransform> chain;
    chain.emplace_back([bands = BandOptions{options.laplacian, options.band_ratio, options.residual}](const Tensor& g) {
        return normalize_bands(g, bands);
    });
    if (!options.formula.growing_blur) {
        chain.emplace_back([sigma = options.smooth](const Tensor& g) { return gaussian_blur(g, sigma); });
    }
    if (options.focus > 0.0) {
        chain.emplace_back([power = options.focus](const Tensor& g) { return focus(g, power); });
    }
    if (options.color_basis != ColorBasis::Rgb && options.parameterization == DreamParameterization::Pixels) {
        chain.emplace_back(
            ColorMixer(options.color_basis == ColorBasis::Luma ? luma_colors() : natural_colors(options.color_power)));
    }
    if (free.defined()) {  // what may not move is no part of the gradient's size
        chain.emplace_back([moves = (free > 0).to(at::kFloat)](const Tensor& g) { return g * moves; });
    }
    return chain;
}

DreamCanvas::Shift shift_of(const DreamOptions& options, std::uint64_t stage, std::int64_t step) {
    const auto draw = [&](std::uint64_t axis) {
        return random_integer(options.seed, stage, static_cast<std::uint64_t>(step) * 4 + axis, -options.jitter,
                              options.jitter);
    };
    return {.down = draw(0), .right = draw(1)};
}

Tensor free_of(const Tensor& photo, const Tensor& protect, double calm) {
    if (!protect.defined() && calm <= 0.0) {
        return {};
    }
    Tensor free = at::ones({1, photo.size(1), photo.size(2)}, photo.options());
    if (calm > 0.0) {
        constexpr std::int64_t kLevels = 3;      // within about 2^3 pixels
        constexpr double kStructure = 1.0 / 16;  // a deviation from which on there is something to see
        const Tensor luma = luma_of(photo);
        const Tensor deviation =
            (low_pass(luma.square(), kLevels) - low_pass(luma, kLevels).square()).clamp_min_(0).sqrt_();
        free.sub_((1.0 - (deviation / kStructure).clamp_max_(1.0).square_()) * calm);
    }
    if (protect.defined()) {
        free.mul_((1.0 - resize(protect.to(photo.device()), size_of(photo))).clamp_(0.0, 1.0));
    }
    return free;
}

std::unique_ptr<StepRule> make_step(const DreamOptions& options, const OctaveSteps& octave) {
    DreamOptions here = options;
    double reach = octave.reach;
    if (octave.free.defined()) {
        reach *= (octave.free > 0).to(at::kFloat).mean().item<double>();
    }
    if (options.formula.step == Step::Rms && options.parameterization == DreamParameterization::Pixels) {
        here.step_size *= std::sqrt(reach);  // what cannot move makes the rest move no further
    }
    std::unique_ptr<StepRule> rule = untoned_step(here, octave);
    if (options.keep > 0.0 || options.tv > 0.0) {
        rule = std::make_unique<HeldStep>(std::move(rule), options, octave.photo);
    }
    if (options.tone > 0.0) {
        rule = std::make_unique<TonedStep>(std::move(rule), options.tone, octave.photo);
    }
    if (octave.free.defined() && options.parameterization == DreamParameterization::Pixels) {
        rule = std::make_unique<PartialStep>(std::move(rule), octave.free);
    }
    return rule;
}

}  // namespace reverie
