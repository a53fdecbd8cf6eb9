#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <system_error>

#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/text.h"
#include "reverie/techniques/latent_space.h"
#include "techniques/latent/latent_streams.h"

namespace reverie {
namespace {

constexpr std::uint64_t kMostSeeds = 1'000'000;

[[noreturn]] void refuse_seeds(const std::string& text, const std::string& found) {
    throw Error(ErrorKind::Usage,
                "{--seeds} '" + text + "' " + found + "; wanted numbers and ranges such as 7 or 1-64 or 3,7,20-25");
}

std::uint64_t seed_of(const std::string& text, std::string_view digits) {
    std::uint64_t seed = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, fault] = std::from_chars(digits.data(), end, seed);
    if (fault == std::errc::result_out_of_range) {
        refuse_seeds(text, "holds '" + std::string(digits) + "', which is beyond 2^64 - 1");
    }
    if (fault != std::errc() || stop != end) {
        refuse_seeds(text,
                     digits.empty() ? "lacks a number" : "holds '" + std::string(digits) + "', which is not a seed");
    }
    return seed;
}

/// From a to b [D] float64 at `t` in (0,1): along the great circle between their directions, the length blended too.
Tensor slerp(const Tensor& a, const Tensor& b, double t) {
    Tensor straight = a * (1.0 - t) + b * t;
    const auto length_a = a.norm().item<double>();
    const auto length_b = b.norm().item<double>();
    if (length_a == 0.0 || length_b == 0.0) {
        return straight;
    }
    // Below this angle the arc and the chord are one to float32, and near opposite no great circle is the shortest.
    constexpr double kTooNear = 1e-4;
    const auto cosine = (a.dot(b) / (length_a * length_b)).item<double>();
    const double angle = std::acos(std::clamp(cosine, -1.0, 1.0));
    const double sine = std::sin(angle);
    if (sine < kTooNear) {
        return straight;
    }
    const Tensor direction = a * (std::sin((1.0 - t) * angle) / (sine * length_a)) +  //
                             b * (std::sin(t * angle) / (sine * length_b));
    return direction * (length_a * (1.0 - t) + length_b * t);
}

}  // namespace

Tensor seed_latents(const std::vector<std::uint64_t>& seeds, std::int64_t dimensions, double truncation) {
    Tensor latents = at::empty({static_cast<std::int64_t>(seeds.size()), dimensions}, at::kFloat);
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        latents[static_cast<std::int64_t>(i)].copy_(normal_noise(seeds[i], kLatentStream, 0, 1, {dimensions})[0]);
    }
    return latents.mul_(truncation);
}

std::vector<std::uint64_t> parse_seeds(const std::string& text) {
    std::vector<std::uint64_t> seeds;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t comma = std::min(text.find(',', start), text.size());
        const std::string_view part = std::string_view(text).substr(start, comma - start);
        const std::size_t dash = part.find('-');
        const std::uint64_t first = seed_of(text, part.substr(0, dash));
        const std::uint64_t last = dash == std::string_view::npos ? first : seed_of(text, part.substr(dash + 1));
        if (last < first) {
            refuse_seeds(text, "holds '" + std::string(part) + "', a range that runs backwards");
        }
        if (last - first >= kMostSeeds - seeds.size()) {
            refuse_seeds(text, "names more than a million seeds");
        }
        for (std::uint64_t offset = 0; offset <= last - first; ++offset) {
            seeds.push_back(first + offset);
        }
        start = comma + 1;
    }
    return seeds;
}

Tensor latent_path(const Tensor& keyframes, std::int64_t frames, Blend blend, bool closed) {
    const std::int64_t count = keyframes.size(0);
    if (count < 2) {
        throw Error(ErrorKind::Usage, "a path through the latent space was asked for with " + std::to_string(count) +
                                          (count == 1 ? " keyframe" : " keyframes") +
                                          "; it needs at least 2 images or seeds");
    }
    if (frames < 2) {
        throw Error(ErrorKind::Usage,
                    "a path of " + std::to_string(frames) + " frames was asked for; {--frames} must be at least 2");
    }
    // In whole numbers, so that frames on a keyframe are told exactly: frame f lies f * segments / steps along.
    const std::int64_t segments = closed ? count : count - 1;
    const std::int64_t steps = closed ? frames : frames - 1;
    const Tensor exact = keyframes.to(at::kDouble);
    Tensor path = at::empty({frames, keyframes.size(1)}, at::kFloat);
    for (std::int64_t f = 0; f < frames; ++f) {
        const std::int64_t from = f * segments / steps;
        const std::int64_t rest = f * segments % steps;
        if (rest == 0) {
            path[f].copy_(keyframes[from]);
            continue;
        }
        const double t = static_cast<double>(rest) / static_cast<double>(steps);
        const Tensor a = exact[from];
        const Tensor b = exact[(from + 1) % count];
        path[f].copy_(blend == Blend::Linear ? a * (1.0 - t) + b * t : slerp(a, b, t));
    }
    return path;
}

Tensor manifold_latents(const Tensor& center, const Tensor& u, const Tensor& v, std::int64_t rows, std::int64_t columns,
                        double low, double high) {
    if (rows < 1 || columns < 1) {
        throw Error(ErrorKind::Usage, "a manifold of " + std::to_string(rows) + " rows and " + std::to_string(columns) +
                                          " columns was asked for; ask for at least 1 of each");
    }
    if (!(low > 0.0 && low < high && high < 1.0)) {
        throw Error(ErrorKind::Usage, "a manifold between the quantiles " + human_number(low) + " and " +
                                          human_number(high) +
                                          " was asked for; wanted two rising probabilities within 0 and 1");
    }
    const auto quantiles = [&](std::int64_t count) {
        const Tensor even =
            count == 1 ? at::full({1}, 0.5 * (low + high), at::kDouble) : at::linspace(low, high, count, at::kDouble);
        return at::special_ndtri(even);
    };
    const Tensor a = quantiles(rows).flip(0).reshape({rows, 1, 1});
    const Tensor b = quantiles(columns).reshape({1, columns, 1});
    const Tensor grid = center.to(at::kDouble) + a * u.to(at::kDouble) + b * v.to(at::kDouble);
    return grid.reshape({rows * columns, center.numel()}).to(at::kFloat);
}

}  // namespace reverie
