#include "models/pytorch_style_net.h"

#include <ATen/ATen.h>

#include "reverie/core/error.h"

namespace reverie {
namespace {

constexpr const char* kFirst = "conv1.conv2d.weight";
constexpr const char* kLast = "deconv3.conv2d.weight";
constexpr double kRange = 255.0;  // it takes and gives values from 0 to this

bool has_both(const StateDict& file, const std::string& prefix) {
    return file.contains(prefix + kFirst) && file.contains(prefix + kLast);
}

}  // namespace

std::optional<StateDict> pytorch_style_net(const StateDict& file) {
    for (const std::string& name : file.names()) {
        if (name.ends_with(kFirst)) {
            const std::string prefix = name.substr(0, name.size() - std::string(kFirst).size());
            if (has_both(file, prefix)) {
                return prefix.empty() ? file : file.below(prefix);
            }
        }
    }
    return std::nullopt;
}

StyleNetWeights read_pytorch_style_net(const StateDict& file) {
    const auto shape = [&](const std::string& name) {
        const std::vector<std::int64_t> found =
            file.contains(name) ? file.info(name).shape : std::vector<std::int64_t>();
        if (found.size() != 4) {
            throw Error(ErrorKind::Weights, "the style net '" + file.path().string() + "' has no convolution '" + name +
                                                "'; get the file again");
        }
        return found;
    };
    StyleNetWeights net;
    StyleNetOptions& options = net.options;
    options.channels = {shape(kFirst)[0], shape("conv2.conv2d.weight")[0], shape("conv3.conv2d.weight")[0]};
    options.ends = shape(kFirst)[2];
    options.blocks = 0;
    while (file.contains("res" + std::to_string(options.blocks + 1) + ".conv1.conv2d.weight")) {
        ++options.blocks;
    }
    options.styles = {file.path().stem().string()};
    options.adds_input = false;
    try {
        validate(options);
    } catch (const Error& error) {
        throw Error(ErrorKind::Weights, "the style net '" + file.path().string() +
                                            "' is of a kind that is not known here: " + error.what());
    }
    const auto normed = [&](const std::string& ours, const std::string& convolution, const std::string& norm,
                            std::int64_t out, std::int64_t in, std::int64_t side) {
        // The convolution's bias shifts what the norm takes the mean off.
        net.arrays[ours + ".weight"] = load_style_array(file, convolution + ".conv2d.weight", {out, in, side, side});
        net.arrays[ours + ".scale"] = load_style_array(file, norm + ".weight", {out}).unsqueeze(0);
        net.arrays[ours + ".shift"] = load_style_array(file, norm + ".bias", {out}).unsqueeze(0);
    };
    const auto& [full, half, quarter] = options.channels;
    normed("down.0", "conv1", "in1", full, 3, options.ends);
    normed("down.1", "conv2", "in2", half, full, 3);
    normed("down.2", "conv3", "in3", quarter, half, 3);
    for (std::int64_t i = 0; i < options.blocks; ++i) {
        for (const std::string part : {"1", "2"}) {
            const std::string theirs = "res" + std::to_string(i + 1);
            normed("blocks." + std::to_string(i) + ".conv" + part, theirs + ".conv" + part, theirs + ".in" + part,
                   quarter, quarter, 3);
        }
    }
    normed("up.0", "deconv1", "in4", half, quarter, 3);
    normed("up.1", "deconv2", "in5", full, half, 3);
    Tensor& first = net.arrays["down.0.weight"];
    first = first * kRange;
    net.arrays["out.weight"] = load_style_array(file, kLast, {3, full, options.ends, options.ends}) / kRange;
    net.arrays["out.bias"] = load_style_array(file, "deconv3.conv2d.bias", {3}) / kRange;
    return net;
}

}  // namespace reverie
