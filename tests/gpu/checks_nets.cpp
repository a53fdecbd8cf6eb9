// Frozen nets: features and image gradients at three depths.
#include <algorithm>

#include "check.h"
#include "reverie/core/device.h"

namespace reverie::test {
namespace {

struct Known {
    const char* architecture;
    const char* preprocessing;
};

/// The first tap, one in the middle and the last.
std::vector<std::string> three_taps(const FrozenNet& net) {
    const std::vector<Tap> taps = net.taps();
    return {taps.front().name, taps[taps.size() / 2].name, taps.back().name};
}

std::vector<Tensor> forward_and_backward(FrozenNet& net, const Place& place) {
    const std::vector<std::string> taps = three_taps(net);
    const std::int64_t side = std::max<std::int64_t>(64, net.min_side(taps));
    const Tensor images =
        on_device(at::stack({drawn_picture(side, side + 11, "a"), drawn_picture(side, side + 11, "b")}), place.device);
    const Features features = net.forward(images, taps);
    Features gradients;
    std::vector<Tensor> results;
    for (const std::string& tap : taps) {
        const Tensor& map = features.at(tap);
        results.push_back(map);
        gradients[tap] = map / map.square().mean().sqrt().clamp_min(1e-12) / static_cast<double>(map.numel());
    }
    results.push_back(net.backward(gradients));
    return results;
}

}  // namespace

/// Features agree to five digits. Of the deepest gradients, on few cells, one that passes a kink the other way is half
/// a percent.
std::vector<Check> net_checks() {
    std::vector<Check> checks;
    for (const auto& [architecture, preprocessing] :
         {Known{"vgg16", "caffe"}, Known{"vgg19", "torchvision"}, Known{"inception_v3", "inception"},
          Known{"inception_v3_fid", "inception"}, Known{"inception_v3_keras", "inception"},
          Known{"googlenet", "inception"}, Known{"resnet50", "torchvision"}, Known{"efficientnet_lite0", "lite0"},
          Known{"efficientnet_lite2", "lite0"}}) {
        checks.push_back({std::string("net ") + architecture, 2e-2,
                          [name = std::string(architecture), pixels = std::string(preprocessing)](const Place& place) {
                              FrozenNet net = formula_net_at(place, make_graph(name, pixels));
                              return forward_and_backward(net, place);
                          }});
    }
    checks.push_back({"net sibling", 2e-2, [](const Place& place) {
                          const FrozenNet net = formula_net_at(place, make_graph("efficientnet_lite0", "lite0"));
                          FrozenNet sibling = net.sibling();
                          return forward_and_backward(sibling, place);
                      }});
    return checks;
}

}  // namespace reverie::test
