// Private: what the publications' formulas differ in, once their weights are options.
#pragma once

#include <cstdint>
#include <optional>

#include "reverie/core/size.h"
#include "reverie/optimize/total_variation.h"
#include "reverie/techniques/style.h"

namespace reverie {

/// A style layer's loss is factor * the statistic's distance, whose Gram form is the mean squared difference of second
/// moments. `cells`: positions of the layer; `picture`: the image's size.
double style_factor(StylePreset preset, std::int64_t channels, std::int64_t cells, Size picture);

/// A content layer's loss is factor * the mean squared difference. `values`: numbers in the layer.
double content_factor(StylePreset preset, std::int64_t values);

/// Whether activations are divided by their root mean square.
inline bool balances(StylePreset preset) { return preset == StylePreset::Reverie; }

/// Whether layer weights count as shares of their sum.
inline bool shares_weights(StylePreset preset) {
    return preset == StylePreset::Reverie || preset == StylePreset::Crowsonkb;
}

/// Whether the optimiser's memory goes on at the next scale. A pixel's gradient shrinks as pixels grow in number, so
/// Adam's carried second moments make its steps too short there: what it leaves undone shows as grain and combs.
inline bool carries_memory(StylePreset preset) { return !balances(preset); }

Variation variation_of(StylePreset preset);

/// What the recipe counts pixels to.
double pixel_range(StylePreset preset);

/// A style image's size at a scale where the content has `content`. `least`: the net's minimum side.
Size style_size(const StyleOptions& options, Size style, Size content, std::int64_t least);

}  // namespace reverie
