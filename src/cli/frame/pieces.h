// Long work in pieces: progress after each, and a stop between two.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "reverie/cli/app.h"

namespace reverie {

/// Calls `work(first, count)` for pieces of `total`, with progress in `unit`. Throws Cancelled.
void in_pieces(Session& session, std::int64_t total, const std::string& unit,
               const std::function<void(std::int64_t first, std::int64_t count)>& work);

}  // namespace reverie
