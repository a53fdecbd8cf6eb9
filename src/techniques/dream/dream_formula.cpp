#include "techniques/dream/dream_formula.h"

#include <algorithm>
#include <cmath>

namespace reverie {

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

}  // namespace reverie
