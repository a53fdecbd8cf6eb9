#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "reverie/core/device.h"
#include "techniques/dream/dream_formula.h"
#include "techniques/dream/dream_objective.h"

namespace reverie {
namespace {

/// The side of a square that costs the net as much per pixel as what goes through it at once: a tile with its halo, or
/// the whole of the largest octave, up to where a larger one would say no more.
std::int64_t probe_side(const DreamPlan& plan, const DreamOptions& options) {
    constexpr std::int64_t kLeast = 128;
    constexpr std::int64_t kMost = 640;
    const Size full = plan.octaves.back();
    const auto whole = static_cast<std::int64_t>(std::sqrt(static_cast<double>(full.height * full.width)));
    const std::int64_t seen = plan.tile > 0 ? plan.tile + 2 * (kTileHalo - options.margin - options.jitter) : whole;
    return std::clamp(seen, kLeast, kMost);
}

/// Seconds of one call, the mean of a few after one that warms the libraries up.
double seconds_of(c10::Device device, const std::function<void(std::int64_t step)>& work) {
    constexpr std::int64_t kTimes = 3;
    work(0);
    synchronize(device);
    const auto begin = std::chrono::steady_clock::now();
    for (std::int64_t step = 1; step <= kTimes; ++step) {
        work(step);
    }
    synchronize(device);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / kTimes;
}

}  // namespace

double dream_seconds(const DreamPlan& plan, FrozenNet& net, const DreamOptions& options,
                     const std::vector<Tensor>& guides) {
    const c10::NoGradGuard no_grad;
    const std::int64_t side = probe_side(plan, options);
    const Tensor grey = at::full({3, side, side}, 0.5, at::TensorOptions(at::kFloat).device(net.device()));
    const Features features = guide_features(net, options, guides);
    DreamObjective objective(net, options, {.photo = grey, .guides = &features});
    Tensor gradient;
    const double net_seconds =
        seconds_of(net.device(), [&](std::int64_t step) { objective.value_and_gradient(grey, step, gradient); });

    const Tensor free = free_of(grey, {}, options.calm);
    const std::vector<GradientTransform> transforms = transforms_of(options, free);
    const std::unique_ptr<StepRule> rule = make_step(options, {.steps = plan.steps, .photo = grey, .free = free});
    const double step_seconds = seconds_of(net.device(), [&](std::int64_t step) {
        Tensor transformed = gradient;
        for (const GradientTransform& transform : transforms) {
            transformed = transform(transformed);
        }
        rule->step(grey, transformed, std::min(step, plan.steps - 1));
    });

    const auto steps = static_cast<double>(plan.steps * options.formula.passes);
    double pixels = 0.0;
    for (const Size& octave : plan.octaves) {
        pixels += static_cast<double>(octave.height * octave.width) * steps;
    }
    const bool local = std::ranges::all_of(
        options.layers, [](const DreamTarget& target) { return target.kind == DreamTarget::Kind::Neuron; });
    const double looks = local ? static_cast<double>(plan.octaves.size()) * steps  // at one place, whatever the size
                               : (plan.pixel_steps + plan.first_steps) / step_pixels({side, side}, net, options, 0);
    return net_seconds * looks + step_seconds * pixels / static_cast<double>(side * side);
}

}  // namespace reverie
