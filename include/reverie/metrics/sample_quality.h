// How good generated images are, from features of reals and fakes (metrics/features.h).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "reverie/core/hooks.h"
#include "reverie/core/tensor.h"
#include "reverie/data/image_source.h"
#include "reverie/metrics/features.h"
#include "reverie/output/records.h"

namespace reverie {

/// Of two sets of features, see metrics/distances.h.
struct FeatureDistances {
    double frechet = 0.0;
    double kernel = 0.0;
};
FeatureDistances feature_distances(const Tensor& reals, const Tensor& fakes);

struct SampleQuality {
    double frechet = 0.0;
    double kernel = 0.0;
    double precision = 0.0;
    double recall = 0.0;
    /// Mean distance between two fakes over that between two reals: near 1 is as varied, near 0 always the same image.
    double diversity = 0.0;
};

/// Features [N,D] and [M,D], N and M >= 4. Throws Input, as metrics/distances.h.
SampleQuality sample_quality(const Tensor& reals, const Tensor& fakes);

/// "frechet", "kernel", "precision", "recall", "diversity": its figures by the names that records and reports give
/// them.
Scalars figures_of(const SampleQuality& quality);

/// A sentence when fakes have collapsed, else empty: diversity below half of the reals', or of what it was at its best
/// (0: nothing was measured yet). One that grows is never called a collapse: a generator begins with images all alike.
std::string collapse_warning(const SampleQuality& now, double best_diversity);

/// Where features of images are kept, and under what key.
struct FeatureFile {
    std::filesystem::path path;  ///< empty: nowhere
    std::string key;
};
/// In a folder of such files; `images` tells these images from any others.
FeatureFile feature_file(const std::filesystem::path& folder, const FeatureProtocol& protocol, std::string_view images);

/// Features kept in `file` under `key`, or made now and kept there; a damaged file or another key is only made
/// anew. No file, no keeping.
Tensor kept_features(const std::filesystem::path& file, const std::string& key, const std::function<Tensor()>& make);

/// Of images: features of the reals come from `kept` or go there. With ranks it is collective: each looks at its share
/// of the fakes, and the first at the reals that are not kept. Throws Cancelled, and what reading throws.
SampleQuality sample_quality(FrozenNet& net, const FeatureProtocol& protocol, const ImageSource& reals,
                             const ImageSource& fakes, const FeatureFile& kept, const Hooks& hooks = {},
                             const Ranks& ranks = {});

}  // namespace reverie
