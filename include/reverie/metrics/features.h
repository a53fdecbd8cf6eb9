// Feature vectors of images from a named frozen net, for distances.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/tensor.h"
#include "reverie/data/image_source.h"
#include "reverie/distributed/ranks.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

/// One way to measure: net, where it is tapped, how images are brought to it.
struct FeatureProtocol {
    std::string network;    ///< one of feature_networks()
    std::string tap;        ///< globally averaged
    std::int64_t side = 0;  ///< images are resized to side x side, bicubic with antialias (clean-fid), grey repeated
    std::int64_t dimensions = 0;
    double scale = 1.0;  ///< of the values in [0,1] before the net's own normalisation
    /// "frechet(efficientnet_lite0 pool 1280d, bicubic 224, n=5000/5000)"
    std::string name(const std::string& distance, std::int64_t n_a, std::int64_t n_b) const;
};

/// Of a net by its catalogue name. Throws Usage for one that has none.
FeatureProtocol feature_protocol(const std::string& network);
/// Nets in order of preference, without the one that the discriminator looked through (empty: it saw pixels): a
/// generator trained against a net's features lowers distances in them without better images (Kynkaanniemi et al. 2022,
/// "The Role of ImageNet Classes in Frechet Inception Distance").
std::vector<std::string> feature_networks(const std::string& looked_through = "");

/// float32 [N,D]. `images(first, count)` gives [count,C,H,W] in [0,1] with 1, 3 or 4 channels (alpha composited on
/// white). Runs in batches; throws Cancelled. With ranks it is collective: each asks for its share of the images.
Tensor image_features(FrozenNet& net, const FeatureProtocol& protocol, std::int64_t count,
                      const std::function<Tensor(std::int64_t first, std::int64_t count)>& images, const Hooks& hooks,
                      const Ranks& ranks = {});
Tensor image_features(FrozenNet& net, const FeatureProtocol& protocol, const ImageSource& images, const Hooks& hooks,
                      const Ranks& ranks = {});

}  // namespace reverie
