#include "reverie/optimize/image_loop.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

/// 0 at the first of so many steps, 1 at the last.
double progress_of(std::int64_t step, std::int64_t steps) {
    return steps > 1 ? static_cast<double>(step) / static_cast<double>(steps - 1) : 0.0;
}

}  // namespace

Tensor NormalizedStep::step(const Tensor& image, const Tensor& gradient, std::int64_t step) {
    constexpr double kTiny = 1e-12;
    const double size = options_.step_size * (1.0 - options_.decay * progress_of(step, options_.steps));
    Tensor move = gradient * (-size / (root_mean_square(gradient) + kTiny));
    if (options_.headroom > 0.0) {
        // Half by the bound ahead, so that white may still darken; half by the nearer one, so that neither end hardens.
        // In few pieces of memory: each is as large as the picture.
        Tensor to_white = 1.0 - image;
        Tensor room = at::where(move > 0, to_white, image);
        room.add_(at::minimum_out(to_white, image, to_white)).mul_(0.5);
        move.mul_(room.div_(options_.headroom).clamp_(0.0, 1.0));
    }
    return move.add_(image);
}

Tensor FadingStep::step(const Tensor& image, const Tensor& gradient, std::int64_t step) {
    Tensor next = rule_.step(image, gradient, step);
    const double faded = options_.decay * progress_of(step, options_.steps);
    return faded > 0.0 ? next.lerp_(image, faded) : next;
}

void require_numbers(const Tensor& image, std::int64_t steps) {
    // Of values near [0,1] the sum is a number unless one of them is none; a mask would take memory.
    if (!std::isfinite(image.sum().item<double>())) {
        throw Error(ErrorKind::Usage, "the picture is no longer made of numbers after " + std::to_string(steps) +
                                          " steps; try a smaller {--step-size}");
    }
}

LoopResult minimize_image(Tensor initial, Objective& objective, const std::vector<GradientTransform>& transforms,
                          StepRule& rule, const ImageLoopOptions& options, const Hooks& hooks) {
    const c10::NoGradGuard no_grad;
    require_image(initial, "the initial image");
    constexpr std::int64_t kReadEvery = 10;
    const std::int64_t read_every = options.read_every > 0 ? options.read_every : initial.is_cpu() ? 1 : kReadEvery;
    bool checked = true;  // that the image at hand is all finite
    LoopResult result{std::move(initial), options.first_step, false};
    for (std::int64_t step = options.first_step; step < options.steps; ++step) {
        if (hooks.cancelled()) {
            result.cancelled = true;
            break;
        }
        Tensor gradient;
        const Tensor value = objective.value_and_gradient(result.image, step, gradient);
        if (options.enough && options.enough(value)) {
            break;
        }
        for (const GradientTransform& transform : transforms) {
            gradient = transform(gradient);
        }
        result.image = rule.step(result.image, gradient, step);
        if (options.clamp) {
            result.image.clamp_(0.0, 1.0);
        }
        ++result.steps;
        const bool reads = (step + 1) % read_every == 0 || step + 1 == options.steps;
        const bool previews =
            hooks.on_preview && options.preview_every > 0 && result.steps % options.preview_every == 0;
        checked = reads || previews;
        if (checked) {  // before anyone is shown it or keeps it
            require_numbers(result.image, result.steps);
        }
        const bool go_on = !options.observe || options.observe({result.image, value, step, reads});
        if (reads && hooks.on_progress) {
            hooks.progress(
                {.stage = options.stage + " step " + std::to_string(step + 1) + "/" + std::to_string(options.steps),
                 .done = options.done_before + options.per_step * static_cast<double>(step + 1),
                 .total = options.total,
                 .unit = options.unit,
                 .value = options.value_sign * value.item<double>(),
                 .value_name = options.value_name});
        }
        if (previews) {
            hooks.on_preview(options.shown ? options.shown(result.image) : result.image, result.steps);
        }
        if (!go_on) {
            break;
        }
    }
    if (!checked) {
        require_numbers(result.image, result.steps);
    }
    return result;
}

}  // namespace reverie
