#include "reverie/train/step_cost.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "kernels/engine.h"
#include "reverie/core/device.h"
#include "reverie/core/runtime.h"
#include "train/stepper.h"

namespace reverie {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t peak_of_process() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

}  // namespace

StepCost measure_step(TrainTask& task, Batches& batches, const TrainOptions& options) {
    const TrainingEngine engine(has_own_engine(options));
    const std::int64_t free_before = available_memory(options.device);
    const std::int64_t total = planned_steps(options, batches.count());
    task.begin_as_later();
    Stepper stepper(task, options);
    std::int64_t every = 1;
    for (const PhaseRun& run : stepper.phases()) {
        every = std::lcm(every, run.phase.every);
    }

    // All phases run in either step; the first one also pays for what is set up once.
    stepper.step(batches.at(0), 0, total, options.seed, 1.0);
    synchronize(options.device);
    StepCost cost;
    auto last = Clock::now();
    const auto since_last = [&] {
        synchronize(options.device);
        const auto now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - last).count();
        last = now;
        return seconds;
    };
    stepper.step(batches.at(every), every, total, options.seed, 1.0,
                 [&](const PhaseRun& run) { cost.seconds += since_last() / static_cast<double>(run.phase.every); });
    cost.seconds += since_last();

    cost.bytes = options.device.is_cpu() ? peak_of_process()
                                         : std::max<std::int64_t>(0, free_before - available_memory(options.device));
    cost.bytes += bytes_of_state(task, stepper);  // the last good one, which the loop keeps beside
    return cost;
}

}  // namespace reverie
