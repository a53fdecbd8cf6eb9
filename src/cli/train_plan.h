// What --dry-run says of a training.
#pragma once

#include <cstdint>

#include "reverie/data/batches.h"
#include "reverie/train/loop.h"
#include "reverie/train/task.h"

namespace reverie {

struct StepCost {
    double seconds = 0.0;
    std::int64_t bytes = 0;  ///< at the peak, of the whole process (of a GPU: its memory)
};

/// Measured by two steps without an optimiser, whose moments are added.
StepCost measure_step(TrainTask& task, Batches& batches, const TrainOptions& options);

}  // namespace reverie
