#include "techniques/style/style_plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reverie/core/error.h"
#include "reverie/image/resample.h"
#include "reverie/optimize/step_rules.h"
#include "techniques/style/style_tiles.h"
#include "techniques/tile_choice.h"

namespace reverie {
namespace {

constexpr std::int64_t kSmallestSide = 16;
constexpr std::int64_t kFewestSteps = 8;
constexpr double kReference = 128.0;  // the longest side that gets all steps
constexpr std::int64_t kLeastTile = 64;
constexpr std::int64_t kStyleTile = 512;  // styles are looked at in tiles of at most this

std::vector<Size> scale_sizes(Size content, std::int64_t min_size, std::int64_t least) {
    const std::int64_t longest = std::max(content.height, content.width);
    std::vector<Size> sizes = {content};
    for (int k = 1;; ++k) {
        const auto side = std::llround(static_cast<double>(longest) / std::pow(std::numbers::sqrt2, k));
        const Size size = fit_longest(content, std::max<std::int64_t>(side, 1));
        if (side < min_size || std::min(size.height, size.width) < least) {
            break;
        }
        sizes.insert(sizes.begin(), size);
    }
    return sizes;
}

std::int64_t steps_at(Size size, bool smallest, const StyleOptions& options) {
    if (smallest && options.first_steps > 0) {
        return options.first_steps;
    }
    const double ratio = kReference / static_cast<double>(std::max(size.height, size.width));
    const auto steps =
        std::llround(static_cast<double>(options.steps) * std::pow(std::min(ratio, 1.0), options.falloff));
    return std::max<std::int64_t>(steps, std::min(options.steps, kFewestSteps));
}

/// What the content looks like in some layers.
std::int64_t target_bytes(const FrozenNet& net, const std::vector<LayerWeight>& layers, Size picture) {
    const std::vector<Size> sizes = sizes_of(net.graph(), picture);
    std::int64_t bytes = 0;
    for (const LayerWeight& layer : layers) {
        const auto node = static_cast<std::size_t>(find_tap(net.graph(), layer.tap));
        bytes += sizes[node].height * sizes[node].width * net.graph().nodes[node].channels * 4;
    }
    return bytes;
}

/// Bytes of the whole process: the program; the net, whose convolutions and statistics take work space beside the
/// tensors that are counted; and, per pixel of the picture, what is kept of it in full. At most: a tenth above what was
/// measured from 500 to 2000 pixels.
std::int64_t process_bytes(const StyleNets& nets, const StyleOptions& options, Size patch, Size content_patch,
                           Size style_patch, Size picture) {
    constexpr std::int64_t kProgram = 300'000'000;
    // Input, result so far, its successor, gradient, two moments, running mean, and what a step takes.
    std::int64_t images = 8;
    if (options.optimizer == StyleOptimizer::Lbfgs) {
        images += 2 * std::min(Lbfgs::Options{}.history, options.steps);
    }
    const FrozenNet& net = nets.style;
    const std::vector<std::string> taps = style_taps(options);
    std::int64_t targets = target_bytes(net, content_layers(options), picture);
    std::int64_t weights = net.weight_bytes(taps);
    // Styles are only looked at, without a way back.
    std::int64_t at_work = std::max((net.bytes(patch, taps) - weights) * 5 / 4, net.bytes(style_patch, taps) - weights);
    if (const FrozenNet* second = second_net(nets, options)) {  // at work by turns
        const std::vector<std::string> seen = taps_of(options.content_network_layers);
        const std::int64_t own = second->weight_bytes(seen);
        at_work = std::max(at_work, (second->bytes(content_patch, seen) - own) * 5 / 4);
        weights += own;
        targets += target_bytes(*second, options.content_network_layers, picture);
    }
    return kProgram + weights + at_work + picture.height * picture.width * 12 * images + targets;
}

Size patch_of(const TileGeometry& geometry, Size picture, std::int64_t tile) {
    const std::int64_t side = tile + 2 * geometry.halo() + geometry.align();
    return tile == 0 ? picture : Size{std::min(side, picture.height), std::min(side, picture.width)};
}

}  // namespace

FrozenNet* second_net(const StyleNets& nets, const StyleOptions& options) {
    return options.content_weight * options.content_network_share > 0.0 ? nets.content : nullptr;
}

ContentWeights content_weights(const StyleNets& nets, const StyleOptions& options) {
    // By trial: with so much less weight a net that knows things keeps as much of the photo as a VGG's shallow layer,
    // so that one `content_weight` fits with a second net and without.
    constexpr double kSecond = 0.09;
    const double share = second_net(nets, options) != nullptr ? options.content_network_share : 0.0;
    return {options.content_weight * (1.0 - share), options.content_weight * share * kSecond};
}

std::vector<std::string> style_taps(const StyleOptions& options) {
    std::vector<std::string> taps;
    for (const auto& layers : {options.style_layers, content_layers(options)}) {
        for (const LayerWeight& layer : layers) {
            if (std::find(taps.begin(), taps.end(), layer.tap) == taps.end()) {
                taps.push_back(layer.tap);
            }
        }
    }
    return taps;
}

std::vector<LayerWeight> content_layers(const StyleOptions& options) {
    return options.content_weight > 0.0 ? options.content_layers : std::vector<LayerWeight>{};
}

std::int64_t style_tile(std::int64_t tile) { return tile == 0 ? kStyleTile : std::min(tile, kStyleTile); }

double step_pixels(const FrozenNet& net, const StyleOptions& options, Size scale, std::int64_t tile) {
    const std::int64_t at = tile_at(scale, tile);
    double pixels = 0.0;
    for (const StyleTile& one : TileGeometry(net, style_taps(options)).tiles(scale, at)) {
        pixels += static_cast<double>((one.rows.end - one.rows.begin) * (one.columns.end - one.columns.begin));
    }
    return at == 0 ? pixels : 1.5 * pixels;
}

StylePlan plan_style(Size content, const StyleNets& nets, const StyleOptions& options, std::int64_t max_memory,
                     std::int64_t tile) {
    const FrozenNet& net = nets.style;
    const FrozenNet* const second = second_net(nets, options);
    const std::vector<std::string> taps = style_taps(options);
    const std::vector<std::string> seen = second != nullptr ? taps_of(options.content_network_layers) : taps;
    const std::int64_t least =
        std::max({kSmallestSide, net.min_side(taps), (second != nullptr ? *second : net).min_side(seen)});
    if (std::min(content.height, content.width) < least) {
        throw Error(ErrorKind::Input, "the picture is " + text_of(content) +
                                          " pixels, too small to be styled; wanted at least " + std::to_string(least) +
                                          " on each side, so enlarge it with {--size}");
    }
    StylePlan plan;
    plan.scales = scale_sizes(content, options.min_size, least);
    for (std::size_t k = 0; k < plan.scales.size(); ++k) {
        plan.steps.push_back(steps_at(plan.scales[k], k == 0, options));
    }

    const TileGeometry geometry(net, taps);
    const TileGeometry content_geometry(second != nullptr ? *second : net, seen);
    const auto bytes = [&](Size picture, std::int64_t side) {
        const auto style = static_cast<std::int64_t>(static_cast<double>(std::max(picture.height, picture.width)) *
                                                     options.style_scale);
        return process_bytes(nets, options, patch_of(geometry, picture, side),
                             patch_of(content_geometry, picture, side),
                             patch_of(geometry, {style, style}, style_tile(side)), picture);
    };
    plan.tile = std::max<std::int64_t>(tile, 0);
    if (tile < 0 && max_memory > 0 && bytes(content, 0) > max_memory) {
        const std::int64_t step = std::max({kLeastTile, geometry.align(), content_geometry.align()});
        plan.tile = choose_tile({.least = step, .finer = step, .longest = std::max(content.height, content.width)},
                                bytes, content, max_memory);
    }
    plan.peak_bytes = bytes(content, plan.tile);
    for (std::size_t k = 0; k < plan.scales.size(); ++k) {
        plan.pixel_steps += step_pixels(net, options, plan.scales[k], plan.tile) * static_cast<double>(plan.steps[k]);
    }
    return plan;
}

}  // namespace reverie
