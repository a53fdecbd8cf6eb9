// What every --dry-run says at its end.
#pragma once

#include <cstdint>
#include <string>

#include "reverie/cli/settings.h"

namespace reverie {

/// Memory, tiles (0: none) and time; `how_surely`: "about".
void add_cost(Settings& said, std::int64_t peak_bytes, std::int64_t tile, const std::string& how_surely,
              double seconds);

}  // namespace reverie
