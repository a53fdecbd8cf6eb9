// Nets whose weights come from the closed formulas, so that no test needs a download.
#pragma once

#include "reverie/nn/frozen_net.h"
#include "support/closed_formula.h"
#include "support/temporary_folder.h"

namespace reverie::test {

/// The weights stay mapped after their file is gone.
inline FrozenNet formula_net(Graph graph) {
    const TemporaryFolder folder;
    write_safetensors(folder / "weights.safetensors", formula_weights(graph));
    StateDict weights = read_state_dict(folder / "weights.safetensors");
    return {std::move(graph), std::move(weights), c10::Device(c10::kCPU)};
}

inline FrozenNet formula_net(const std::string& architecture, const std::string& preprocessing) {
    return formula_net(make_graph(architecture, preprocessing));
}

inline FrozenNet formula_lite0() { return formula_net("efficientnet_lite0", "lite0"); }

}  // namespace reverie::test
