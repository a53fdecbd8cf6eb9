// Private: convolutions taken row by row, for steps that keep what lies between layers in a cache.
#pragma once

#include <cstdint>

#include "nn/frozen/kernel_names.h"
#include "nn/frozen/walk.h"

namespace reverie::frozen {

/// The rows of one image's map, all of them or the last few, and of these all columns or some: cell (y, x) lies at
/// first + y % held * row_stride + (x - column) * stride.
struct HeldRows {
    float* first = nullptr;
    std::int64_t row_stride = 0, stride = 0;
    std::int64_t held = 0, column = 0;

    float* at(std::int64_t y, std::int64_t x) const { return first + y % held * row_stride + (x - column) * stride; }
};

/// All rows of an image of a map.
HeldRows rows_of(const Map& map, std::int64_t image);

/// One direction of a convolution at one size.
class RowWindows {
  public:
    RowWindows() = default;
    virtual ~RowWindows() = default;
    RowWindows(const RowWindows&) = delete;
    RowWindows& operator=(const RowWindows&) = delete;

    virtual int channels() const = 0;  ///< of the destination
    /// The rows or columns of the source that those of the destination see.
    virtual Range rows_seen(Range rows) const = 0;
    virtual Range columns_seen(Range columns) const = 0;
    /// Cells `columns` of row `y` of the destination, the first of which is pixel 0 of the maps of `finish`.
    virtual void run(const HeldRows& from, std::int64_t y, Range columns, const Finish& finish,
                     Scratch& scratch) const = 0;
};

}  // namespace reverie::frozen
