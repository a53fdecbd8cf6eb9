// The weights of a feed-forward style net, out of its file.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "reverie/core/tensor.h"
#include "reverie/models/style_net.h"
#include "reverie/weights/state_dict.h"

namespace reverie {

struct StyleNetWeights {
    StyleNetOptions options;
    std::map<std::string, Tensor> arrays;  ///< float32 on the CPU, by the names of StyleNet's parameters
};

/// Of a file that this program wrote, told by its notes, or of the net in PyTorch's examples/fast_neural_style, told by
/// the names of its arrays: the latter takes RGB from 0 to 255, which goes into the first and last weights, and has one
/// style, named after the file. Throws Weights for another net's file, for arrays that are missing or have another
/// shape, and for values that are no finite numbers, naming file and array.
StyleNetWeights read_style_net(const StateDict& file);

/// The same of a file. Throws Weights.
StyleNetWeights read_style_net(const std::filesystem::path& file);

}  // namespace reverie
