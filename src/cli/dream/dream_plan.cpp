#include "cli/dream/dream_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "cli/pictures/plan_text.h"

namespace reverie {
namespace {

/// A step's time grows with its pixels, so a small picture tells what a pixel costs.
double seconds_per_pixel_step(FrozenNet& net, DreamOptions options, std::int64_t max_memory) {
    const std::int64_t side = std::max<std::int64_t>(256, 64);
    options.octaves = 1;
    options.formula.passes = 1;
    options.stop_above = 0.0;
    options.preview_every = 0;
    const Tensor grey = at::full({3, side, side}, 0.5);
    const auto seconds = [&](std::int64_t steps) {
        options.steps = steps;
        const auto begin = std::chrono::steady_clock::now();
        dream(grey, net, options, max_memory);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    seconds(1);  // loads the weights and warms the libraries up
    constexpr std::int64_t kSteps = 4;
    // The first step of an octave looks at every layer apart and takes longer; what counts is what one more step takes.
    const double more = std::max(0.0, seconds(1 + kSteps) - seconds(1));
    options.steps = kSteps;
    return more / plan_dream({side, side}, net, options, max_memory).pixel_steps;
}

}  // namespace

Settings describe_plan(Size image, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory) {
    const DreamPlan plan = plan_dream(image, net, options, max_memory);
    std::vector<std::string> octaves;
    for (const Size& octave : plan.octaves) {
        octaves.push_back(text_of(octave));
    }
    Settings said;
    said.set_list("octaves", octaves);
    const std::int64_t passes = options.formula.passes;
    said.set("steps", std::to_string(plan.steps) + " per octave" +
                          (passes > 1 ? ", in each of " + std::to_string(passes) + " passes" : ""));
    add_cost(said, plan.peak_bytes, plan.tile, "about",
             plan.pixel_steps * seconds_per_pixel_step(net, options, max_memory));
    return said;
}

}  // namespace reverie
