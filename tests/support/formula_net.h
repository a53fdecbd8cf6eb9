// Nets whose weights come from the closed formulas, so that no test needs a download.
#pragma once

#include "reverie/nn/frozen_net.h"
#include "support/closed_formula.h"
#include "support/temporary_folder.h"

namespace reverie::test {

/// A checkpoint for the graph. The weights stay mapped after their file is gone.
inline StateDict formula_state(const Graph& graph) {
    const TemporaryFolder folder;
    write_safetensors(folder / "weights.safetensors", formula_weights(graph));
    return read_state_dict(folder / "weights.safetensors");
}

inline FrozenNet formula_net(Graph graph, Engine engine = Engine::Auto) {
    StateDict weights = formula_state(graph);
    return {std::move(graph), std::move(weights), c10::Device(c10::kCPU), engine};
}

inline FrozenNet formula_net(const std::string& architecture, const std::string& preprocessing,
                             Engine engine = Engine::Auto) {
    return formula_net(make_graph(architecture, preprocessing), engine);
}

inline FrozenNet formula_lite0() { return formula_net("efficientnet_lite0", "lite0"); }

}  // namespace reverie::test
