#include "reverie/metrics/features.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace {

// clean-fid (Parmar et al. 2022) hands the net of 2015 (x - 128) / 128 of 0..255, as its TensorFlow original did; the
// graph's own 2x - 1 of [0,1] makes that of values scaled so.
constexpr double kInception2015 = 255.0 / 256.0;

const std::vector<FeatureProtocol>& protocols() {
    static const std::vector<FeatureProtocol> known = {
        {.network = "inception_v3_fid", .tap = "avgpool", .side = 299, .dimensions = 2048, .scale = kInception2015},
        {.network = "efficientnet_lite0", .tap = "avgpool", .side = 224, .dimensions = 1280},
        {.network = "efficientnet_lite2", .tap = "avgpool", .side = 260, .dimensions = 1280},
        {.network = "vgg16_hed", .tap = "relu5_3", .side = 224, .dimensions = 512},
    };
    return known;
}

constexpr std::int64_t kBatch = 32;  // beyond this nothing gets faster, only larger

}  // namespace

std::string FeatureProtocol::name(const std::string& distance, std::int64_t n_a, std::int64_t n_b) const {
    return distance + "(" + network + " pool " + std::to_string(dimensions) + "d, bicubic " + std::to_string(side) +
           ", n=" + std::to_string(n_a) + "/" + std::to_string(n_b) + ")";
}

FeatureProtocol feature_protocol(const std::string& network) {
    for (const FeatureProtocol& protocol : protocols()) {
        if (protocol.network == network) {
            return protocol;
        }
    }
    throw Error(ErrorKind::Usage, "'" + network + "' is not a network that distances are measured with" +
                                      did_you_mean(network, feature_networks()) + "; wanted " +
                                      join(feature_networks(), ", ", " or "));
}

std::vector<std::string> feature_networks(const std::string& looked_through) {
    std::vector<std::string> names;
    for (const FeatureProtocol& protocol : protocols()) {
        if (protocol.network != looked_through) {
            names.push_back(protocol.network);
        }
    }
    return names;
}

Tensor image_features(FrozenNet& net, const FeatureProtocol& protocol, std::int64_t count,
                      const std::function<Tensor(std::int64_t first, std::int64_t count)>& images, const Hooks& hooks,
                      const Ranks& ranks) {
    const Ranks::Share share = ranks.share_of(count);
    Tensor features = at::empty({share.count, protocol.dimensions}, at::kFloat);
    for (std::int64_t done = 0; done < share.count; done += kBatch) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        const std::int64_t size = std::min(kBatch, share.count - done);
        const Tensor batch = images_to_rgb(images(share.first + done, size).to(net.device(), at::kFloat));
        const FullPrecision exact;  // figures mean the same whatever images were made in
        const Tensor seen = resize(batch.contiguous(), Size{protocol.side, protocol.side}).clamp(0.0, 1.0);
        const Tensor maps = net.forward(seen * protocol.scale, {protocol.tap}, false).at(protocol.tap);
        features.narrow(0, done, size).copy_(maps.mean(at::IntArrayRef{2, 3}));
        hooks.progress({.stage = "features of " + protocol.network,
                        .done = static_cast<double>(done + size),
                        .total = static_cast<double>(share.count),
                        .unit = "images"});
    }
    return ranks.gather_shares(features, count);
}

Tensor image_features(FrozenNet& net, const FeatureProtocol& protocol, const ImageSource& images, const Hooks& hooks,
                      const Ranks& ranks) {
    return image_features(net, protocol, images.count, images.images, hooks, ranks);
}

}  // namespace reverie
