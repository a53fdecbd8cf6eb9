// A function on [0,1] as a table with straight lines between.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace reverie::image {

class CurveTable {
  public:
    template <typename Function>
    CurveTable(int steps, Function&& function) : steps_(steps), values_(static_cast<std::size_t>(steps) + 1) {
        for (int i = 0; i <= steps; ++i) {
            values_[static_cast<std::size_t>(i)] = static_cast<float>(function(static_cast<double>(i) / steps));
        }
    }

    /// `x` in [0,1].
    float operator()(float x) const {
        const float at = x * static_cast<float>(steps_);
        const int i = std::min(static_cast<int>(at), steps_ - 1);
        const float* value = values_.data() + i;
        return value[0] + (at - static_cast<float>(i)) * (value[1] - value[0]);
    }

    bool finite() const {
        return std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); });
    }

  private:
    int steps_;
    std::vector<float> values_;
};

/// So many steps that what is read between them is right to a tenth of a step of 16 bits where curves bend most.
inline constexpr int kDecodeSteps = 4096;
inline constexpr int kEncodeSteps = 16384;

}  // namespace reverie::image
