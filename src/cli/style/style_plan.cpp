#include "cli/style/style_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "cli/pictures/plan_text.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

/// Pixels that one step of a square of that side takes through the net, and its seconds.
struct Probe {
    double pixels = 0.0;
    double seconds = 0.0;
};

Probe probe(StyleNets nets, const std::vector<StyleSource>& styles, StyleOptions options, std::int64_t side,
            const Hooks& stop) {
    constexpr std::int64_t kSteps = 5;
    options.min_size = side;
    options.steps = kSteps;
    options.first_steps = 0;
    options.patience = 0;
    options.preview_every = 0;
    Stylizer stylizer(nets, styles, options, 0);

    std::vector<double> seconds;
    auto last = std::chrono::steady_clock::now();
    StyleHooks hooks;
    hooks.cancel = stop.cancel;
    hooks.on_trace = [&](const StyleTrace&) {
        const auto now = std::chrono::steady_clock::now();
        seconds.push_back(std::chrono::duration<double>(now - last).count());
        last = now;
    };
    StyleJob job;
    // Not flat: what the statistics take must not depend on a degenerate picture.
    const Tensor ramp = at::linspace(0.1, 0.9, side);
    job.content = at::stack({ramp.unsqueeze(0).expand({side, side}), ramp.unsqueeze(1).expand({side, side}),
                             (ramp.unsqueeze(0) * ramp.unsqueeze(1)).expand({side, side})})
                      .contiguous();
    if (stylizer.stylize(job, hooks).cancelled) {
        throw Error(ErrorKind::Cancelled, "stopped");
    }
    // The first step also prepares targets and loads weights.
    std::sort(seconds.begin() + 1, seconds.end());
    const StylePlan plan = stylizer.plan({side, side});
    const auto steps = static_cast<double>(std::accumulate(plan.steps.begin(), plan.steps.end(), std::int64_t{0}));
    return {plan.pixel_steps / steps, seconds.at(1 + (seconds.size() - 1) / 2)};
}

}  // namespace

StyleCost measure_cost(StyleNets nets, const std::vector<StyleSource>& styles, const StyleOptions& options,
                       const Hooks& hooks) {
    const Probe small = probe(nets, styles, options, 128, hooks);
    const Probe large = probe(nets, styles, options, 256, hooks);
    StyleCost cost;
    cost.seconds_per_pixel = std::max(0.0, (large.seconds - small.seconds) / (large.pixels - small.pixels));
    cost.seconds_per_step = std::max(0.0, large.seconds - cost.seconds_per_pixel * large.pixels);
    return cost;
}

PicturePlan describe_plan(Size content, const Stylizer& stylizer, const StyleCost& cost) {
    const StylePlan plan = stylizer.plan(content);
    PicturePlan described{.how_surely = "at most about"};
    std::vector<std::string> scales;
    std::vector<std::string> steps;
    double all_steps = 0.0;
    for (std::size_t i = 0; i < plan.scales.size(); ++i) {
        scales.push_back(text_of(plan.scales[i]));
        steps.push_back(std::to_string(plan.steps[i]));
        all_steps += static_cast<double>(plan.steps[i]);
    }
    described.said.set_list("scales", scales);
    described.said.set_list("steps", steps);
    described.seconds = plan.pixel_steps * cost.seconds_per_pixel + all_steps * cost.seconds_per_step;
    add_cost(described, plan.peak_bytes, plan.tile);
    return described;
}

}  // namespace reverie
