#include "reverie/train/time_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "reverie/output/records.h"
#include "support/expect_error.h"
#include "tiny_run.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

constexpr double kUsed = 0.93;  // of the time; the rest is left over

/// What the parts of a run take on a machine whose clock stands still otherwise.
struct Times {
    double set_up = 0.0;  ///< of the first step beside what it takes itself
    double step = 1.0;
    double dear = 0.0;  ///< every so often a step takes that much more
    std::int64_t period = 1;
    double validation = 0.0;
    double kept = 0.0;  ///< of the first validation beside what it takes itself
    double preview = 0.0;
};

class ClockedTask : public test::TinyTask {
  public:
    explicit ClockedTask(const Times& times) : times_(times) {}

    std::vector<Phase> phases() override {
        std::vector<Phase> phases = TinyTask::phases();
        phases.front().period = times_.period;
        phases.front().loss = [this, inner = phases.front().loss](const StepInput& input, StepLog& log) {
            now_ += times_.step + std::exchange(times_.set_up, 0.0);
            now_ += input.step % times_.period == 0 ? times_.dear : 0.0;
            return inner(input, log);
        };
        return phases;
    }
    Scalars validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) override {
        now_ += times_.validation + std::exchange(times_.kept, 0.0);
        return TinyTask::validate(batches, ranks, hooks);
    }
    Tensor preview() override {
        now_ += times_.preview;
        return TinyTask::preview();
    }

    double now() const { return now_; }
    SecondsClock clock() {
        return [this] { return now_; };
    }

  private:
    Times times_;
    double now_ = 0.0;
};

class PlanByTime : public testing::Test {
  protected:
    PlanByTime() {
        options_.steps = 0;
        options_.checkpoint_minutes = 1e6;
    }

    TimePlan planned(ClockedTask& task, double seconds) {
        options_.seconds = seconds;
        return plan_by_time(task, batches_, &validation_, options_, hooks_, task.clock());
    }
    TimePlan planned(const Times& times, double seconds) {
        ClockedTask task(times);
        return planned(task, seconds);
    }

    TrainResult trained(TrainTask& task, const std::string& name, std::int64_t steps) {
        TrainOptions options = options_;
        options.steps = steps;
        options.seconds = 0.0;
        RunFolder folder = RunFolder::create(folder_ / name, test::tiny_identity(), 1000);
        return train(task, batches_, &validation_, options, &folder, {}, hooks_);
    }

    test::TemporaryFolder folder_;
    Dataset set_ = open_dataset(test::drawn_images(), {.channels = 1});
    Split parts_ = split(set_.count(), 0.2, 1);
    TrainOptions options_ = test::tiny_options();
    Batches batches_{set_, parts_.train, {.batch = options_.batch, .seed = options_.seed}};
    OrderedBatches validation_{set_, parts_.validation, 3};
    Hooks hooks_;
};

TEST(RunSeconds, CountWhatIsDoneBetweenSteps) {
    const RunCost cost = {.step = 0.1, .validation = 3, .preview = 1, .checkpoint = 2, .results = 4};
    TrainOptions options;
    options.log_every = 10;
    options.preview_every = 20;
    options.validate_every = 30;
    options.checkpoint_minutes = 1e9;
    // 2 validations, 4 previews, a checkpoint at the beginning and at the end, where the results are written too.
    EXPECT_NEAR(run_seconds(cost, options, 50), 5 + 2 * 3 + 4 * 1 + 2 * 2 + 4, 1e-6);
    // A checkpoint on each of 5 + 2 + 3 occasions as well, and results once a minute of the 15 s.
    options.checkpoint_minutes = 0;
    EXPECT_NEAR(run_seconds(cost, options, 50), 15 + 12 * 2 + 1.25 * 4, 1e-6);
    options.preview_every = options.validate_every = 0;
    options.checkpoint_minutes = 1e9;
    EXPECT_NEAR(run_seconds({.step = 0.1, .checkpoint = 2, .results = 4}, options, 50), 5 + 2 * 2 + 4, 1e-6);
}

TEST(StepsThatFit, AreTheMostThereIsTimeFor) {
    TrainOptions options;
    options.log_every = 3;
    options.preview_every = 7;
    options.validate_every = 50;
    options.checkpoint_minutes = 0.1;
    const RunCost cost = {.step = 0.02, .validation = 1, .preview = 0.1, .checkpoint = 0.2, .results = 0.3};
    for (const double seconds : {3.0, 10.0, 59.0, 1800.0, 1e6}) {
        const std::int64_t steps = steps_that_fit(cost, options, seconds);
        EXPECT_LE(run_seconds(cost, options, steps), seconds);
        EXPECT_GT(run_seconds(cost, options, steps + 1), seconds);
    }
}

TEST(StepsThatFit, AreAtLeastOne) {
    for (const double seconds : {-10.0, 0.0, 0.5, 1.5}) {
        EXPECT_EQ(steps_that_fit({.step = 1.0}, test::tiny_options(), seconds), 1) << seconds;
    }
}

TEST_F(PlanByTime, EndsTheScheduleBeforeTheTimeIsUp) {
    ClockedTask task({.set_up = 30, .step = 1, .dear = 4, .period = 8, .validation = 5, .kept = 20, .preview = 2});
    const double seconds = 2000;
    const TimePlan plan = planned(task, seconds);
    EXPECT_EQ(plan.spent, task.now());
    const TrainResult result = trained(task, "run", plan.steps);
    EXPECT_EQ(result.end, TrainEnd::Finished);
    EXPECT_LT(task.now(), seconds);
    EXPECT_GT(task.now(), 0.9 * seconds);
    EXPECT_NEAR(plan.spent + plan.run_seconds, task.now(), 0.01 * seconds);
    for (const auto& [name, value] : read_json_lines(folder_ / "run/metrics.jsonl").back().values) {
        if (name == "learning_rate") {
            EXPECT_LT(value, 1e-4 * 0.01) << "the cosine has come to its end";
        }
    }
}

TEST_F(PlanByTime, TheFirstStepDoesNotMislead) {
    const double lost = 300;
    EXPECT_NEAR(static_cast<double>(planned(Times{.set_up = lost}, 5000).steps), kUsed * 5000 - lost, 100);
}

TEST_F(PlanByTime, DearStepsCountAsOftenAsTheyCome) {
    const Times times = {.step = 1, .dear = 9, .period = 16};
    EXPECT_NEAR(static_cast<double>(planned(times, 10000).steps), kUsed * 10000 / (1 + 9.0 / 16), 100);
    // Here the trial is cut before the dear step comes again.
    EXPECT_NEAR(static_cast<double>(planned(times, 100).steps), (kUsed * 100 - 11) / (1 + 9.0 / 16), 5);
}

TEST_F(PlanByTime, IsOneStepAtLeast) { EXPECT_EQ(planned(Times{.set_up = 5, .validation = 10}, 0.01).steps, 1); }

TEST_F(PlanByTime, LeavesTheTaskAsItWasSoTheRunIsTheOneWithThatManySteps) {
    ClockedTask measured({.validation = 3});
    const std::int64_t steps = planned(measured, 100).steps;
    EXPECT_GT(steps, 50);
    EXPECT_LT(steps, 100);
    trained(measured, "measured/run", steps);
    ClockedTask straight({});
    trained(straight, "straight/run", steps);
    EXPECT_EQ(test::digests_of(folder_ / "measured/run"), test::digests_of(folder_ / "straight/run"));
}

TEST_F(PlanByTime, SaysNothingOfTheWeightsItBeginsWith) {
    hooks_.on_preview = [](const Tensor& /*image*/, std::int64_t /*step*/) { ADD_FAILURE() << "a preview"; };
    hooks_.on_warning = [](const std::string& said) { ADD_FAILURE() << said; };
    planned(Times{.validation = 1}, 100);
}

TEST_F(PlanByTime, StopsWhenTheUserDoes) {
    CancelToken token;
    hooks_.cancel = &token;
    token.request();
    EXPECT_THAT(expect_error(ErrorKind::Cancelled, [&] { planned(Times{}, 100); }), HasSubstr("before the first step"));
}

TEST_F(PlanByTime, NeedsATime) {
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { planned(Times{}, 0); }), HasSubstr("--time"));
}

}  // namespace
}  // namespace reverie
