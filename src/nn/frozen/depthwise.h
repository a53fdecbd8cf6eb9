// Private: convolutions that take each channel by itself, row by row of what they write.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "nn/frozen/convolution.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/walk.h"

namespace reverie::frozen {

/// The rows of one image's map, all of them or the last few: cell (y, x) lies at first + y % held * row_stride +
/// x * stride.
struct HeldRows {
    const float* first = nullptr;
    std::int64_t row_stride = 0, stride = 0;
    std::int64_t held = 0;
    Size size;  ///< of the whole map

    const float* at(std::int64_t y, std::int64_t x) const { return first + y % held * row_stride + x * stride; }
};

/// The windows of one direction.
class DepthwiseRows {
  public:
    /// `walks` share out the destination's cells. `weights` [cells of the window][channels].
    DepthwiseRows(std::vector<Walk> walks, at::Tensor weights, const Kernels& kernels)
        : walks_(std::move(walks)), weights_(std::move(weights)), kernels_(kernels) {}

    /// Those cells of row `y` of the destination whose column is in `columns`; column 0 is pixel `pixel` of the maps of
    /// `finish`.
    void run(const HeldRows& from, std::int64_t y, Range columns, std::int64_t pixel, const Finish& finish) const;

  private:
    void run(const Walk& walk, const HeldRows& from, std::int64_t y, Range columns, std::int64_t pixel,
             const Finish& finish, std::vector<WindowRow::Tap>& taps) const;

    std::vector<Walk> walks_;
    at::Tensor weights_;
    const Kernels& kernels_;
};

std::unique_ptr<Convolution> make_depthwise(const Node& node, const ReadWeights& read, const Kernels& kernels);

}  // namespace reverie::frozen
