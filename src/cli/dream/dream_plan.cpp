#include "cli/dream/dream_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cli/pictures/plan_text.h"

namespace reverie {
namespace {

/// The side of a square picture that costs the net as much per pixel as the dream's largest octave: of a tile, or of
/// the whole up to where a larger one would say no more.
std::int64_t probe_side(const DreamPlan& plan, const DreamOptions& options) {
    constexpr std::int64_t kHalo = 96;
    constexpr std::int64_t kLeast = 128;
    constexpr std::int64_t kMost = 640;
    const Size full = plan.octaves.back();
    const auto whole = static_cast<std::int64_t>(std::sqrt(static_cast<double>(full.height * full.width)));
    const std::int64_t seen = plan.tile > 0 ? plan.tile + 2 * (kHalo - options.margin - options.jitter) : whole;
    return std::clamp(seen, kLeast, kMost);
}

/// What a pixel costs in a step.
double seconds_per_pixel_step(FrozenNet& net, const DreamPlan& plan, DreamOptions options) {
    const std::int64_t side = probe_side(plan, options);
    options.octaves = 1;
    options.formula.passes = 1;
    options.stop_above = 0.0;
    options.preview_every = 0;
    options.tile = 0;
    options.steps = 4;
    using Clock = std::chrono::steady_clock;
    // The first step also loads the weights, warms the libraries up and looks at the targets one by one.
    Clock::time_point first;
    std::int64_t reports = 0;
    Hooks hooks;
    hooks.on_progress = [&](const Progress&) { first = reports++ == 0 ? Clock::now() : first; };
    dream(at::full({3, side, side}, 0.5), net, options, 0, hooks);
    const double seconds = std::chrono::duration<double>(Clock::now() - first).count();
    const double per_step = plan_dream({side, side}, net, options).pixel_steps / static_cast<double>(options.steps);
    return seconds / (static_cast<double>(std::max<std::int64_t>(reports - 1, 1)) * per_step);
}

}  // namespace

Settings describe_plan(Size image, FrozenNet& net, const std::vector<DreamOptions>& dreams, std::int64_t max_memory) {
    Settings said;
    std::int64_t bytes = 0;
    std::int64_t tile = 0;
    double seconds = 0.0;
    if (dreams.size() > 1) {
        said.set("dreams", std::to_string(dreams.size()));
    }
    for (const DreamOptions& options : dreams) {
        const DreamPlan plan = plan_dream(image, net, options, max_memory);
        if (&options == &dreams.front()) {
            std::vector<std::string> octaves;
            for (const Size& octave : plan.octaves) {
                octaves.push_back(text_of(octave));
            }
            said.set_list("octaves", octaves);
            const std::int64_t passes = options.formula.passes;
            said.set("steps", std::to_string(plan.steps) + " per octave" +
                                  (passes > 1 ? ", in each of " + std::to_string(passes) + " passes" : ""));
        }
        bytes = std::max(bytes, plan.peak_bytes);
        tile = std::max(tile, plan.tile);
        seconds += (plan.pixel_steps + plan.first_steps) * seconds_per_pixel_step(net, plan, options);
    }
    add_cost(said, bytes, tile, "about", seconds);
    return said;
}

}  // namespace reverie
