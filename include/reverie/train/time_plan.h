// How many steps fit into a time, found out before the first one by doing a little of all that a run does.
#pragma once

#include <cstdint>
#include <functional>

#include "reverie/core/hooks.h"
#include "reverie/data/batches.h"
#include "reverie/train/loop.h"
#include "reverie/train/task.h"

namespace reverie {

/// Seconds that the parts of a run take.
struct RunCost {
    double step = 0.0;        ///< on average
    double validation = 0.0;  ///< 0: there is none
    double preview = 0.0;
    double checkpoint = 0.0;
    double results = 0.0;  ///< exported weights and the report
};

/// What a run of so many steps takes, with everything that its options want between steps and at the end.
double run_seconds(const RunCost& cost, const TrainOptions& options, std::int64_t steps);

/// The most steps a run can have that takes no longer than `seconds`; at least 1.
std::int64_t steps_that_fit(const RunCost& cost, const TrainOptions& options, double seconds);

struct TimePlan {
    std::int64_t steps = 1;
    double run_seconds = 0.0;  ///< what a run of that many steps is expected to take
    double spent = 0.0;        ///< seconds that finding it out took: they count too
};

/// Seconds since any moment, never falling.
using SecondsClock = std::function<double()>;
SecondsClock steady_clock();

/// As many steps as fit into options.seconds, finding that out included. A run's bits are a function of its number of
/// steps, so this is for its first process alone: it makes the number TrainOptions::steps and keeps it as such. The
/// task is left as it was, to the bit. Throws Cancelled when the user stops it, and what the parts of a run throw.
TimePlan plan_by_time(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
                      const Hooks& hooks, const SecondsClock& clock = steady_clock());

}  // namespace reverie
