// Exported weights of a run, as other commands and libraries read them.
#pragma once

#include <filesystem>
#include <string>

#include "reverie/train/optimizer.h"
#include "reverie/weights/state_dict.h"

namespace reverie {

enum class RunWeights {
    Average,  ///< the running mean; Last where the run keeps none
    Last,
    Best,
};

/// The file in a run folder, or `run` itself when it is a file. Throws Input, naming the path, when it is not there;
/// `program` ("vae") is named as what would have made it.
std::filesystem::path run_weights_file(const std::filesystem::path& run, RunWeights which, const std::string& program);

/// That file, opened. One that is cut or damaged throws Weights, saying how to get it again out of its run.
StateDict read_run_weights(const std::filesystem::path& run, RunWeights which, const std::string& program);

/// Every tensor of it. Throws Weights for values that are no finite numbers.
NamedTensors all_tensors(const StateDict& weights);

/// Copies `weights` into the tensors of `state`, which they may exceed. Whole numbers (a norm's count of batches) may
/// be missing. Throws Input, naming the first other tensor that is missing or has another shape.
void load_weights(const NamedTensors& state, const NamedTensors& weights);

}  // namespace reverie
