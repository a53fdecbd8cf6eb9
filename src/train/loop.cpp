#include "reverie/train/loop.h"

#include "kernels/engine.h"
#include "reverie/weights/state_dict.h"
#include "train/training.h"

namespace reverie {

TrainResult train(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
                  RunFolder* folder, const RunOptions& facts, const Hooks& hooks) {
    validate(options);
    const TrainingEngine engine(has_own_engine(options));
    return Training(task, batches, validation, options, folder, facts, hooks).run();
}

void export_weights(const std::filesystem::path& path, const NamedTensors& tensors,
                    const std::map<std::string, std::string>& metadata) {
    write_safetensors(path, tensors, metadata);
}

}  // namespace reverie
