// Checks of options, speaking in flag names.
#pragma once

#include <cmath>

namespace reverie {

/// Throws Usage when not `fine`: "--beta is -1; wanted a number of at least 0".
void require_option(bool fine, const char* flag, double value, const char* wanted);

inline bool at_least_zero(double value) { return std::isfinite(value) && value >= 0.0; }
inline bool above_zero(double value) { return std::isfinite(value) && value > 0.0; }

}  // namespace reverie
