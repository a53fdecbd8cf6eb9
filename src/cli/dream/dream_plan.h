// What --dry-run says of a dream.
#pragma once

#include <cstdint>

#include "reverie/cli/settings.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// Octaves, memory, tiles and the time it will take, measured by dreaming on a small grey picture.
Settings describe_plan(Size image, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory);

}  // namespace reverie
