// Private: what windows see of a map, at its border and beyond: the one place where that is settled.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/map.h"

namespace reverie::kernels {

/// The addresses of cells (y, x), some of which may lie beyond the border: there windows see the nearest cell where the
/// border is replicated, else what lies at `outside` (zeros, as a rule).
class BorderedMap {
  public:
    BorderedMap(const Map& map, bool replicate, const float* outside)
        : map_(map), replicate_(replicate), outside_(outside) {}

    /// Of `count` cells of row y from column x on, each `step` columns after the one before.
    void row(std::int64_t image, std::int64_t y, std::int64_t x, std::int64_t count, std::int64_t step,
             const float** table) const {
        line(first_of(image), {y, map_.height, map_.width * map_.stride}, {x, map_.width, map_.stride}, count, step,
             table);
    }
    /// Of `count` cells of column x from row y on.
    void column(std::int64_t image, std::int64_t y, std::int64_t x, std::int64_t count, const float** table) const {
        line(first_of(image), {x, map_.width, map_.stride}, {y, map_.height, map_.width * map_.stride}, count, 1,
             table);
    }

  private:
    /// A place on an axis of `cells` cells, which lie `stride` floats apart.
    struct Axis {
        std::int64_t at, cells, stride;
    };

    const float* first_of(std::int64_t image) const { return map_.at(image * map_.height * map_.width); }

    void line(const float* first, Axis across, const Axis& along, std::int64_t count, std::int64_t step,
              const float** table) const {
        if (replicate_) {
            across.at = std::clamp<std::int64_t>(across.at, 0, across.cells - 1);
        }
        if (across.at < 0 || across.at >= across.cells) {
            std::fill_n(table, count, outside_);
            return;
        }
        const float* const cells = first + across.at * across.stride;
        const float* const before = replicate_ ? cells : outside_;
        const float* const behind = replicate_ ? cells + (along.cells - 1) * along.stride : outside_;
        std::int64_t k = 0;
        for (; k < count && along.at + k * step < 0; ++k) {
            table[k] = before;
        }
        for (; k < count && along.at + k * step < along.cells; ++k) {
            table[k] = cells + (along.at + k * step) * along.stride;
        }
        std::fill(table + k, table + count, behind);
    }

    const Map& map_;
    bool replicate_;
    const float* outside_;
};

}  // namespace reverie::kernels
