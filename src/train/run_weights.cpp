#include "reverie/train/run_weights.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <system_error>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/train/run_folder.h"

namespace reverie {
namespace {

std::string shape_text(const Tensor& tensor) {
    std::string text;
    for (const std::int64_t side : tensor.sizes()) {
        text += (text.empty() ? "" : "x") + std::to_string(side);
    }
    return text.empty() ? "one number" : text;
}

}  // namespace

std::filesystem::path run_weights_file(const std::filesystem::path& run, RunWeights which, const std::string& program) {
    const auto is_file = [](const std::filesystem::path& path) {
        std::error_code ignored;
        return std::filesystem::is_regular_file(path, ignored);
    };
    if (is_file(run)) {
        return run;
    }
    std::vector<std::string> names = {kWeightsFile};
    if (which == RunWeights::Best) {
        names = {kBestFile};
    } else if (which == RunWeights::Average) {
        names.insert(names.begin(), kAverageFile);
    }
    for (const std::string& name : names) {
        if (is_file(run / name)) {
            return run / name;
        }
    }
    const bool run_without_best = which == RunWeights::Best && is_file(run / kWeightsFile);
    throw Error(
        ErrorKind::Input,
        "'" + run.string() + "' holds no " + names.back() +
            (run_without_best ? "; the best state is kept of runs that were measured on the way (see " + program +
                                    " train --help), so take the average or the last one"
                              : "; pass the folder of a run that `" + program + " train` made, or its weights file"));
}

NamedTensors all_tensors(const StateDict& weights) {
    NamedTensors tensors;
    for (const std::string& name : weights.names()) {
        tensors[name] = weights.load(name);
    }
    return tensors;
}

void load_weights(const NamedTensors& state, const NamedTensors& weights) {
    const c10::NoGradGuard no_grad;
    for (const auto& [name, tensor] : state) {
        const auto found = weights.find(name);
        if (found == weights.end() && !tensor.is_floating_point()) {
            continue;
        }
        if (found == weights.end()) {
            throw Error(ErrorKind::Input, "the weights lack '" + name +
                                              "'; they are another net's, so pass the options they were trained with");
        }
        if (found->second.sizes() != tensor.sizes()) {
            throw Error(ErrorKind::Input, "'" + name + "' is " + shape_text(found->second) + " in the weights and " +
                                              shape_text(tensor) +
                                              " in this net; pass the options the weights were trained with");
        }
        tensor.copy_(found->second);
    }
}

}  // namespace reverie
