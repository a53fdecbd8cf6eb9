// How good generated images are, from features of reals and fakes (metrics/features.h).
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "reverie/core/tensor.h"

namespace reverie {

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

/// A sentence when fakes have collapsed, else empty: diversity below half of the reals', or of what it was at its best
/// (0: nothing was measured yet). One that grows is never called a collapse: a generator begins with images all alike.
std::string collapse_warning(const SampleQuality& now, double best_diversity);

/// Features kept in `file` under `key`, or made now and kept there; a damaged file or another key is only made
/// anew. No file, no keeping.
Tensor kept_features(const std::filesystem::path& file, const std::string& key, const std::function<Tensor()>& make);

}  // namespace reverie
