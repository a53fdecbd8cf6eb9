#include "reverie/metrics/sample_quality.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <system_error>

#include "reverie/core/error.h"
#include "reverie/metrics/distances.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

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

std::optional<Tensor> read_features(const fs::path& file, const std::string& key) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        return std::nullopt;
    }
    try {
        const StateDict dict = read_state_dict(file);
        const auto& notes = dict.metadata();
        const auto says = [&](const std::string& name, const std::string& text) {
            const auto found = notes.find(name);
            return found != notes.end() && found->second == text;
        };
        if (!says("format", kFormat) || !says("key", key)) {
            return std::nullopt;
        }
        return dict.load("features", true);
    } catch (const Error&) {
        return std::nullopt;  // damaged: they are only made anew
    }
}

}  // namespace

SampleQuality sample_quality(const Tensor& reals, const Tensor& fakes) {
    const Tensor a = reals.detach().to(at::kCPU, at::kDouble);
    const Tensor b = fakes.detach().to(at::kCPU, at::kDouble);
    const PrecisionRecall covered = precision_recall(a, b);  // first: it wants the most rows
    const double varied = mean_distance(a);
    return {.frechet = frechet_distance(a, b),
            .kernel = kernel_distance(a, b).value,
            .precision = covered.precision,
            .recall = covered.recall,
            .diversity = varied > 0.0 ? mean_distance(b) / varied : 1.0};
}

std::string collapse_warning(const SampleQuality& now, double best_diversity) {
    if (now.diversity >= kCollapsed * std::max(1.0, best_diversity)) {
        return "";
    }
    return "the generator has collapsed: its images vary " + share(now.diversity) +
           " times as much as the real ones (at its best " + share(std::max(now.diversity, best_diversity)) +
           "); go on from the best checkpoint and steady the discriminator with --r1, --augment or a lower "
           "--learning-rate";
}

Tensor kept_features(const fs::path& file, const std::string& key, const std::function<Tensor()>& make) {
    if (file.empty()) {
        return make();
    }
    if (std::optional<Tensor> kept = read_features(file, key)) {
        return *kept;
    }
    Tensor features = make();
    try {
        write_safetensors(file, {{"features", features}}, {{"format", kFormat}, {"key", key}});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Output) {
            throw;
        }  // without a file they are only made again the next time
    }
    return features;
}

}  // namespace reverie
