#include "reverie/train/time_plan.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "kernels/engine.h"
#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "train/copy_tensors.h"
#include "train/stepper.h"

namespace reverie {
namespace {

// A run that is cut a little before its end loses the best of its schedule; one that ends a little early loses nothing.
constexpr double kUsed = 0.93;
constexpr double kTrialShare = 0.03;     // of the time is spent on measuring steps,
constexpr double kTrialSeconds = 20.0;   // and never more than this,
constexpr double kMostTrialShare = 0.1;  // unless a period of steps takes longer: then up to so much
constexpr std::int64_t kMostTrialSteps = 1000;
constexpr double kBytesPerSecond = 200e6;    // of a checkpoint: digest, disk, flush
constexpr double kReportSeconds = 0.3;       // its curves and page, beside the pictures of the task
constexpr double kResultsEverySeconds = 60;  // as often as the loop writes them at most

/// How often something comes that is due every so many steps, and at the end. 0: never.
double times(std::int64_t steps, std::int64_t every) {
    return every > 0 ? static_cast<double>(steps / every + (steps % every != 0 ? 1 : 0)) : 0.0;
}

/// Copies of the tensors' values.
NamedTensors copy_of(const NamedTensors& tensors) {
    NamedTensors copies;
    keep_values(copies, tensors);
    return copies;
}

/// Steps after which what a step does repeats.
std::int64_t period_of(const Stepper& stepper) {
    std::int64_t period = 1;
    for (const PhaseRun& run : stepper.phases()) {
        for (const std::int64_t part : {run.phase.every, run.phase.period}) {
            period = std::lcm(period, std::min(part, kMostTrialSteps));
            period = std::min(period, kMostTrialSteps);
        }
    }
    return period;
}

/// Takes parts of a run and the time.
class Trial {
  public:
    Trial(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
          const CancelToken* cancel, const SecondsClock& clock)
        : task_(task), batches_(batches), validation_(validation), options_(options), clock_(clock) {
        quiet_.cancel = cancel;  // what the first weights look like is no news
    }

    RunCost cost() {
        RunCost cost;
        task_.begin_as_later();
        Stepper stepper(task_, options_);
        cost.step = seconds_of_step(stepper);
        const auto bytes = static_cast<double>(bytes_of_state(task_, stepper));
        cost.checkpoint = bytes / kBytesPerSecond;
        const at::NoGradGuard no_grad;
        if (options_.preview_every > 0) {
            cost.preview = seconds_of([&] { task_.preview(); });
        }
        cost.validation = seconds_of_validation();
        cost.results = seconds_of([&] { task_.pictures(reals()); }) + kReportSeconds + 0.5 * bytes / kBytesPerSecond;
        return cost;
    }

  private:
    double seconds_of(const std::function<void()>& part) {
        require_not_cancelled();
        const double begin = clock_();
        part();
        synchronize(options_.device);
        return clock_() - begin;
    }

    /// Whole periods of steps in a row, as in the run itself. The first step is not counted: it also pays for what is
    /// set up once.
    double seconds_of_step(Stepper& stepper) {
        const std::int64_t period = period_of(stepper);
        const double begin = clock_();
        const double enough = begin + std::min(kTrialShare * options_.seconds, kTrialSeconds);
        const double most = begin + kMostTrialShare * options_.seconds;
        const auto take = [&](std::int64_t step) {
            // Of these weights nothing is wanted but that they stay sound.
            constexpr double kRate = 0.0;
            stepper.step(batches_.at(step), step, options_.steps, options_.seed, kRate);
        };
        const double first = seconds_of([&] { take(0); });
        std::int64_t step = 0;
        const double seconds = seconds_of([&] {
            do {
                require_not_cancelled();
                take(++step);
            } while (step < kMostTrialSteps && clock_() < (step % period == 0 ? enough : most));
        });
        const double mean = seconds / static_cast<double>(step);
        if (step >= period) {
            return mean;
        }
        // The dear step of a period was not reached again, so the first one stands for it.
        return mean + std::max(0.0, first - mean) / static_cast<double>(period);
    }

    double seconds_of_validation() {
        if (validation_ == nullptr || options_.validate_every == 0) {
            return 0.0;
        }
        const auto validate = [&] {
            const FullPrecision exact;
            task_.validate(*validation_, options_.ranks, quiet_);
        };
        const double first = seconds_of(validate);
        // The first may also pay for what is kept, as features of real images.
        return first <= kTrialShare * options_.seconds ? seconds_of(validate) : first;
    }

    Tensor reals() {
        return (validation_ != nullptr && validation_->batches() > 0 ? validation_->at(0) : batches_.at(0))
            .images.to(options_.device);
    }

    void require_not_cancelled() const {
        if (quiet_.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped before the first step, so nothing was kept");
        }
    }

    TrainTask& task_;
    Batches& batches_;
    const OrderedBatches* validation_;
    const TrainOptions& options_;
    const SecondsClock& clock_;
    Hooks quiet_;
};

}  // namespace

SecondsClock steady_clock() {
    return [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
}

double run_seconds(const RunCost& cost, const TrainOptions& options, std::int64_t steps) {
    const double logs = times(steps, options.log_every);
    const double validations = times(steps, options.validate_every);
    const double previews = times(steps, options.preview_every);
    const double work = static_cast<double>(steps) * cost.step + validations * cost.validation +
                        (1.0 + previews) * cost.preview;  // one before the first step
    const double occasions = logs + validations + previews;
    const double checkpoints =
        options.checkpoint_minutes > 0.0 ? std::min(occasions, work / (60.0 * options.checkpoint_minutes)) : occasions;
    const double results = std::min(checkpoints, work / kResultsEverySeconds);
    return work + (2.0 + checkpoints) * cost.checkpoint + (1.0 + results) * cost.results;
}

std::int64_t steps_that_fit(const RunCost& cost, const TrainOptions& options, double seconds) {
    constexpr double kShortestStep = 1e-9;
    constexpr double kMostSteps = 1e15;  // exact in a double, and never reached
    std::int64_t fitting = 1;
    auto most = static_cast<std::int64_t>(std::clamp(seconds / std::max(cost.step, kShortestStep), 1.0, kMostSteps));
    while (fitting < most) {
        const std::int64_t middle = most - (most - fitting) / 2;
        if (run_seconds(cost, options, middle) <= seconds) {
            fitting = middle;
        } else {
            most = middle - 1;
        }
    }
    return fitting;
}

TimePlan plan_by_time(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
                      const Hooks& hooks, const SecondsClock& clock) {
    if (!(options.seconds > 0.0)) {
        throw Error(ErrorKind::Usage, "no {--time} is given that steps could be planned by; give one");
    }
    TrainOptions any_plan = options;  // costs do not depend on it
    any_plan.steps = kMostTrialSteps;
    validate(any_plan);
    hooks.progress({.stage = "finding out how many steps fit"});
    const TrainingEngine engine(has_own_engine(options));
    // All ranks go by the first one's clock: they take the same steps and come to the same plan.
    const SecondsClock shared = [&] { return options.ranks.of_first(clock()); };
    const double begin = shared();
    const NamedTensors state = task.state();
    const NamedTensors start = copy_of(state);
    const RunCost cost = Trial(task, batches, validation, any_plan, hooks.cancel, shared).cost();
    copy_all_(state, start, "the task");
    TimePlan plan;
    plan.spent = shared() - begin;
    plan.steps = steps_that_fit(cost, options, kUsed * options.seconds - plan.spent);
    plan.run_seconds = run_seconds(cost, options, plan.steps);
    return plan;
}

}  // namespace reverie
