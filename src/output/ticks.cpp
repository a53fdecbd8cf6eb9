#include "output/ticks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace reverie::output {
namespace {

struct Unit {
    double from;  ///< the largest value of the axis at which it is taken
    double factor;
    const char* suffix;
};
constexpr std::array<Unit, 3> kUnits = {{{1e10, 1e9, "G"}, {1e7, 1e6, "M"}, {1e4, 1e3, "k"}}};

std::string formatted(const char* format, int digits, double value) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, digits, value);
    return text.data();
}

/// A value of an axis whose largest is `largest` and whose values are `step` apart: no more digits than tell them
/// apart.
std::string tick_text(double value, double step, double largest) {
    const bool is_plain = largest < 1e13 && largest >= 1e-3;
    if (value == 0) {
        return "0";
    }
    if (!is_plain) {
        return formatted("%.*g", std::clamp(static_cast<int>(std::ceil(std::log10(largest / step))) + 1, 1, 6), value);
    }
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) { return largest >= candidate.from; });
    const double factor = unit == kUnits.end() ? 1 : unit->factor;
    const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step / factor) + 1e-9)));
    return formatted("%.*f", std::min(digits, 9), value / factor) + (unit == kUnits.end() ? "" : unit->suffix);
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, int count) {
    const double rough = (high - low) / count;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    const double ratio = rough / power;
    const double step = power * (ratio <= 1.4 ? 1 : ratio <= 3.2 ? 2 : ratio <= 7.1 ? 5 : 10);
    const double largest = std::max(std::abs(low), std::abs(high));
    std::vector<Tick> ticks;
    constexpr double kRounding = 1e-6;  // of a step: ends that are ticks themselves are named
    const double first = std::ceil(low / step - kRounding);
    for (int i = 0; first + i <= high / step + kRounding && i <= 4 * count; ++i) {
        ticks.push_back({(first + i) * step, tick_text((first + i) * step, step, largest)});
    }
    return ticks;
}

std::vector<Tick> logarithmic_ticks(double low, double high, int count) {
    const double decades = std::log10(high / low);
    if (decades < 1) {  // hardly a curve: ticks as far apart as on a linear axis tell more
        return linear_ticks(low, high, count);
    }
    std::vector<double> factors = {1};
    if (decades * 3 <= count + 1) {
        factors = {1, 2, 5};
    }
    const int stride = std::max(1, static_cast<int>(std::ceil(decades / count)));
    std::vector<Tick> ticks;
    for (int power = static_cast<int>(std::floor(std::log10(low))); std::pow(10.0, power) <= high; power += stride) {
        for (const double factor : factors) {
            const double value = factor * std::pow(10.0, power);
            if (value >= low && value <= high) {
                ticks.push_back({value, tick_text(value, value, value)});
            }
        }
    }
    return ticks;
}

}  // namespace reverie::output
