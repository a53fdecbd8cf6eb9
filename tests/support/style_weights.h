// Style nets that nobody trained, for tests and benchmarks: their norms differ from style to style, and their last
// layer is not 0 as before training.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "reverie/core/noise.h"
#include "reverie/models/style_net_weights.h"

namespace reverie::test {

inline StyleNetWeights style_weights(const StyleNetOptions& options, std::uint64_t seed = 1) {
    const c10::NoGradGuard no_grad;
    StyleNetWeights weights{options, {}};
    for (const auto& item : make_style_net(options, seed)->named_parameters()) {
        const std::string& name = item.key();
        Tensor array = item.value().clone().contiguous();
        const Tensor noise = normal_noise(seed, stream_of(name), 0, 1, array.sizes().vec())[0];
        if (name.ends_with(".scale")) {
            array = 1.0 + 0.3 * noise;
        } else if (name.ends_with(".shift") || name == "out.bias") {
            array = 0.2 * noise;
        } else if (name == "out.weight") {
            array = 0.02 * noise;
        }
        weights.arrays[name] = array;
    }
    return weights;
}

inline StyleNetOptions half_style_net() {
    StyleNetOptions options;
    options.styles = {"starry", "wave", "udnie"};
    return options;
}

/// That of PyTorch's examples.
inline StyleNetOptions full_style_net() {
    StyleNetOptions options;
    options.channels = {32, 64, 128};
    options.ends = 9;
    options.styles = {"mosaic"};
    options.adds_input = false;
    return options;
}

}  // namespace reverie::test
