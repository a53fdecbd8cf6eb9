// What a run goes on from: the last good state, in memory and in the run's folder, and the same on all ranks.
#include <ATen/core/grad_mode.h>

#include <utility>

#include "train/copy_tensors.h"
#include "train/run_records.h"
#include "train/training.h"

namespace reverie {

bool Training::begin() {
    std::optional<TrainState> saved;
    if (folder_ != nullptr) {
        write_skipped(folder_->file(kSkippedFile), batches_.dataset().skipped());
        saved = folder_->load(hooks_.on_warning);
        records_.emplace(*folder_, saved ? saved->metrics_bytes : 0);
    }
    if (saved) {
        good_ = std::move(*saved);
        for (const std::string& name : task_.added_later()) {
            good_.tensors.try_emplace("task/" + name, state_.at(name).detach().clone());
        }
        return_to_good();
        rollbacks_ = good_.rollbacks;
    }
    const bool resumed = options_.ranks.any(saved.has_value());
    if (!options_.ranks.alone()) {
        take_over_from_first();
    }
    if (resumed) {
        remember();  // on the device
    }
    first_step_ = interval_step_ = step_;
    interval_begin_ = last_checkpoint_ = last_results_ = clock_.seconds();
    return resumed;
}

void Training::take_over_from_first() {
    step_ = static_cast<std::int64_t>(options_.ranks.of_first(static_cast<double>(step_)));
    rollbacks_ = static_cast<std::int64_t>(options_.ranks.of_first(static_cast<double>(rollbacks_)));
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : captured().tensors) {
        if (!name.starts_with("log/")) {  // which the first one keeps
            tensor.copy_(options_.ranks.of_first(tensor));
        }
    }
}

void Training::save() {
    if (folder_ != nullptr) {
        folder_->save(good_);
    }
}

TrainState Training::captured() const {
    TrainState state;
    state.step = step_;
    state.rollbacks = rollbacks_;
    state.best = best_;
    state.metrics_bytes = records_ ? records_->metrics_bytes() : 0;
    add_with_prefix(state.tensors, "task/", state_);
    if (stepper_.average()) {
        add_with_prefix(state.tensors, "average/", stepper_.average()->mean());
    }
    for (const PhaseRun& run : stepper_.phases()) {
        add_with_prefix(state.tensors, "optimizer/" + run.phase.name + "/", run.optimizer.state());
    }
    add_with_prefix(state.tensors, "log/", stepper_.log().state());
    return state;
}

void Training::remember() {
    stepper_.log().fold(options_.ranks);
    TrainState state = captured();
    NamedTensors kept = std::move(good_.tensors);
    keep_values(kept, state.tensors);
    good_ = std::move(state);
    good_.tensors = std::move(kept);
}

void Training::return_to_good() {
    const std::string what =
        folder_ == nullptr ? "the last good state" : "the checkpoint in '" + folder_->path().string() + "'";
    copy_all_(state_, with_prefix_removed(good_.tensors, "task/"), what);
    if (stepper_.average()) {
        stepper_.average()->restore(with_prefix_removed(good_.tensors, "average/"));
    }
    for (PhaseRun& run : stepper_.phases()) {
        run.optimizer.restore(with_prefix_removed(good_.tensors, "optimizer/" + run.phase.name + "/"));
    }
    stepper_.log().restore(with_prefix_removed(good_.tensors, "log/"));
    if (records_) {
        records_->cut_metrics(good_.metrics_bytes);
    }
    step_ = good_.step;
    best_ = good_.best;
}

}  // namespace reverie
