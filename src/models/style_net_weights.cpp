#include "reverie/models/style_net_weights.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "models/pytorch_style_net.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

struct Wanted {
    std::string name;
    std::vector<std::int64_t> shape;
};

std::vector<Wanted> parameters_of(const StyleNetOptions& options) {
    const auto& [full, half, quarter] = options.channels;
    const auto styles = static_cast<std::int64_t>(options.styles.size());
    std::vector<Wanted> all;
    const auto normed = [&](const std::string& name, std::int64_t out, std::int64_t in, std::int64_t side) {
        all.push_back({name + ".weight", {out, in, side, side}});
        all.push_back({name + ".scale", {styles, out}});
        all.push_back({name + ".shift", {styles, out}});
    };
    normed("down.0", full, 3, options.ends);
    normed("down.1", half, full, 3);
    normed("down.2", quarter, half, 3);
    for (std::int64_t i = 0; i < options.blocks; ++i) {
        normed("blocks." + std::to_string(i) + ".conv1", quarter, quarter, 3);
        normed("blocks." + std::to_string(i) + ".conv2", quarter, quarter, 3);
    }
    normed("up.0", half, quarter, 3);
    normed("up.1", full, half, 3);
    all.push_back({"out.weight", {3, full, options.ends, options.ends}});
    all.push_back({"out.bias", {3}});
    return all;
}

StyleNetOptions options_of(const StateDict& file) {
    try {
        return style_net_options(file.metadata());
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Input) {
            throw;
        }
        throw Error(ErrorKind::Weights, "'" + file.path().string() +
                                            "' holds no style net, neither one that `styletransfer train` wrote nor "
                                            "one of PyTorch's examples/fast_neural_style; pass such a file to "
                                            "{--model}");
    }
}

}  // namespace

StyleNetWeights read_style_net(const StateDict& file) {
    if (const std::optional<StateDict> arrays = pytorch_style_net(file)) {
        return read_pytorch_style_net(*arrays);
    }
    StyleNetWeights weights{options_of(file), {}};
    for (const auto& [name, shape] : parameters_of(weights.options)) {
        weights.arrays[name] = load_style_array(file, name, shape);
    }
    return weights;
}

StyleNetWeights read_style_net(const std::filesystem::path& file) { return read_style_net(read_state_dict(file)); }

Tensor load_style_array(const StateDict& file, const std::string& name, const std::vector<std::int64_t>& shape) {
    const auto refuse = [&](const std::string& found) {
        throw Error(ErrorKind::Weights, "the style net '" + file.path().string() + "' " + found +
                                            "; get the file again, or write it anew from its run");
    };
    if (!file.contains(name)) {
        refuse("lacks its array '" + name + "'");
    }
    if (file.info(name).shape != shape) {
        refuse("has an array '" + name + "' of shape " + shape_text(file.info(name).shape) + " where " +
               shape_text(shape) + " was expected");
    }
    Tensor array = file.load(name).to(at::kFloat);
    if (!at::isfinite(array).all().item<bool>()) {
        refuse("has values in its array '" + name + "' that are no finite numbers");
    }
    return array;
}

}  // namespace reverie
