// Private: poolings of the frozen executor.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/frozen/kernel_names.h"
#include "nn/frozen/walk.h"
#include "reverie/nn/graph.h"

namespace reverie::frozen {

/// What each window of an averaging pooling makes of one of its cells: the pooling's gain over the cells that count.
class WindowFactors {
  public:
    WindowFactors(const Node& node, Size input, Size output);
    float of(std::int64_t y, std::int64_t x) const {
        return factors_[rows_[static_cast<std::size_t>(y)] * stride_ + columns_[static_cast<std::size_t>(x)]];
    }

  private:
    std::vector<std::size_t> rows_, columns_;  // by window: its rows and columns that count
    std::size_t stride_;
    std::vector<float> factors_;  // by rows and columns that count
};

/// How a pooling's windows lie on a map of one size: settled once for any number of passes.
struct PoolWindows {
    PoolWindows(const Node& node, Size input, Size output);

    Walk forward;
    std::vector<Walk> backward;
    WindowFactors factors;
};

/// `chosen` [pixels][channels]: which cell of its window each maximum was; may be null.
void pool(const Node& node, const PoolWindows& windows, const Map& input, const Map& output, std::uint8_t* chosen,
          const Finish& finish, const Kernels& kernels, Workspace& work);

/// What a pooling remembers: `chosen` of a maximum; input and output of L2.
struct PoolMemory {
    const std::uint8_t* chosen = nullptr;
    Map input, output;
};

/// From the output's gradient to the input's.
void pool_back(const Node& node, const PoolWindows& windows, const Map& output, const Map& input,
               const PoolMemory& memory, const Finish& finish, const Kernels& kernels, Workspace& work);

}  // namespace reverie::frozen
