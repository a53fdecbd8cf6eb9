// Private: sizes, steps, tiles and memory of a style transfer, from sizes alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/style.h"

namespace reverie {

/// Every tap the options ask about, each once.
std::vector<std::string> style_taps(const StyleOptions& options);

/// The content layers that count.
std::vector<LayerWeight> content_layers(const StyleOptions& options);

/// The net that sees the content besides; null where there is none or nothing it says counts.
FrozenNet* second_net(const StyleNets& nets, const StyleOptions& options);

/// What the content counts in the style's net and in the second one.
struct ContentWeights {
    double first = 0.0;
    double second = 0.0;
};
ContentWeights content_weights(const StyleNets& nets, const StyleOptions& options);

/// The tile in which styles are measured, where pictures are done in tiles of `tile` or whole (0).
std::int64_t style_tile(std::int64_t tile);

/// Throws like Stylizer::plan. `tile` >= 0 prescribes the tile instead of choosing it by `max_memory`.
StylePlan plan_style(Size content, const StyleNets& nets, const StyleOptions& options, std::int64_t max_memory,
                     std::int64_t tile = -1);

/// Pixels that go through the net in one step; a first pass without gradients counts half.
double step_pixels(const FrozenNet& net, const StyleOptions& options, Size scale, std::int64_t tile);

}  // namespace reverie
