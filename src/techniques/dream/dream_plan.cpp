#include <algorithm>
#include <string>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"
#include "techniques/dream/dream_formula.h"
#include "techniques/dream/dream_objective.h"
#include "techniques/tile_choice.h"

namespace reverie {
namespace {

constexpr std::int64_t kSmallestSide = 16;

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

}  // namespace

double step_pixels(Size canvas, std::int64_t tile) {
    const auto pixels = static_cast<double>(canvas.height * canvas.width);
    const double seen = tile == 0 ? 1.0 : static_cast<double>(tile + 2 * kTileHalo) / static_cast<double>(tile);
    return pixels * seen * seen;
}

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
        plan.pixel_steps +=
            step_pixels(canvas, tile_at(canvas, plan.tile)) * static_cast<double>(plan.steps * options.formula.passes);
    }
    return plan;
}

}  // namespace reverie
