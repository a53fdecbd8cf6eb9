#include "train/training.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/random.h"
#include "train/copy_tensors.h"
#include "train/run_report.h"

namespace reverie {
namespace {

constexpr std::int64_t kMostRollbacks = 3;
constexpr double kResultsSeconds = 60.0;  // a report costs a few tenths of a second; many checkpoints shall not
constexpr std::uint64_t kRollbackStream = 0x726f6c6c6261636b;  // "rollback": keeps its seeds apart from other uses

}  // namespace

Training::Training(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
                   RunFolder* folder, RunOptions facts, const Hooks& hooks)
    : task_(task),
      batches_(batches),
      validation_(validation),
      options_(options),
      folder_(folder),
      facts_(std::move(facts)),
      hooks_(hooks),
      total_(planned_steps(options, batches.count())),
      state_(task.state()),
      averaged_(task.averaged()),
      stepper_(task, options) {}

TrainResult Training::run() {
    const bool resumed = begin();
    if (!resumed) {
        if (options_.preview_every > 0) {
            show_preview();
        }
        remember();
        save();  // a full disk is better known now than in five minutes
    }
    while (step_ < total_) {
        if (const Order now = order(); now != Order::GoOn) {
            return finish(now == Order::Cancel ? TrainEnd::Cancelled : TrainEnd::TimeUp);
        }
        take_step();
        const double stepped = clock_.seconds();
        if (!do_what_is_due()) {
            return finish(TrainEnd::Cancelled);
        }
        report_progress(clock_.seconds() - stepped);
    }
    return finish(TrainEnd::Finished);
}

/// Any rank may be told to stop; what time it is the first one says.
Training::Order Training::order() const {
    bool cancelled = hooks_.cancelled();
    // A time shorter than a step gets somewhere too.
    bool late = step_ > first_step_ && options_.seconds > 0.0 && clock_.seconds() >= options_.seconds;
    if (!options_.ranks.alone()) {
        const Tensor said =
            options_.ranks.sum(at::tensor({cancelled ? 1 : 0, late && options_.ranks.first() ? 1 : 0}, at::kInt));
        cancelled = said[0].item<std::int32_t>() > 0;
        late = said[1].item<std::int32_t>() > 0;
    }
    return cancelled ? Order::Cancel : late ? Order::TimeIsUp : Order::GoOn;
}

bool Training::healthy() const { return !options_.ranks.any(!stepper_.log().healthy()); }

void Training::take_step() {
    stepper_.step(batches_.at(step_), step_, total_, seed(), rate_of(step_));
    ++step_;
}

bool Training::do_what_is_due() {
    const bool logs = due(options_.log_every);
    const bool validates = validation_ != nullptr && due(options_.validate_every);
    const bool shows = due(options_.preview_every);
    if (!logs && !validates && !shows) {
        return true;
    }
    if (!healthy()) {
        roll_back();
        return true;
    }
    const double now = clock_.seconds();
    if (logs) {
        const double seconds = now - interval_begin_;
        const auto images = static_cast<double>((step_ - interval_step_) * batches_.batch());
        if (records_) {
            records_->timing(step_, now, seconds > 0.0 ? images / seconds : 0.0);
        }
        log_line();
        interval_step_ = step_;
        interval_begin_ = now;
    }
    if (validates && !validate_now(/*may_be_best=*/true)) {
        return_to_good();  // with this validation still to come
        return false;
    }
    if (shows) {
        show_preview();
    }
    remember();
    if (step_ < total_ && clock_.seconds() - last_checkpoint_ >= 60.0 * options_.checkpoint_minutes) {
        save();
        last_checkpoint_ = clock_.seconds();
        if (last_checkpoint_ - last_results_ >= kResultsSeconds) {
            write_results();
            last_results_ = clock_.seconds();
        }
    }
    interval_begin_ += clock_.seconds() - now;
    return true;
}

void Training::roll_back() {
    const std::int64_t seen = step_;
    return_to_good();
    const std::string what = "the loss or a gradient was not a finite number by step " + std::to_string(seen);
    if (rollbacks_ == kMostRollbacks) {
        save();
        write_results("Stopped: " + what + ", for the fourth time.");
        throw Error(ErrorKind::Input,
                    what + ", after " + std::to_string(kMostRollbacks) +
                        " returns to earlier states with lower learning rates; " +
                        (folder_ == nullptr ? "the run's folder" : "'" + folder_->path().string() + "'") +
                        " holds the state of step " + std::to_string(step_) +
                        "; start another run with a lower {--learning-rate} or with {--clip-norm}");
    }
    good_.rollbacks = ++rollbacks_;
    interval_step_ = step_;
    interval_begin_ = clock_.seconds();
    hooks_.warn(what + "; going on from step " + std::to_string(step_) +
                " with other noise and half the learning rate");
}

TrainResult Training::finish(TrainEnd end) {
    if (end != TrainEnd::Finished && step_ != good_.step) {
        if (healthy()) {
            remember();
        } else {
            return_to_good();
        }
    }
    save();
    // Not a validation of the plan: it is recorded behind the checkpoint, so a resume cuts it away again.
    const bool extra = end == TrainEnd::TimeUp && validation_ != nullptr && options_.validate_every > 0 &&
                       step_ % options_.validate_every != 0;
    if (extra) {
        validate_now(/*may_be_best=*/!best_);
    }
    write_results(end == TrainEnd::Finished    ? ""
                  : end == TrainEnd::Cancelled ? "Stopped by the user; it can go on with --resume."
                                               : "Stopped because the time was up; it can go on with --resume.");
    return {.steps = step_,
            .end = end,
            .rollbacks = rollbacks_,
            .last = last_validation_.empty() ? last_logged_ : last_validation_};
}

void Training::log_line() {
    stepper_.log().fold(options_.ranks);
    last_logged_ = stepper_.log().take();
    for (const PhaseRun& run : stepper_.phases()) {
        last_logged_.emplace_back(run.prefix + "learning_rate", rate_of(step_ - 1) * run.phase.optimizer.learning_rate);
    }
    if (records_) {
        records_->metrics(step_, last_logged_);
    }
}

bool Training::validate_now(bool may_be_best) {
    Scalars values;
    Hooks quiet = hooks_;
    quiet.on_progress = nullptr;  // the bar is the run's
    if (!options_.ranks.alone()) {
        quiet.cancel = nullptr;  // all end it, or none
    }
    bool done = true;
    with_mean([&] {
        try {
            const FullPrecision exact;
            values = task_.validate(*validation_, options_.ranks, quiet);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::Cancelled) {
                throw;
            }
            done = false;
            return;
        }
        const auto metric = std::ranges::find(values, task_.metric(), &Scalars::value_type::first);
        if (may_be_best && metric != values.end() && std::isfinite(metric->second) &&
            (!best_ || metric->second < *best_)) {
            best_ = metric->second;
            if (folder_ != nullptr) {
                export_weights(folder_->file(kBestFile), averaged_, metadata());
            }
        }
    });
    if (done) {
        last_validation_.clear();
        for (const auto& [name, value] : values) {
            last_validation_.emplace_back("validation/" + name, value);
        }
        if (records_) {
            records_->metrics(step_, last_validation_);
        }
    }
    return done;
}

void Training::show_preview() {
    if (!records_) {
        return;
    }
    Tensor image;
    with_mean([&] { image = task_.preview().detach().cpu(); });
    records_->preview(step_, image);
    if (hooks_.on_preview) {
        hooks_.on_preview(image, step_);
    }
}

void Training::report_progress(double paused) const {
    const auto share = [](double part, double whole) { return whole > 0.0 ? part / whole : 0.0; };
    const std::int64_t epoch = (step_ - 1) * batches_.batch() / batches_.count() + 1;
    Progress progress{
        .stage = "step " + std::to_string(step_) + "/" + std::to_string(total_) + ", epoch " + std::to_string(epoch),
        .done = static_cast<double>(step_),
        .total = static_cast<double>(total_),
        .unit = "steps"};
    progress.aside = paused;
    if (options_.seconds > 0.0) {  // whichever ends first
        const double of_time = share(clock_.seconds(), options_.seconds);
        const double of_steps =
            share(static_cast<double>(step_ - first_step_), static_cast<double>(total_ - first_step_));
        progress.done = std::max(of_time, of_steps);
        progress.aside = of_time < of_steps ? paused : 0.0;  // the clock does not stop in a pause
        progress.total = 1.0;
        progress.unit = "";
    }
    if (!last_logged_.empty()) {
        progress.value = last_logged_.front().second;
        progress.value_name = last_logged_.front().first;
    }
    hooks_.progress(progress);
}

void Training::write_results(const std::string& note) {
    if (folder_ == nullptr) {
        return;
    }
    const std::map<std::string, std::string> notes = metadata();
    export_weights(folder_->file(kWeightsFile), with_prefix_removed(good_.tensors, "task/"), notes);
    if (stepper_.average()) {
        export_weights(folder_->file(kAverageFile), with_prefix_removed(good_.tensors, "average/"), notes);
    }
    RunStory story{.step = step_, .total = total_, .facts = facts_, .pictures = pictures(), .notes = {}};
    if (rollbacks_ > 0) {
        story.notes.push_back("Went back to an earlier state " + std::to_string(rollbacks_) +
                              (rollbacks_ == 1 ? " time" : " times") + " because the loss was not a finite number.");
    }
    if (const std::size_t skipped = batches_.dataset().skipped().size(); skipped > 0) {
        story.notes.push_back(std::to_string(skipped) + (skipped == 1 ? " file" : " files") + " left out; see " +
                              kSkippedFile + ".");
    }
    if (!note.empty()) {
        story.notes.push_back(note);
    }
    write_run_report(*folder_, story);
}

std::vector<ReportPicture> Training::pictures() {
    constexpr std::int64_t kMost = 32;
    const Tensor reals =
        (validation_ != nullptr && validation_->batches() > 0 ? validation_->at(0) : batches_.at(0)).images;
    std::vector<ReportPicture> pictures;
    with_mean(
        [&] { pictures = task_.pictures(reals.narrow(0, 0, std::min(kMost, reals.size(0))).to(options_.device)); });
    return pictures;
}

std::uint64_t Training::seed() const {
    return rollbacks_ == 0 ? options_.seed
                           : random_bits(options_.seed, kRollbackStream, static_cast<std::uint64_t>(rollbacks_));
}

double Training::rate_of(std::int64_t step) const {
    return rate_at(options_.schedule, step, total_, batches_.steps_per_epoch()) *
           std::exp2(-static_cast<double>(rollbacks_));
}

void Training::with_mean(const std::function<void()>& action) {
    const at::NoGradGuard no_grad;
    if (!stepper_.average()) {
        action();
        return;
    }
    stepper_.average()->swap();
    try {
        action();
    } catch (...) {
        stepper_.average()->swap();
        throw;
    }
    stepper_.average()->swap();
}

std::map<std::string, std::string> Training::metadata() const {
    std::map<std::string, std::string> notes = task_.metadata();
    notes["step"] = std::to_string(step_);
    return notes;
}

}  // namespace reverie
