// Which values an axis names, and how.
#pragma once

#include <string>
#include <vector>

namespace reverie::output {

struct Tick {
    double value = 0;
    std::string text;
};

/// Multiples of 1, 2 or 5 times a power of ten within [low, high], about `count` of them.
std::vector<Tick> linear_ticks(double low, double high, int count);

/// For a logarithmic axis, low > 0: powers of ten; 1, 2 and 5 times them when there are few.
std::vector<Tick> logarithmic_ticks(double low, double high, int count);

}  // namespace reverie::output
