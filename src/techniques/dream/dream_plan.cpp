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
constexpr std::int64_t kProgram = 200'000'000;  // bytes

/// What the largest octave measures.
Size dream_size(Size image, const DreamOptions& options) {
    const bool smaller = options.largest > 0 && options.largest < std::max(image.height, image.width);
    return smaller ? fit_longest(image, options.largest) : image;
}

/// Bytes of the whole process, at most: the program itself; the net, whose convolutions take work space beside the
/// tensors that are counted; the picture and what a step makes of it; and the gaps in between, as pieces of memory come
/// and go.
std::int64_t process_bytes(const FrozenNet& net, const DreamOptions& options, const std::vector<std::string>& taps,
                           Size patch, Size picture) {
    // The photo, its octave, the dream and its gradient, with what a step makes of them. In the first step of a whole
    // picture each target has a gradient of its own, but then the net's memory is most of it.
    const bool whole = patch == picture;
    std::int64_t images = whole ? std::max<std::int64_t>(static_cast<std::int64_t>(taps.size()), 3) + 3 : 8;
    if (options.parameterization != DreamParameterization::Pixels) {
        images += 10;  // what is stored, Adam's two moments, and spectra on the way
    }
    const std::int64_t weights = net.weight_bytes(taps);
    const std::int64_t at_work = net.bytes(patch, taps) - weights;
    return kProgram + weights + (at_work + picture.height * picture.width * 3 * 4 * images) * 5 / 4;
}

/// What an octave's first step takes beyond another, in steps: it looks at the targets one by one, and before that, for
/// some, at the whole picture.
double first_step_more(const DreamOptions& options, bool tiled) {
    if (!options.formula.balance_layers) {
        return 0.0;
    }
    constexpr double kForward = 0.4;  // of a step's forward and backward pass
    const auto more = static_cast<double>(options.layers.size() - 1) * (1.0 - kForward);
    const double looks = options.channel_balance > 0.0 ? kForward : 0.0;
    return looks + (tiled ? 1.0 + more : more);
}

std::int64_t choose_tiles(Size image, const FrozenNet& net, const DreamOptions& options,
                          const std::vector<std::string>& taps, std::int64_t max_memory, std::int64_t& bytes) {
    const PatchGrid whole = patch_grid(net, 0);
    const auto bytes_in = [&](Size picture, std::int64_t tile) {
        const Size canvas = dream_canvas(picture, options, {.tile = tile, .stride = whole.stride});
        const std::int64_t side = tile == 0 ? std::max(canvas.height, canvas.width) : tile + 2 * kTileHalo;
        const Size patch = {std::min(side, canvas.height), std::min(side, canvas.width)};
        return process_bytes(net, options, taps, patch, canvas);
    };
    const Size full = dream_canvas(image, options, whole);
    const std::int64_t longest = std::max(full.height, full.width);
    const auto fits = [&](std::int64_t tile) {
        bytes = bytes_in(image, tile);
        return max_memory <= 0 || bytes <= max_memory;
    };
    if (options.tile != DreamOptions::kAutoTile) {
        const std::int64_t tile = tile_at(full, options.tile);
        if (!fits(tile)) {
            throw Error(ErrorKind::Device,
                        "a picture of " + text_of(image) + " pixels takes " +
                            human_bytes(static_cast<std::uint64_t>(bytes)) + " of memory with {--tile} " +
                            (options.tile == 0 ? "off" : std::to_string(options.tile)) + ", more than the " +
                            human_bytes(static_cast<std::uint64_t>(max_memory)) +
                            " that it may take here; take {--tile} auto, or raise that with {--max-memory}");
        }
        return tile;
    }
    if (fits(0)) {
        return 0;
    }
    const std::int64_t tile = choose_tile({.least = 128, .finer = 64, .longest = longest}, bytes_in, image, max_memory);
    bytes = bytes_in(image, tile);
    return tile;
}

}  // namespace

double step_pixels(Size canvas, const PatchGrid& grid) {
    const Size tile = grid.tile > 0 ? tile_sides(canvas, grid) : Size{};
    double pixels = 0.0;
    for (const DreamPatch& patch : patches_of(canvas, grid, {tile.height / 2, tile.width / 2})) {
        pixels += static_cast<double>(patch.seen().height * patch.seen().width);
    }
    return pixels;
}

std::int64_t tile_of(Size picture, const FrozenNet& net, const DreamOptions& options, std::int64_t tile) {
    return tile_at(dream_canvas(picture, options, patch_grid(net, 0)), tile);
}

double step_pixels(Size picture, const FrozenNet& net, const DreamOptions& options, std::int64_t tile) {
    const PatchGrid grid = patch_grid(net, tile_of(picture, net, options, tile));
    return step_pixels(dream_canvas(picture, options, grid), grid);
}

DreamPlan plan_dream(Size image, const FrozenNet& net, const DreamOptions& options, std::int64_t max_memory) {
    if (std::min(image.height, image.width) < kSmallestSide) {
        throw Error(ErrorKind::Input, "the picture is " + text_of(image) +
                                          " pixels, too small to dream on; wanted at least " +
                                          std::to_string(kSmallestSide) + " on each side, so enlarge it with {--size}");
    }
    check_targets(net.graph(), options.layers);
    const std::vector<std::string> taps = dream_taps(net, options);
    const std::int64_t least = net.min_side(taps);
    DreamPlan plan;
    const Size top = dream_size(image, options);
    for (const Size size : octave_sizes(top, options)) {
        const Size canvas = dream_canvas(size, options, {});
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

    plan.tile = choose_tiles(top, net, options, taps, max_memory, plan.peak_bytes);
    plan.peak_bytes = std::max(plan.peak_bytes, kProgram + image.height * image.width * 3 * 4 * 5);
    for (const Size size : plan.octaves) {
        const double step = step_pixels(size, net, options, plan.tile);
        plan.pixel_steps += step * static_cast<double>(plan.steps * options.formula.passes);
        plan.first_steps +=
            step * first_step_more(options, plan.tile > 0) * static_cast<double>(options.formula.passes);
    }
    return plan;
}

}  // namespace reverie
