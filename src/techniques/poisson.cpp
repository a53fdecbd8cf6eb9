#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "reverie/core/parallel.h"
#include "techniques/blends.h"

namespace reverie {
namespace {

/// The unknowns: pixels with a mask above 0, each with its up to four neighbours in the picture.
struct Domain {
    static constexpr std::int32_t kKnown = -1;   ///< a neighbour beyond the mask: nothing changes there
    static constexpr std::int32_t kBeyond = -2;  ///< beyond the picture: no neighbour
    std::vector<std::int64_t> pixels;
    std::vector<std::int32_t> neighbours;  ///< four for every unknown: its number, kKnown or kBeyond
    std::vector<std::int64_t> beside;      ///< four for every unknown: the neighbour's pixel, or its own
};

Domain domain_of(const Tensor& mask) {
    const std::int64_t height = mask.size(1);
    const std::int64_t width = mask.size(2);
    const auto* m = mask.const_data_ptr<float>();
    Domain domain;
    std::vector<std::int32_t> number(static_cast<std::size_t>(height * width), Domain::kKnown);
    for (std::int64_t i = 0; i < height * width; ++i) {
        if (m[i] > 0.0F) {
            number[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(domain.pixels.size());
            domain.pixels.push_back(i);
        }
    }
    for (const std::int64_t i : domain.pixels) {
        const std::int64_t y = i / width;
        const std::int64_t x = i % width;
        const std::pair<bool, std::int64_t> around[] = {
            {y > 0, i - width}, {y + 1 < height, i + width}, {x > 0, i - 1}, {x + 1 < width, i + 1}};
        for (const auto& [exists, j] : around) {
            domain.neighbours.push_back(exists ? number[static_cast<std::size_t>(j)] : Domain::kBeyond);
            domain.beside.push_back(exists ? j : i);
        }
    }
    return domain;
}

/// The sums over neighbours of x_i - x_j, x being 0 beyond the mask: minus the Laplacian.
void apply(const Domain& domain, const std::vector<double>& x, std::vector<double>& result) {
    for (std::size_t i = 0; i < x.size(); ++i) {
        double sum = 0.0;
        for (std::size_t k = 4 * i; k < 4 * i + 4; ++k) {
            const std::int32_t j = domain.neighbours[k];
            sum += j == Domain::kBeyond ? 0.0 : x[i] - (j == Domain::kKnown ? 0.0 : x[static_cast<std::size_t>(j)]);
        }
        result[i] = sum;
    }
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

/// Conjugate gradients from zero. The steps needed grow with the domain's width; where the mask leaves no pixel known
/// the system is singular but consistent, and the solution of mean zero is found.
std::vector<double> solve(const Domain& domain, std::vector<double> residual, std::int64_t most_steps) {
    constexpr double kConverged = 1e-6;  // of the first residual: far below an 8-bit step
    std::vector<double> x(residual.size(), 0.0);
    std::vector<double> direction = residual;
    std::vector<double> product(residual.size());
    double square = dot(residual, residual);
    const double enough = square * kConverged * kConverged;
    for (std::int64_t step = 0; step < most_steps && square > enough; ++step) {
        apply(domain, direction, product);
        const double length = square / dot(direction, product);
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] += length * direction[i];
            residual[i] -= length * product[i];
        }
        const double before = square;
        square = dot(residual, residual);
        for (std::size_t i = 0; i < x.size(); ++i) {
            direction[i] = residual[i] + square / before * direction[i];
        }
    }
    return x;
}

}  // namespace

// The result is outside + x. Its gradients are to be the inner picture's by the mask's share, so those of x are that
// share of the difference's; x is 0 beyond the mask.
Tensor poisson_blend(const Tensor& inside, const Tensor& outside, const Tensor& mask) {
    const Domain domain = domain_of(mask);
    const Tensor difference = inside - outside;
    Tensor result = outside.clone();
    const auto* m = mask.const_data_ptr<float>();
    const std::int64_t most_steps = 8 * (mask.size(1) + mask.size(2)) + 100;
    const auto blend_channel = [&](std::int64_t channel) {
        const auto* d = difference.const_data_ptr<float>() + channel * mask.numel();
        auto* values = result.data_ptr<float>() + channel * mask.numel();
        std::vector<double> sources(domain.pixels.size(), 0.0);
        for (std::size_t i = 0; i < sources.size(); ++i) {
            const std::int64_t pixel = domain.pixels[i];
            for (std::size_t k = 4 * i; k < 4 * i + 4; ++k) {
                const std::int64_t other = domain.beside[k];
                sources[i] +=
                    static_cast<double>(std::max(m[pixel], m[other])) * (static_cast<double>(d[pixel]) - d[other]);
            }
        }
        const std::vector<double> x = solve(domain, std::move(sources), most_steps);
        for (std::size_t i = 0; i < x.size(); ++i) {
            values[domain.pixels[i]] += static_cast<float>(x[i]);
        }
    };
    std::vector<std::function<void()>> channels;
    for (std::int64_t c = 0; c < inside.size(0); ++c) {
        channels.emplace_back([&, c] { blend_channel(c); });
    }
    side_by_side(channels);
    return result;
}

}  // namespace reverie
