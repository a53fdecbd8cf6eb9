// What a --dry-run says.
#pragma once

#include <cstdint>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/cli/settings.h"

namespace reverie {

/// A line for each setting of a plan, under the line that says of what.
void print_plan(Session& session, const Settings& plan);

/// At the end of each plan: memory, tiles (0: none) and time; `how_surely`: "about".
void add_cost(Settings& said, std::int64_t peak_bytes, std::int64_t tile, const std::string& how_surely,
              double seconds);

}  // namespace reverie
