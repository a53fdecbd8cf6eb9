// What a --dry-run says.
#pragma once

#include <cstdint>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/cli/settings.h"

namespace reverie {

/// A line for each setting of a plan, under the line that says of what.
void print_plan(Session& session, const Settings& plan);

/// At the end of each plan: memory, tiles (0: none) and the time that the plan takes.
void add_cost(PicturePlan& plan, std::int64_t peak_bytes, std::int64_t tile);

/// "about 3 min": of so many pictures like that.
std::string time_text(const PicturePlan& plan, std::int64_t pictures = 1);

}  // namespace reverie
