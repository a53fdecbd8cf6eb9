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

constexpr std::int64_t kSmallestSide = 16;
constexpr std::int64_t kToneLevels = 4;  // local means over about 2^4 pixels

/// Few octaves leave a picture hardly changed at the step count that suits many.
std::int64_t steps_for(std::size_t octaves, const DreamOptions& options) {
    if (options.steps > 0) {
        return options.steps;
    }
    return std::clamp<std::int64_t>(std::llround(84.0 / static_cast<double>(octaves)), 14, 40);
}

std::vector<Size> octave_sizes(Size full, const DreamOptions& options) {
    std::int64_t count = options.octaves;
    if (count == 0) {
        const double ratio =
            static_cast<double>(std::max(full.height, full.width)) / static_cast<double>(options.smallest);
        count = 1 + std::max<std::int64_t>(0, std::llround(std::log(ratio) / std::log(options.octave_scale)));
    }
    std::vector<Size> sizes;
    for (std::int64_t i = count - 1; i >= 0; --i) {
        const double shrink = std::pow(options.octave_scale, static_cast<double>(i));
        const auto side = [&](std::int64_t n) {
            return std::max<std::int64_t>(1, std::llround(static_cast<double>(n) / shrink));
        };
        sizes.push_back({side(full.height), side(full.width)});
    }
    return sizes;
}

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

/// Bytes of the whole process, at most: the program itself; the net, whose convolutions take work space beside the
/// tensors that are counted; the picture and what a step makes of it; and the gaps in between, as pieces of memory come
/// and go.
std::int64_t process_bytes(const FrozenNet& net, const std::vector<std::string>& taps, Size patch, Size picture) {
    constexpr std::int64_t kProgram = 200'000'000;
    // The photo, its octave, the dream and the mirrored canvas; then either a gradient for each layer (in the first
    // step), or one with what a step makes of it.
    const auto images = static_cast<std::int64_t>(std::max<std::size_t>(taps.size(), 4)) + 4;
    const std::int64_t weights = net.weight_bytes(taps);
    const std::int64_t at_work = net.bytes(patch, taps) - weights;
    return kProgram + weights + (at_work + picture.height * picture.width * 3 * 4 * images) * 5 / 4;
}

/// Pixels that go through the net in one step, the halos of tiles included.
double step_pixels(Size canvas, std::int64_t tile) {
    const auto pixels = static_cast<double>(canvas.height * canvas.width);
    const double seen = tile == 0 ? 1.0 : static_cast<double>(tile + 2 * kTileHalo) / static_cast<double>(tile);
    return pixels * seen * seen;
}

}  // namespace

DreamPlan plan_dream(Size image, const FrozenNet& net, const DreamOptions& options, std::int64_t max_memory) {
    if (std::min(image.height, image.width) < kSmallestSide) {
        throw Error(ErrorKind::Input, "the picture is " + text_of(image) +
                                          " pixels, too small to dream on; wanted at least " +
                                          std::to_string(kSmallestSide) + " on each side, so enlarge it with {--size}");
    }
    require_distinct(net.graph(), options.layers, "{--layers}");
    const std::vector<std::string> taps = taps_of(options.layers);
    const std::int64_t least = net.min_side(taps);
    DreamPlan plan;
    for (const Size size : octave_sizes(image, options)) {
        const Size canvas = dream_canvas(size, options);
        if (std::min(canvas.height, canvas.width) < least) {
            ++plan.dropped;
            continue;
        }
        plan.octaves.push_back(size);
    }
    if (plan.octaves.empty()) {
        throw Error(ErrorKind::Input,
                    "the picture is " + text_of(image) + " pixels, too small for these layers of " +
                        net.architecture() + ", which need " + std::to_string(least) +
                        " on each side with the margins; enlarge it with {--size} or choose shallower {--layers}");
    }

    plan.steps = steps_for(plan.octaves.size(), options);

    const Size full = dream_canvas(plan.octaves.back(), options);
    plan.peak_bytes = process_bytes(net, taps, full, full);
    if (max_memory > 0 && plan.peak_bytes > max_memory) {
        const auto bytes = [&](Size picture, std::int64_t tile) {
            const Size canvas = dream_canvas(picture, options);
            const std::int64_t side = tile + 2 * kTileHalo;
            const Size patch = {std::min(side, canvas.height), std::min(side, canvas.width)};
            return process_bytes(net, taps, patch, canvas);
        };
        plan.tile = choose_tile({.least = 128, .finer = 64, .longest = std::max(full.height, full.width)}, bytes, image,
                                max_memory);
        plan.peak_bytes = bytes(image, plan.tile);
    }
    for (const Size size : plan.octaves) {
        const Size canvas = dream_canvas(size, options);
        plan.pixel_steps += step_pixels(canvas, tile_at(canvas, plan.tile)) * static_cast<double>(plan.steps);
    }
    return plan;
}

DreamResult dream(const Tensor& image, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory,
                  const Hooks& hooks) {
    const c10::NoGradGuard no_grad;
    validate(options);
    require_image(image, "the image to dream on");
    require_finite(image, "the image to dream on");
    const Size full = size_of(image);
    const DreamPlan plan = plan_dream(full, net, options, max_memory);
    if (plan.dropped > 0) {
        hooks.warn(std::to_string(plan.dropped) + " of " +
                   std::to_string(plan.octaves.size() + static_cast<std::size_t>(plan.dropped)) +
                   " octaves are too small for these layers of " + net.architecture() + " and were left out");
    }
    const std::vector<GradientTransform> transforms = transforms_of(options);
    const Tensor photo = image.to(net.device());

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

        const Size canvas = dream_canvas(size, options);
        const std::int64_t tile = tile_at(canvas, plan.tile);
        DreamObjective objective(net, options, {.tile = tile, .octave = octave});
        DreamStep rule(options, plan.steps, base);
        Hooks octave_hooks = hooks;
        octave_hooks.on_preview = [&, before = result.steps](const Tensor& picture, std::int64_t step) {
            if (hooks.on_preview) {
                hooks.on_preview(picture.cpu(), before + step);
            }
        };
        const double per_step = step_pixels(canvas, tile);
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
