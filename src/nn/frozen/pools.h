// Private: poolings of the frozen executor.
#pragma once

#include <cstdint>

#include "nn/frozen/kernels.h"
#include "nn/frozen/map.h"
#include "nn/frozen/workspace.h"
#include "reverie/nn/graph.h"

namespace reverie::frozen {

/// `chosen` [pixels][channels]: which cell of its window each maximum was; may be null.
void pool(const Node& node, const Map& input, const Map& output, std::uint8_t* chosen, const Finish& finish,
          const Kernels& kernels, Workspace& work);

/// What a pooling remembers: `chosen` of a maximum; input and output of L2.
struct PoolMemory {
    const std::uint8_t* chosen = nullptr;
    Map input, output;
};

/// From the output's gradient to the input's.
void pool_back(const Node& node, const Map& output, const Map& input, const PoolMemory& memory, const Finish& finish,
               const Kernels& kernels, Workspace& work);

}  // namespace reverie::frozen
