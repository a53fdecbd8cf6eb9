#include "reverie/metrics/sample_quality.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include "reverie/core/error.h"
#include "reverie/core/pieces.h"
#include "reverie/metrics/distances.h"
#include "reverie/weights/kept_file.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

constexpr const char* kFormat = "reverie features 1";
constexpr double kCollapsed = 0.5;  // share of a diversity below which it is one

/// Mean Euclidean distance of all pairs among at most 512 rows, which stand apart evenly so that an order by class does
/// no harm: 130,000 pairs.
double mean_distance(const Tensor& rows) {
    constexpr std::int64_t kMostRows = 512;
    const std::int64_t every = (rows.size(0) + kMostRows - 1) / kMostRows;
    return at::pdist(rows.slice(0, 0, std::nullopt, every).contiguous()).mean().item<double>();
}

std::string share(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value);
    return text.data();
}

}  // namespace

FeatureDistances feature_distances(const Tensor& reals, const Tensor& fakes) {
    return {.frechet = frechet_distance(reals, fakes), .kernel = kernel_distance(reals, fakes).value};
}

SampleQuality sample_quality(const Tensor& reals, const Tensor& fakes) {
    const Tensor a = reals.detach().to(at::kCPU, at::kDouble);
    const Tensor b = fakes.detach().to(at::kCPU, at::kDouble);
    const PrecisionRecall covered = precision_recall(a, b);  // first: it wants the most rows
    const double varied = mean_distance(a);
    const FeatureDistances distances = feature_distances(a, b);
    return {.frechet = distances.frechet,
            .kernel = distances.kernel,
            .precision = covered.precision,
            .recall = covered.recall,
            .diversity = varied > 0.0 ? mean_distance(b) / varied : 1.0};
}

Scalars figures_of(const SampleQuality& quality) {
    return {{"frechet", quality.frechet},
            {"kernel", quality.kernel},
            {"precision", quality.precision},
            {"recall", quality.recall},
            {"diversity", quality.diversity}};
}

std::string collapse_warning(const SampleQuality& now, double best_diversity) {
    const bool grows = now.diversity > best_diversity;  // as it does from nothing when a run begins
    if (grows || now.diversity >= kCollapsed * std::max(1.0, best_diversity)) {
        return "";
    }
    return "the generator has collapsed: its images vary " + share(now.diversity) +
           " times as much as the real ones (at its best " + share(best_diversity) +
           "); go on from the best checkpoint and steady the discriminator with {--r1}, {--augment} or a lower "
           "{--learning-rate}";
}

FeatureFile feature_file(const std::filesystem::path& folder, const FeatureProtocol& protocol,
                         std::string_view images) {
    // The last words keep what was measured before colour profiles were applied from being taken for the same.
    const std::string key = protocol.name("features", 0, 0) + " of " + sha256_of(images) + ", colours as sRGB";
    return {folder / (sha256_of(key) + ".safetensors"), key};
}

Tensor kept_features(const std::filesystem::path& file, const std::string& key, const std::function<Tensor()>& make) {
    if (file.empty()) {
        return make();
    }
    const std::map<std::string, std::string> notes = {{"format", kFormat}, {"key", key}};
    if (const std::optional<StateDict> kept = read_kept(file, notes)) {
        return kept->load("features", true);
    }
    Tensor features = make();
    try {
        write_safetensors(file, {{"features", features}}, notes);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Output) {
            throw;
        }  // without a file they are only made again the next time
    }
    return features;
}

SampleQuality sample_quality(FrozenNet& net, const FeatureProtocol& protocol, const ImageSource& reals,
                             const ImageSource& fakes, const FeatureFile& kept, const Hooks& hooks,
                             const Ranks& ranks) {
    const auto features = [&](int part, const ImageSource& images, const Ranks& sharing) {
        return image_features(net, protocol, images, hooks_of_part(hooks, part, 2), sharing);
    };
    // What one finds kept another need not find.
    const Tensor of_reals = ranks.made_by_first(
        [&] { return kept_features(kept.path, kept.key, [&] { return features(0, reals, Ranks()); }); });
    return sample_quality(of_reals, features(1, fakes, ranks));
}

}  // namespace reverie
