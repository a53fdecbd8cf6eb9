#include "reverie/train/run_weights.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
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
    if (std::error_code ignored; !std::filesystem::exists(run, ignored)) {
        throw Error(ErrorKind::Input, "'" + run.string() + "' does not exist; pass the folder of a run that `" +
                                          program + " train` made, or its weights file");
    }
    const bool run_without_best = which == RunWeights::Best && is_file(run / kWeightsFile);
    throw Error(
        ErrorKind::Input,
        "'" + run.string() + "' holds no " + names.back() +
            (run_without_best ? "; the best state is kept of runs that were measured on the way (see " + program +
                                    " train --help), so take the average or the last one"
                              : "; pass the folder of a run that `" + program + " train` made, or its weights file"));
}

StateDict read_run_weights(const std::filesystem::path& run, RunWeights which, const std::string& program) {
    const std::filesystem::path file = run_weights_file(run, which, program);
    try {
        return read_state_dict(file);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Weights || file == run) {
            throw;
        }
        std::string what = error.sentence();
        what.resize(std::min(what.rfind("; "), what.size()));  // what to do with a file that was downloaded
        const bool goes_on =
            which != RunWeights::Best && (is_there(run / kCheckpointFile) || is_there(run / kPreviousCheckpointFile));
        throw Error(
            ErrorKind::Weights,
            what + "; " +
                (goes_on ? "`" + program + " train --resume -o " + run.string() +
                               "` writes it again from the run's checkpoint"
                         : "take another state of the run with {--weights} (average, last or best), or train it "
                           "again"));
    }
}

NamedTensors all_tensors(const StateDict& weights) {
    NamedTensors tensors;
    for (const std::string& name : weights.names()) {
        Tensor& values = tensors[name] = weights.load(name);
        if (values.is_floating_point() && !at::isfinite(values).all().item<bool>()) {
            throw Error(ErrorKind::Weights, "'" + weights.path().string() + "' holds values that are not numbers in '" +
                                                name + "'; take another state of the run, or train it again");
        }
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
