#include "techniques/style/style_targets.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"
#include "techniques/style/style_formula.h"
#include "techniques/style/style_plan.h"
#include "techniques/tile_choice.h"

namespace reverie {
namespace {

/// The share of a style in a layer: 1 for all; coarse and fine styles cross over, an octave to either side, where one
/// cell of the layer stands for this many pixels of the finished picture.
constexpr double kCrossover = 6.0;
double band_share(StyleBand band, double footprint) {
    const double coarse = std::clamp(0.5 + 0.5 * std::log2(footprint / kCrossover), 0.0, 1.0);
    switch (band) {
        case StyleBand::Coarse:
            return coarse;
        case StyleBand::Fine:
            return 1.0 - coarse;
        case StyleBand::All:
            break;
    }
    return 1.0;
}

/// Half of one and half of another, or any share.
Moments mixture(const Moments& one, const Moments& other, double share_of_one) {
    if (one.empty() || other.empty()) {
        return one.empty() ? other : one;
    }
    Moments mixed;
    mixed.blend(one, share_of_one);
    mixed.blend(other, 1.0 - share_of_one);
    return mixed;
}

}  // namespace

StyleTargets::StyleTargets(const FrozenNet& net, std::vector<StyleSource> styles, const StyleOptions& options)
    : styles_(std::move(styles)), options_(options), least_(net.min_side(style_taps(options))) {
    if (styles_.empty()) {
        throw Error(ErrorKind::Usage, "no style is given; name at least one picture with {--style}");
    }
    for (const StyleSource& style : styles_) {
        if (style.images.empty() || !(style.weight > 0.0) || !std::isfinite(style.weight)) {
            throw Error(ErrorKind::Usage, "a {--style} has " + std::to_string(style.images.size()) +
                                              " pictures and the weight " + human_number(style.weight) +
                                              "; wanted at least one picture and a weight above 0");
        }
        for (const Tensor& image : style.images) {
            require_image(image, "a style picture");
            require_finite(image, "a style picture");
            const Size size = size_of(image);
            if (std::min(size.height, size.width) < least_) {
                throw Error(ErrorKind::Input, "a style picture is " + text_of(size) + " pixels, too small for " +
                                                  net.architecture() + "; wanted at least " + std::to_string(least_) +
                                                  " on each side, so enlarge it");
            }
        }
    }
    require_distinct(net.graph(), options.style_layers, "{--style-layers}");
    require_distinct(net.graph(), options.content_layers, "{--content-layers}");
    for (const LayerWeight& layer : options.style_layers) {
        strides_.push_back(tap_of(net, layer.tap).stride);
    }
}

/// A style as the colour mode wants it.
Tensor StyleTargets::style_image(const Tensor& image, const StyleScene& full) const {
    switch (options_.color) {
        case StyleColor::Luma:
            return luma_of(image).expand_as(image).contiguous();
        case StyleColor::Match:
            return match_mean_covariance(image, full.content, full.counted);
        case StyleColor::Histogram:
            return match_histogram(image, full.content, full.counted);
        default:
            return image;
    }
}

std::vector<StyleMoments> StyleTargets::measure_styles(FrozenNet& net, Size scale, std::int64_t tile,
                                                       const StyleScene& full) const {
    std::vector<StyleMoments> all;
    for (const StyleSource& style : styles_) {
        StyleMoments mean;
        mean.layers.resize(options_.style_layers.size());
        const double share = 1.0 / static_cast<double>(style.images.size());
        for (const Tensor& image : style.images) {
            const Size size = style_size(options_, size_of(image), scale, least_);
            const Tensor small = resize(image.to(net.device()), size).clamp(0.0, 1.0);
            const StyleMoments one =
                measure_style(net, options_, style_image(small, full), {}, tile_at(size, style_tile(tile)));
            for (std::size_t l = 0; l < mean.layers.size(); ++l) {
                mean.layers[l].blend(one.layers[l], share);
            }
            mean.pixels.blend(one.pixels, share);
        }
        all.push_back(std::move(mean));
    }
    return all;
}

/// All styles as one. `enlargement`: pixels of the finished picture to a pixel of this scale.
StyleMoments StyleTargets::blend(const std::vector<StyleMoments>& measured, double enlargement) const {
    const auto mix = [&](double footprint, auto&& moments_of) {
        std::vector<double> shares;
        double sum = 0.0;
        for (const StyleSource& style : styles_) {
            shares.push_back(style.weight * band_share(style.band, footprint));
            sum += shares.back();
        }
        Moments mixed;
        for (std::size_t i = 0; i < styles_.size(); ++i) {
            // Where no style is meant, all are taken.
            const double share = sum > 0.0 ? shares[i] / sum : 1.0 / static_cast<double>(styles_.size());
            if (share > 0.0) {
                mixed.blend(moments_of(measured[i]), share);
            }
        }
        return mixed;
    };
    StyleMoments all;
    for (std::size_t l = 0; l < strides_.size(); ++l) {
        all.layers.push_back(mix(static_cast<double>(strides_[l]) * enlargement,
                                 [l](const StyleMoments& style) { return style.layers[l]; }));
    }
    all.pixels = mix(kCrossover, [](const StyleMoments& style) { return style.pixels; });
    return all;
}

std::vector<StyleMoments> StyleTargets::styles_at(FrozenNet& net, Size scale, std::int64_t tile,
                                                  const StyleScene& full) {
    if (options_.color == StyleColor::Match || options_.color == StyleColor::Histogram) {
        return measure_styles(net, scale, tile, full);  // made for this picture alone
    }
    const bool same_shape = options_.preset == StylePreset::Chollet2e;
    const std::int64_t longest = std::max(scale.height, scale.width);
    const auto key = std::make_tuple(same_shape ? scale.height : longest, same_shape ? scale.width : longest, tile);
    const std::lock_guard lock(measuring_);
    auto found = measured_.find(key);
    if (found == measured_.end()) {
        found = measured_.emplace(key, measure_styles(net, scale, tile, full)).first;
    }
    return found->second;
}

std::vector<StyleRegion> StyleTargets::regions(FrozenNet& net, const StyleScene& scene, const StyleScene& full,
                                               std::int64_t tile) {
    const Size scale = size_of(scene.content);
    const std::vector<StyleMoments> styles = styles_at(net, scale, tile, full);

    std::vector<StyleRegion> all;
    if (scene.masks.empty()) {
        const Size finished = size_of(full.content);
        all.push_back({scene.counted, blend(styles, static_cast<double>(std::max(finished.height, finished.width)) /
                                                        static_cast<double>(std::max(scale.height, scale.width)))});
    }
    for (std::size_t i = 0; i < scene.masks.size(); ++i) {
        const Tensor& mask = scene.masks[i];
        all.push_back({scene.counted.defined() ? mask * scene.counted : mask, styles[i], styles_[i].weight});
    }
    if (options_.strength < 1.0) {
        for (StyleRegion& region : all) {
            const StyleMoments own = measure_style(net, options_, scene.content, region.mask, tile_at(scale, tile));
            for (std::size_t l = 0; l < own.layers.size(); ++l) {
                region.moments.layers[l] = mixture(region.moments.layers[l], own.layers[l], options_.strength);
            }
            region.moments.pixels = mixture(region.moments.pixels, own.pixels, options_.strength);
        }
    }
    return all;
}

}  // namespace reverie
