#include "reverie/techniques/dream.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"
#include "reverie/optimize/image_loop.h"
#include "techniques/dream/dream_objective.h"
#include "techniques/tile_choice.h"

namespace reverie {
namespace {

constexpr std::int64_t kToneLevels = 4;  // local means over about 2^4 pixels

/// Steps of equal strength that are pulled back to the local brightness and colour of the photo.
class DreamStep final : public StepRule {
  public:
    DreamStep(const DreamOptions& options, std::int64_t steps, Tensor photo)
        : step_({.step_size = options.step_size, .decay = options.decay, .steps = steps, .headroom = options.headroom}),
          tone_(options.tone),
          photo_(std::move(photo)) {}

    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override {
        const Tensor moved = step_.step(image, gradient, step);
        return tone_ > 0.0 ? low_pass(photo_ - moved, kToneLevels).mul_(tone_).add_(moved) : moved;
    }

  private:
    NormalizedStep step_;
    double tone_;
    Tensor photo_;
};

std::vector<GradientTransform> transforms_of(const DreamOptions& options) {
    std::vector<GradientTransform> chain;
    chain.emplace_back([bands = BandOptions{options.laplacian, options.band_ratio, options.residual}](const Tensor& g) {
        return normalize_bands(g, bands);
    });
    chain.emplace_back([sigma = options.smooth](const Tensor& g) { return gaussian_blur(g, sigma); });
    if (options.color_basis != ColorBasis::Rgb) {
        chain.emplace_back(
            ColorMixer(options.color_basis == ColorBasis::Luma ? luma_colors() : natural_colors(options.color_power)));
    }
    return chain;
}

void require_job(const DreamJob& job) {
    require_image(job.photo, "the image to dream on");
    require_finite(job.photo, "the image to dream on");
    for (const Tensor& guide : job.guides) {
        require_image(guide, "a guide of {--guide}");
        require_finite(guide, "a guide of {--guide}");
    }
    if (job.protect.defined()) {
        require_image(job.protect, "{--protect}", {1});
        if (size_of(job.protect) != size_of(job.photo)) {
            throw Error(ErrorKind::Usage, "{--protect} is " + tensor_text(job.protect) + " where the picture is " +
                                              tensor_text(job.photo) + "; wanted the same size");
        }
    }
}

}  // namespace

DreamResult dream(const DreamJob& job, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory,
                  const Hooks& hooks) {
    const c10::NoGradGuard no_grad;
    validate(options);
    require_job(job);
    const Size full = size_of(job.photo);
    const DreamPlan plan = plan_dream(full, net, options, max_memory);
    if (plan.dropped > 0) {
        hooks.warn(std::to_string(plan.dropped) + " of " +
                   std::to_string(plan.octaves.size() + static_cast<std::size_t>(plan.dropped)) +
                   " octaves are too small for these layers of " + net.architecture() + " and were left out");
    }
    const std::vector<GradientTransform> transforms = transforms_of(options);
    const Tensor photo = job.photo.to(net.device());
    const Features guides = guide_features(net, options, job.guides);

    /// A dream at one scale, brought to another: enlarged, and the detail that the photo lost in between put back.
    const auto carry = [&](const Tensor& dreamt, const Tensor& base, const Tensor& next_base) {
        const Size size = size_of(next_base);
        return (resize(dreamt, size) + options.detail * (next_base - resize(base, size))).clamp_(0.0, 1.0);
    };

    DreamResult result;
    result.tile = plan.tile;
    Tensor base;
    double done = 0.0;
    for (std::size_t octave = 0; octave < plan.octaves.size() && !result.cancelled; ++octave) {
        const Size size = plan.octaves[octave];
        const Tensor next_base = resize(photo, size).clamp(0.0, 1.0);
        Tensor start = octave == 0 ? next_base : carry(result.image, base, next_base);
        base = next_base;
        result.image = Tensor();  // it goes on as the start: memory is short at the last octave

        const std::int64_t tile = tile_of(size, net, options, plan.tile);
        DreamObjective objective(net, options, {.tile = tile, .octave = octave, .photo = base, .guides = &guides});
        DreamStep rule(options, plan.steps, base);
        Hooks octave_hooks = hooks;
        octave_hooks.on_preview = [&, before = result.steps](const Tensor& picture, std::int64_t step) {
            if (hooks.on_preview) {
                hooks.on_preview(picture.cpu(), before + step);
            }
        };
        const double per_step = step_pixels(size, net, options, plan.tile);
        const LoopResult loop = minimize_image(std::move(start), objective, transforms, rule,
                                               {.steps = plan.steps,
                                                .preview_every = options.preview_every,
                                                .stage = "octave " + std::to_string(octave + 1) + "/" +
                                                         std::to_string(plan.octaves.size()) + " " + text_of(size),
                                                .done_before = done,
                                                .per_step = per_step,
                                                .total = plan.pixel_steps,
                                                .unit = "",
                                                .value_name = "activation",
                                                .value_sign = -1.0},
                                               octave_hooks);
        done += per_step * static_cast<double>(plan.steps);
        result.image = loop.image;
        result.steps += loop.steps;
        result.cancelled = loop.cancelled;
    }
    if (size_of(result.image) != full) {  // stopped early
        result.image = carry(result.image, base, photo);
    }
    result.image = result.image.cpu().contiguous();
    return result;
}

}  // namespace reverie
