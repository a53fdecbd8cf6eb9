#include "techniques/vae/perceptual_distance.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <string>
#include <vector>

#include "reverie/core/device.h"

namespace reverie {
namespace {

constexpr std::size_t kDepths = 3;

std::vector<std::string> depths_of(const FrozenNet& net) {
    std::vector<std::string> names;
    std::int64_t stride = 0;
    for (const Tap& tap : net.taps()) {
        if (tap.stride > stride && names.size() < kDepths) {
            names.push_back(tap.name);
            stride = tap.stride;
        }
    }
    return names;
}

Tensor as_rgb(const Tensor& images) {
    return images.size(1) == 1 ? images.expand({-1, 3, -1, -1}) : images.narrow(1, 0, 3);
}

Tensor mean_of_each(const Tensor& features) { return features.flatten(1).mean(1); }

}  // namespace

Tensor perceptual_distance(FrozenNet& net, const Tensor& images, const Tensor& targets) {
    const std::vector<std::string> depths = depths_of(net);
    const bool wants_gradient = c10::GradMode::is_enabled() && images.requires_grad();
    const Tensor rgb = as_rgb(images).to(at::kFloat);
    Tensor distance;
    Tensor gradient;  // of each image's own distance
    {
        const c10::NoGradGuard no_grad;
        const FullPrecision exact;  // whatever the precision of the training around it
        const Features wanted = net.forward(as_rgb(targets).to(at::kFloat), depths, /*keep_for_backward=*/false);
        const Features seen = net.forward(rgb.detach(), depths, wants_gradient);
        Features back;
        distance = at::zeros({images.size(0)}, rgb.options());
        for (const auto& [name, features] : seen) {
            constexpr double kTiny = 1e-12;
            const Tensor difference = features - wanted.at(name);
            const Tensor share =
                (mean_of_each(wanted.at(name).square()) * static_cast<double>(seen.size())).clamp_min(kTiny);
            distance += mean_of_each(difference.square()) / share;
            const auto values = static_cast<double>(features[0].numel());
            back[name] = difference * (2.0 / (values * share)).view({-1, 1, 1, 1});
        }
        if (wants_gradient) {
            gradient = net.backward(back);
        }
    }
    // The net's own backward pass is done by now; to autograd the distance is this linear function, whose value here is
    // the distance and whose gradient is its gradient.
    return wants_gradient ? distance + ((rgb - rgb.detach()) * gradient).flatten(1).sum(1) : distance;
}

}  // namespace reverie
