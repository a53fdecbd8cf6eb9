// A layer of a net and how much it counts.
#pragma once

#include <string>
#include <vector>

namespace reverie {

struct LayerWeight {
    std::string tap;      ///< any name the net knows, e.g. "Mixed_6c", "relu4_2", "block10"
    double weight = 1.0;  ///< relative to the other layers'
    bool operator==(const LayerWeight&) const = default;
};

/// Their names, in order.
inline std::vector<std::string> taps_of(const std::vector<LayerWeight>& layers) {
    std::vector<std::string> taps;
    for (const LayerWeight& layer : layers) {
        taps.push_back(layer.tap);
    }
    return taps;
}

struct Graph;

/// Throws Usage unless all are layers of the graph, and no two of them one layer under two of its names; `option`
/// begins the sentence ("{--layers}").
void require_distinct(const Graph& graph, const std::vector<LayerWeight>& layers, const std::string& option);

}  // namespace reverie
