#include "reverie/metrics/distances.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/random.h"

namespace reverie {
namespace {

constexpr std::uint64_t kSubsetStream = 0x6b6964;  // any constant of its own

struct Sets {
    Tensor a;
    Tensor b;
};

Tensor checked_rows(const Tensor& features, std::int64_t at_least, const std::string& what) {
    if (features.dim() != 2 || features.size(1) == 0) {
        throw Error(ErrorKind::Internal, "features come as a matrix, one row a picture; please report this");
    }
    if (features.size(0) < at_least) {
        throw Error(ErrorKind::Input, what + " needs at least " + std::to_string(at_least) +
                                          " pictures on either side and found " + std::to_string(features.size(0)) +
                                          "; hand in more");
    }
    Tensor rows = features.detach().to(at::kCPU, at::kDouble);
    if (!rows.isfinite().all().item<bool>()) {
        throw Error(ErrorKind::Input, std::string(what) +
                                          " needs finite features and found NaN or infinity among them; look at the "
                                          "pictures they come from");
    }
    return rows;
}

/// Both sets in float64 on the CPU.
Sets checked_sets(const Tensor& a, const Tensor& b, std::int64_t at_least, const std::string& what) {
    Sets sets{checked_rows(a, at_least, what), checked_rows(b, at_least, what)};
    if (sets.a.size(1) != sets.b.size(1)) {
        throw Error(ErrorKind::Internal, "features of " + std::to_string(sets.a.size(1)) + " and " +
                                             std::to_string(sets.b.size(1)) +
                                             " dimensions cannot be compared; please report this");
    }
    return sets;
}

/// Rows whose cross products with anything have the same singular values: more than D rows say no more than their
/// triangular factor.
Tensor condensed(const Tensor& rows) {
    return rows.size(0) > rows.size(1) ? std::get<1>(at::linalg_qr(rows, "r")) : rows;
}

/// Tr (A B)^1/2 of covariances: the eigenvalues of A^1/2 B A^1/2 are those of A B, real and not negative.
double trace_of_root(const Tensor& a, const Tensor& b) {
    const auto [values, vectors] = at::linalg_eigh(a);
    const Tensor root = vectors.matmul(values.clamp_min(0.0).sqrt().unsqueeze(1) * vectors.t());
    const Tensor product = root.matmul(b).matmul(root);
    return at::linalg_eigvalsh(0.5 * (product + product.t())).clamp_min(0.0).sqrt().sum().item<double>();
}

/// The distance is a square: what rounding leaves of two equal sets must not be negative.
double assembled(const Tensor& shift, double traces, double root) {
    return std::max(0.0, shift.square().sum().item<double>() + traces - 2.0 * root);
}

/// `count` of 0..n-1 without repetition: the head of a shuffle (Fisher, Yates) keyed by (seed, subset, side).
Tensor draw_rows(std::int64_t n, std::int64_t count, std::uint64_t seed, std::uint64_t key) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto counter = (key << 32) + static_cast<std::uint64_t>(i);
        const std::int64_t j = random_integer(seed, kSubsetStream, counter, i, n - 1);
        std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
    }
    return at::tensor(at::IntArrayRef(order.data(), static_cast<std::size_t>(count)), at::kLong);
}

Tensor kernel(const Tensor& a, const Tensor& b) {
    return (a.matmul(b.t()) / static_cast<double>(a.size(1)) + 1.0).pow(3);
}

/// Unbiased: the terms of a row with itself are left out.
double squared_discrepancy(const Tensor& a, const Tensor& b) {
    const auto m = static_cast<double>(a.size(0));
    const auto within = [&](const Tensor& x) {
        const Tensor k = kernel(x, x);
        return (k.sum() - k.diagonal().sum()).item<double>() / (m * (m - 1.0));
    };
    return within(a) + within(b) - 2.0 * kernel(a, b).mean().item<double>();
}

constexpr std::int64_t kBlockRows = 1024;  // of a distance matrix held at once: 5000 pictures make 40 MB

/// Squared distances of some rows to all of `others`, by the expanded square (a matrix product instead of N M D
/// differences); its rounding errors are what precision_recall allows for.
Tensor squared_distances(const Tensor& rows, const Tensor& others) {
    const Tensor own = rows.square().sum(1, true);
    return (own + others.square().sum(1).unsqueeze(0) - 2.0 * rows.matmul(others.t())).clamp_min_(0.0);
}

/// Of every row, the squared distance to its k-th nearest among the others.
Tensor squared_radii(const Tensor& rows, std::int64_t k) {
    std::vector<Tensor> blocks;
    for (std::int64_t first = 0; first < rows.size(0); first += kBlockRows) {
        const std::int64_t count = std::min(kBlockRows, rows.size(0) - first);
        Tensor distances = squared_distances(rows.narrow(0, first, count), rows);
        distances.diagonal(first).fill_(std::numeric_limits<double>::infinity());
        blocks.push_back(std::get<0>(distances.kthvalue(k, 1)));
    }
    return at::cat(blocks);
}

/// The share of rows that lie within the ball of at least one centre.
double share_within(const Tensor& rows, const Tensor& centers, const Tensor& radii, double slack) {
    std::int64_t within = 0;
    for (std::int64_t first = 0; first < rows.size(0); first += kBlockRows) {
        const Tensor block = rows.narrow(0, first, std::min(kBlockRows, rows.size(0) - first));
        within += squared_distances(block, centers).le(radii + slack).any(1).sum().item<std::int64_t>();
    }
    return static_cast<double>(within) / static_cast<double>(rows.size(0));
}

}  // namespace

double frechet_distance(const Tensor& a, const Tensor& b) {
    const Sets sets = checked_sets(a, b, 2, "the Frechet distance");
    const Tensor mean_a = sets.a.mean(0);
    const Tensor mean_b = sets.b.mean(0);
    const Tensor rows_a = (sets.a - mean_a) / std::sqrt(static_cast<double>(sets.a.size(0) - 1));
    const Tensor rows_b = (sets.b - mean_b) / std::sqrt(static_cast<double>(sets.b.size(0) - 1));
    if (std::min(rows_a.size(0), rows_b.size(0)) >= rows_a.size(1)) {
        return frechet_distance(mean_a, rows_a.t().matmul(rows_a), mean_b, rows_b.t().matmul(rows_b));
    }
    const Tensor cross = condensed(rows_a).matmul(condensed(rows_b).t());
    const auto traces = (rows_a.square().sum() + rows_b.square().sum()).item<double>();
    return assembled(mean_a - mean_b, traces, at::linalg_svdvals(cross).sum().item<double>());
}

double frechet_distance(const Tensor& mean_a, const Tensor& covariance_a, const Tensor& mean_b,
                        const Tensor& covariance_b) {
    const auto traces = (covariance_a.diagonal().sum() + covariance_b.diagonal().sum()).item<double>();
    return assembled(mean_a - mean_b, traces, trace_of_root(covariance_a, covariance_b));
}

KernelDistance kernel_distance(const Tensor& a, const Tensor& b, std::int64_t subsets, std::int64_t subset,
                               std::uint64_t seed) {
    const Sets sets = checked_sets(a, b, 2, "the kernel distance");
    if (subsets < 1 || subset < 2) {
        throw Error(ErrorKind::Usage, "a kernel distance over " + std::to_string(subsets) + " subsets of " +
                                          std::to_string(subset) +
                                          " pictures was asked for; ask for at least 1 subset of at least 2");
    }
    const std::int64_t rows_a = sets.a.size(0);
    const std::int64_t rows_b = sets.b.size(0);
    const std::int64_t count = std::min({subset, rows_a, rows_b});
    if (count == rows_a && count == rows_b) {  // every subset is the whole
        return {squared_discrepancy(sets.a, sets.b), 0.0};
    }
    double sum = 0.0;
    double squares = 0.0;
    for (std::int64_t i = 0; i < subsets; ++i) {
        const auto key = 2 * static_cast<std::uint64_t>(i);
        const double value = squared_discrepancy(sets.a.index_select(0, draw_rows(rows_a, count, seed, key)),
                                                 sets.b.index_select(0, draw_rows(rows_b, count, seed, key + 1)));
        sum += value;
        squares += value * value;
    }
    const auto n = static_cast<double>(subsets);
    const double mean = sum / n;
    return {mean, std::sqrt(std::max(0.0, squares / n - mean * mean))};
}

PrecisionRecall precision_recall(const Tensor& reals, const Tensor& fakes, std::int64_t neighbours) {
    if (neighbours < 1) {
        throw Error(ErrorKind::Usage, "precision and recall by " + std::to_string(neighbours) +
                                          " neighbours were asked for; ask for at least 1");
    }
    const Sets sets = checked_sets(reals, fakes, neighbours + 1,
                                   "precision and recall of " + std::to_string(neighbours) + " neighbours");
    // Distances do not depend on the origin, their rounding errors do.
    const Tensor origin = sets.a.mean(0);
    const Tensor a = sets.a - origin;
    const Tensor b = sets.b - origin;
    // A picture that is in both sets must not fall out of a ball of radius 0 by rounding.
    const double slack =
        1e-13 * std::max(a.square().sum(1).max().item<double>(), b.square().sum(1).max().item<double>());
    return {share_within(b, a, squared_radii(a, neighbours), slack),
            share_within(a, b, squared_radii(b, neighbours), slack)};
}

}  // namespace reverie
