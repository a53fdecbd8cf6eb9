#include "cli/dream/dream_plan.h"

#include <algorithm>

#include "cli/pictures/plan_text.h"

namespace reverie {

PicturePlan describe_plan(Size image, FrozenNet& net, const std::vector<DreamOptions>& dreams,
                          const std::vector<Tensor>& guides, std::int64_t max_memory) {
    PicturePlan described{.how_surely = "about", .once = 0.3};  // before and after it dreams
    Settings& said = described.said;
    std::int64_t bytes = 0;
    std::int64_t tile = 0;
    if (dreams.size() > 1) {
        said.set("dreams", std::to_string(dreams.size()));
    }
    // Of many dreams some are tried, each for its neighbours.
    constexpr std::size_t kTried = 4;
    const std::size_t every = std::max<std::size_t>(1, dreams.size() / kTried);
    double tried = 0.0;
    for (std::size_t i = 0; i < dreams.size(); ++i) {
        const DreamOptions& options = dreams[i];
        const DreamPlan plan = plan_dream(image, net, options, max_memory);
        if (i == 0) {
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
        if (i % every == 0) {
            tried = dream_seconds(plan, net, options, guides);
        }
        described.seconds += tried;
    }
    add_cost(described, bytes, tile);
    return described;
}

}  // namespace reverie
