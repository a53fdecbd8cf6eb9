#include "reverie/train/step_cost.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tiny_run.h"

namespace reverie {
namespace {

/// Phases that take a time of their own.
class SlowTask : public test::TinyTask {
  public:
    SlowTask() : TinyTask({.two_phases = true}) {}
    std::vector<Phase> phases() override {
        std::vector<Phase> phases = TinyTask::phases();
        int milliseconds = 20;
        for (Phase& phase : phases) {
            phase.loss = [inner = phase.loss, milliseconds](const StepInput& input, StepLog& log) {
                std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
                return inner(input, log);
            };
            milliseconds = 120;
        }
        return phases;
    }
};

Batches tiny_batches() {
    const Dataset set = open_dataset(test::drawn_images(), {.channels = 1});
    return {set, split(set.count(), 0.2, 1).train, {.batch = 6, .seed = 1}};
}

TEST(StepCost, CountsAPhaseAsOftenAsItRuns) {
    SlowTask task;  // the second phase runs in every third step
    Batches batches = tiny_batches();
    const StepCost cost = measure_step(task, batches, test::tiny_options());
    EXPECT_GE(cost.seconds, 0.020 + 0.120 / 3);
    EXPECT_LT(cost.seconds, 0.120);
    EXPECT_GT(cost.bytes, 1 << 20);
}

TEST(StepCost, IsThatOfWholeStepsWithTheirOptimiser) {
    test::TinyTask task;
    const NamedTensors weights = task.averaged();
    const Tensor before = weights.at("in.weight").detach().clone();
    Batches batches = tiny_batches();
    TrainOptions options = test::tiny_options();
    options.schedule.warmup_steps = 0;
    measure_step(task, batches, options);
    EXPECT_FALSE(at::equal(weights.at("in.weight"), before));
}

}  // namespace
}  // namespace reverie
