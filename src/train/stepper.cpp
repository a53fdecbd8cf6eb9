#include "train/stepper.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>

#include "kernels/shared_norms.h"
#include "reverie/core/device.h"

namespace reverie {
namespace {

/// Indices stay on the CPU: what they decide is decided there.
Batch brought_to(c10::Device device, Batch batch) {
    batch.images = on_device(batch.images, device);
    batch.labels = on_device(batch.labels, device);
    return batch;
}

std::int64_t bytes_of(const NamedTensors& tensors) {
    std::int64_t bytes = 0;
    for (const auto& [name, tensor] : tensors) {
        bytes += static_cast<std::int64_t>(tensor.nbytes());
    }
    return bytes;
}

}  // namespace

Stepper::Stepper(TrainTask& task, const TrainOptions& options)
    : options_(options), log_(options.device, options.ranks.alone()) {
    std::vector<Phase> phases = task.phases();
    for (Phase& phase : phases) {
        std::vector<Tensor> parameters;
        for (const auto& [name, parameter] : phase.parameters) {
            parameters.push_back(parameter);
        }
        Optimizer optimizer(phase.parameters, phase.optimizer);
        const std::string prefix = phases.size() > 1 ? phase.name + "/" : "";
        phases_.push_back(
            {std::move(phase), PhaseGradients(std::move(parameters), options.ranks), std::move(optimizer), prefix});
    }
    if (options.average_half_life > 0.0) {
        average_.emplace(task.averaged(), options.average_half_life);
    }
}

void Stepper::step(const Batch& batch, std::int64_t step, std::int64_t total, std::uint64_t seed, double rate,
                   const std::function<void(const PhaseRun& run)>& after_phase) {
    const c10::AutoGradMode gradients(true);
    const Batch here = brought_to(options_.device, batch);
    const StepInput input{.batch = here, .step = step, .total = total, .seed = seed, .ranks = options_.ranks};
    for (PhaseRun& run : phases_) {
        if (step % run.phase.every == 0) {
            run_phase(run, input, rate);
            if (after_phase) {
                after_phase(run);
            }
        }
    }
    if (average_) {
        average_->update(step, here.images.size(0) * options_.ranks.count());
    }
}

void Stepper::run_phase(PhaseRun& run, const StepInput& input, double rate) {
    std::optional<Tf32> tf32;  // backward too; what validates and shows afterwards is exact again
    if (options_.mixed_precision) {
        tf32.emplace(true);
    }
    const SharedNorms norms(options_.ranks);
    StepLog step_log;
    Tensor loss;
    {
        const Autocast half(options_.mixed_precision);
        loss = run.phase.loss(input, step_log);
    }
    std::vector<Tensor> gradients = run.gradients.of(loss);
    const at::NoGradGuard no_grad;
    const Tensor norm = norm_of(gradients, loss);
    log_.watch(loss);
    log_.watch(norm);
    if (options_.clip_norm > 0.0) {
        clip_norm_(gradients, norm, options_.clip_norm);
    }
    // Decided on the device: nothing is read back before a logging step.
    const Tensor rests =
        std::isinf(run.phase.rests_at) ? Tensor() : (options_.ranks.mean(loss) > run.phase.rests_at).logical_not();
    run.optimizer.step(gradients, rate, rests);
    log_.add(run.prefix + "loss", loss);
    for (const auto& [name, scalar] : step_log.values()) {
        log_.add(run.prefix + name, scalar);
    }
    log_.add(run.prefix + "gradient_norm", norm);
}

std::int64_t bytes_of_state(TrainTask& task, const Stepper& stepper) {
    std::int64_t bytes = bytes_of(task.state());
    if (stepper.average()) {
        bytes += bytes_of(stepper.average()->mean());
    }
    for (const PhaseRun& run : stepper.phases()) {
        bytes += bytes_of(run.optimizer.state());
    }
    return bytes;
}

}  // namespace reverie
