// What --dry-run says of a style transfer.
#pragma once

#include "reverie/cli/run_pictures.h"
#include "reverie/techniques/style.h"

namespace reverie {

/// What a step takes: its net by the pixel, and its statistics, which do not grow with the picture.
struct StyleCost {
    double seconds_per_pixel = 0.0;
    double seconds_per_step = 0.0;
};

/// Measured by a few steps at two small sizes, with the same styles and options. Throws Cancelled when `hooks` say so,
/// of which nothing else is used.
StyleCost measure_cost(StyleNets nets, const std::vector<StyleSource>& styles, const StyleOptions& options,
                       const Hooks& hooks);

/// Scales, memory, tiles and the time it will take at most. Throws like Stylizer::plan.
PicturePlan describe_plan(Size content, const Stylizer& stylizer, const StyleCost& cost);

}  // namespace reverie
