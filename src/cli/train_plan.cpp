#include "cli/train_plan.h"

#include <ATen/ATen.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "reverie/core/runtime.h"

namespace reverie {
namespace {

std::int64_t bytes_of(const NamedTensors& tensors) {
    std::int64_t bytes = 0;
    for (const auto& [name, tensor] : tensors) {
        bytes += static_cast<std::int64_t>(tensor.nbytes());
    }
    return bytes;
}

std::int64_t peak_of_process() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

void one_step(const std::vector<Phase>& phases, Batches& batches, const TrainOptions& options, std::int64_t step) {
    Batch batch = batches.at(step);
    batch.images = batch.images.to(options.device);
    batch.labels = batch.labels.to(options.device);
    batch.indices = batch.indices.to(options.device);
    const StepInput input{
        .batch = batch, .step = step, .total = planned_steps(options, batches.count()), .seed = options.seed};
    for (const Phase& phase : phases) {
        StepLog log;
        phase.loss(input, log).backward();
        for (const auto& [name, parameter] : phase.parameters) {
            parameter.mutable_grad() = Tensor();
        }
    }
}

}  // namespace

StepCost measure_step(TrainTask& task, Batches& batches, const TrainOptions& options) {
    const std::vector<Phase> phases = task.phases();
    const std::int64_t free_before = available_memory(options.device);
    one_step(phases, batches, options, 0);
    const auto begin = std::chrono::steady_clock::now();
    one_step(phases, batches, options, 1);
    StepCost cost;
    cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    cost.bytes = options.device.is_cpu() ? peak_of_process()
                                         : std::max<std::int64_t>(0, free_before - available_memory(options.device));
    for (const Phase& phase : phases) {
        cost.bytes += 2 * bytes_of(phase.parameters);
    }
    if (options.average_half_life > 0.0) {
        cost.bytes += bytes_of(task.averaged());
    }
    return cost;
}

}  // namespace reverie
