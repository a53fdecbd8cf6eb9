// One run of the loop in train/loop.h: its state, a step of it, and what is done between steps.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reverie/train/loop.h"
#include "train/run_records.h"
#include "train/stepper.h"

namespace reverie {

class Training {
  public:
    Training(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
             RunFolder* folder, RunOptions facts, const Hooks& hooks);

    TrainResult run();

  private:
    enum class Order { GoOn, Cancel, TimeIsUp };

    bool begin();  ///< whether there was a checkpoint to go on from
    void take_over_from_first();
    Order order() const;   ///< collective
    bool healthy() const;  ///< collective
    void take_step();
    /// What is due between two steps. False when the user stopped it on the way.
    bool do_what_is_due();
    void roll_back();
    TrainResult finish(TrainEnd end);

    void log_line();
    bool validate_now(bool may_be_best);
    void show_preview();
    void report_progress(double paused) const;         ///< seconds of looking around
    void write_results(const std::string& note = "");  ///< all but the checkpoint, of the last good state
    std::vector<ReportPicture> pictures();

    void save();                  ///< the last good state
    TrainState captured() const;  ///< the tensors themselves
    void remember();              ///< the present state as the last good one
    void return_to_good();

    bool due(std::int64_t every) const { return every > 0 && (step_ % every == 0 || step_ == total_); }
    std::uint64_t seed() const;
    double rate_of(std::int64_t step) const;  ///< multiplies the learning rates
    /// With the mean weights in place, when there are some.
    void with_mean(const std::function<void()>& action);
    std::map<std::string, std::string> metadata() const;

    TrainTask& task_;
    Batches& batches_;
    const OrderedBatches* validation_;
    const TrainOptions& options_;
    RunFolder* folder_;  ///< null: another rank writes
    RunOptions facts_;
    const Hooks& hooks_;

    std::int64_t total_;
    NamedTensors state_;
    NamedTensors averaged_;
    Stepper stepper_;
    std::optional<RunRecords> records_;

    std::int64_t step_ = 0;
    std::int64_t rollbacks_ = 0;
    std::optional<double> best_;
    TrainState good_;
    Scalars last_logged_;
    Scalars last_validation_;

    Stopwatch clock_;
    std::int64_t first_step_ = 0;     ///< of this process
    std::int64_t interval_step_ = 0;  ///< where the log's interval began
    double interval_begin_ = 0.0;     ///< by the clock, time spent between steps taken out
    double last_checkpoint_ = 0.0;
    double last_results_ = 0.0;
};

}  // namespace reverie
