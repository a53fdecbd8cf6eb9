// Private: taps by their node, and lists of them.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "reverie/nn/graph.h"

namespace reverie {

/// The layer that a node is; nothing where no layer is named after it.
std::optional<Tap> tap_at(const Graph& graph, int node);

/// The classifier: the outputs of the last layer, where that sees the whole picture. Nothing: the graph has none.
std::optional<Tap> classifier_of(const Graph& graph);

/// Appends those that are not there yet.
inline void add_taps(std::vector<std::string>& taps, const std::vector<std::string>& more) {
    for (const std::string& tap : more) {
        if (std::ranges::find(taps, tap) == taps.end()) {
            taps.push_back(tap);
        }
    }
}

}  // namespace reverie
