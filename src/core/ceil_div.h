// How many parts of a size something takes.
#pragma once

#include <cstdint>

namespace reverie {

/// n / by, rounded up; n at least 0, by at least 1.
constexpr std::int64_t ceil_div(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

}  // namespace reverie
