// Private: what a dream starts from.
#pragma once

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// The picture that an octave would start from if it were the first: `photo` (of the octave's size), the job's start,
/// or noise.
Tensor start_at(const DreamJob& job, const DreamOptions& options, const Tensor& photo);

}  // namespace reverie
