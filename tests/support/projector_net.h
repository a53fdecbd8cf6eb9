// What a projected discriminator looks through, with weights from the closed formulas.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "reverie/nn/projector.h"
#include "support/formula_net.h"

namespace reverie::test {

inline std::shared_ptr<FrozenNet> formula_projector(std::uint64_t seed, Engine engine = Engine::Auto) {
    static const StateDict weights = formula_state(make_graph("efficientnet_lite0", "lite0"));
    Graph graph = make_graph("efficientnet_lite0", "lite0");
    add_projections(graph, seed);
    return std::make_shared<FrozenNet>(std::move(graph), weights, c10::Device(c10::kCPU), engine);
}

}  // namespace reverie::test
