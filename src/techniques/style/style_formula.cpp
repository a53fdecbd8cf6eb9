#include "techniques/style/style_formula.h"

#include <algorithm>
#include <cmath>

#include "reverie/image/resample.h"

namespace reverie {

double style_factor(StylePreset preset, std::int64_t channels, std::int64_t cells, Size picture) {
    const auto c = static_cast<double>(channels);
    switch (preset) {
        case StylePreset::Gatys:
            return 0.25;  // sum (G - A)^2 / (4 N^2 M^2), each Gram matrix over its own M positions
        case StylePreset::NeuralStyle:
            return 1.0 / (c * c);  // mean over the matrix of (F F^T / (C H W))^2
        case StylePreset::Chollet2e: {
            // sum (F F^T - S S^T)^2 / (4 3^2 (H W)^2), with the picture's H and W and Gram matrices not divided at all
            const double share = static_cast<double>(cells) / static_cast<double>(picture.height * picture.width);
            return c * c * share * share / 36.0;
        }
        case StylePreset::Reverie:
        case StylePreset::Crowsonkb:
            break;
    }
    return 1.0;
}

double content_factor(StylePreset preset, std::int64_t values) {
    switch (preset) {
        case StylePreset::Gatys:
            return 0.5 * static_cast<double>(values);
        case StylePreset::Chollet2e:
            return static_cast<double>(values);
        default:
            return 1.0;
    }
}

Variation variation_of(StylePreset preset) {
    switch (preset) {
        case StylePreset::NeuralStyle:
            return Variation::Absolute;
        case StylePreset::Chollet2e:
            return Variation::Power;
        default:
            return Variation::Squared;
    }
}

double pixel_range(StylePreset preset) {
    return preset == StylePreset::NeuralStyle || preset == StylePreset::Chollet2e ? 255.0 : 1.0;
}

Size style_size(const StyleOptions& options, Size style, Size content, std::int64_t least) {
    if (options.preset == StylePreset::Chollet2e) {
        return content;  // whatever its proportions
    }
    const auto longest = static_cast<double>(std::max(content.height, content.width)) * options.style_scale;
    const bool may_enlarge = options.preset == StylePreset::Gatys || options.preset == StylePreset::NeuralStyle;
    const std::int64_t own = std::max(style.height, style.width);
    const std::int64_t wanted = std::max<std::int64_t>(1, std::llround(longest));
    // A narrow style must not fall below what the net can see.
    const std::int64_t needed =
        (least * own + std::min(style.height, style.width) - 1) / std::min(style.height, style.width);
    return fit_longest(style, std::max(may_enlarge ? wanted : std::min(wanted, own), needed));
}

}  // namespace reverie
