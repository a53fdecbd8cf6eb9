// The whole training loop on the device: stopped, gone on with from its checkpoint, and the same as in one go.
#include <ATen/core/grad_mode.h>

#include "check.h"
#include "reverie/data/batches.h"
#include "reverie/data/dataset.h"
#include "reverie/image/picture.h"
#include "reverie/techniques/vae.h"
#include "reverie/train/loop.h"
#include "reverie/train/step_cost.h"
#include "support/temporary_folder.h"

namespace reverie::test {
namespace {

constexpr std::int64_t kImages = 8;
const RunIdentity kIdentity = {.program = "vae", .options = {{"batch", "4"}}, .free = {}};

Dataset drawn_dataset(const TemporaryFolder& folder) {
    const Tensor pictures = drawn_pictures(kImages, 3, 16, 16);
    for (std::int64_t i = 0; i < kImages; ++i) {
        save_image(folder / (std::to_string(i) + ".png"), pictures[i]);
    }
    return open_dataset(folder.path(), {.channels = 3});
}

VaeOptions small_vae() {
    VaeOptions options;
    options.net = {.size = {16, 16}, .channels = 3, .latent = 4, .width = 8, .blocks = 1};
    return options;
}

/// Weights after so many steps, of which `lives` processes take their share.
std::vector<Tensor> trained(const Place& place, std::int64_t lives) {
    const TemporaryFolder images;
    const TemporaryFolder folder;
    const Dataset set = drawn_dataset(images);
    TrainOptions options;
    options.steps = 6;
    options.batch = 4;
    options.log_every = 2;
    options.preview_every = 3;
    options.validate_every = 3;
    options.average_half_life = 20.0;
    options.device = place.device;
    for (std::int64_t life = 0; life < lives; ++life) {
        CancelToken token;
        Hooks hooks;
        hooks.cancel = &token;
        hooks.on_progress = [&, last = life + 1 == lives](const Progress& progress) {
            if (!last && progress.done >= 3.0) {
                token.request();
            }
        };
        VaeTask task(small_vae(), 1, place.device, nullptr);
        Batches batches(set, all_indices(set), {.batch = options.batch});
        const OrderedBatches validation(set, {0, 1, 2, 3}, 4);
        RunFolder run = life == 0 ? RunFolder::create(folder / "run", kIdentity, 1000)
                                  : RunFolder::resume(folder / "run", kIdentity);
        train(task, batches, &validation, options, &run, {}, hooks);
    }
    std::vector<Tensor> results;
    for (const auto& [name, tensor] : all_tensors(read_state_dict(folder / "run" / kAverageFile))) {
        results.push_back(tensor);
    }
    return results;
}

std::vector<Tensor> costed(const Place& place) {
    const TemporaryFolder images;
    const Dataset set = drawn_dataset(images);
    VaeTask task(small_vae(), 1, place.device, nullptr);
    Batches batches(set, all_indices(set), {.batch = 4});
    TrainOptions options;
    options.steps = 10;
    options.device = place.device;
    const StepCost cost = measure_step(task, batches, options);
    return {at::scalar_tensor(cost.seconds > 0.0 && cost.seconds < 60.0 ? 1.0 : 0.0, at::kDouble)};
}

}  // namespace

std::vector<Check> run_checks() {
    return {{"run in one go", 3e-2, [](const Place& place) { return trained(place, 1); }},
            {"run that was resumed", 3e-2, [](const Place& place) { return trained(place, 2); }},
            {"cost of a step", 0.0, costed}};
}

}  // namespace reverie::test
