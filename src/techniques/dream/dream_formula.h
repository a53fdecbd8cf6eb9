// Private: what published dreams differ in, as functions of the options.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// Ascent steps of each of so many octaves. Few octaves leave a picture hardly changed at the step count that suits
/// many.
std::int64_t steps_for(std::size_t octaves, const DreamOptions& options);

/// Sizes of a picture's octaves, small to large.
std::vector<Size> octave_sizes(Size full, const DreamOptions& options);

}  // namespace reverie
