// Long work in pieces: progress after each, and a stop between two.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "reverie/core/hooks.h"

namespace reverie {

/// Calls `work(first, count)` for pieces of `total` in turn, with progress in `unit` under `stage`. Throws Cancelled.
void in_pieces(std::int64_t total, const std::string& stage, const std::string& unit, const Hooks& hooks,
               const std::function<void(std::int64_t first, std::int64_t count)>& work);

/// `hooks` for part `part` (from 0 on) of `parts` that take as long as one another: to its receiver the progress of all
/// is one. Refers to `hooks`.
Hooks hooks_of_part(const Hooks& hooks, int part, int parts);

}  // namespace reverie
