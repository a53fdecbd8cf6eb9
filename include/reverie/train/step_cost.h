// What a training will cost, found out by doing a little of it.
#pragma once

#include <cstdint>

#include "reverie/data/batches.h"
#include "reverie/train/loop.h"
#include "reverie/train/task.h"

namespace reverie {

struct StepCost {
    double seconds = 0.0;    ///< of a step on average: a phase that runs in every fifth counts a fifth
    std::int64_t bytes = 0;  ///< at the peak, of the whole process (of a GPU: its memory)
};

/// Takes two whole steps, optimisers and all, and measures the second: the task has learnt from them afterwards.
StepCost measure_step(TrainTask& task, Batches& batches, const TrainOptions& options);

}  // namespace reverie
