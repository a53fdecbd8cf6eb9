// What --dry-run says of a dream.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/cli/settings.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// Octaves, memory, tiles and the time it will take, measured by a few steps on a grey picture of the size that goes
/// through the net at once. Several dreams, as of a sheet, take turns.
Settings describe_plan(Size image, FrozenNet& net, const std::vector<DreamOptions>& dreams, std::int64_t max_memory);

}  // namespace reverie
