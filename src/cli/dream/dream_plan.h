// What --dry-run says of a dream.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/cli/run_pictures.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// Octaves, memory, tiles and the time it will take. Several dreams, as of a sheet, take turns.
PicturePlan describe_plan(Size image, FrozenNet& net, const std::vector<DreamOptions>& dreams,
                          const std::vector<Tensor>& guides, std::int64_t max_memory);

}  // namespace reverie
