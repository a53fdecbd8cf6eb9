// One step of a training, the same whether it is kept or only measured.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reverie/train/loop.h"
#include "train/gradients.h"
#include "train/interval_log.h"

namespace reverie {

/// A phase of the task and its optimiser.
struct PhaseRun {
    Phase phase;
    PhaseGradients gradients;
    Optimizer optimizer;
    std::string prefix;  ///< of its names in records
};

/// Losses, gradients, clipping, optimisers and the running mean of weights. What is to be logged stays on the device.
class Stepper {
  public:
    Stepper(TrainTask& task, const TrainOptions& options);

    /// Of `total` planned steps, with `rate` times the learning rates. `after_phase` is for who measures.
    void step(const Batch& batch, std::int64_t step, std::int64_t total, std::uint64_t seed, double rate,
              const std::function<void(const PhaseRun& run)>& after_phase = {});

    std::vector<PhaseRun>& phases() noexcept { return phases_; }
    const std::vector<PhaseRun>& phases() const noexcept { return phases_; }
    std::optional<WeightAverage>& average() noexcept { return average_; }
    const std::optional<WeightAverage>& average() const noexcept { return average_; }
    IntervalLog& log() noexcept { return log_; }
    const IntervalLog& log() const noexcept { return log_; }

  private:
    void run_phase(PhaseRun& run, const StepInput& input, double rate);

    const TrainOptions& options_;
    std::vector<PhaseRun> phases_;
    std::optional<WeightAverage> average_;
    IntervalLog log_;
};

/// Of everything that the next step depends on: what a checkpoint holds.
std::int64_t bytes_of_state(TrainTask& task, const Stepper& stepper);

}  // namespace reverie
