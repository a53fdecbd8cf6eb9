// Distances between two sets of feature vectors, in float64 on the CPU. To be called on plain threads, never inside
// at::parallel_for (core/parallel.h says why). All throw Input for too few rows or values that are not finite. All
// but the kernel distance are biased in the number of rows: compare only what was measured with the same.
#pragma once

#include <cstdint>

#include "reverie/core/tensor.h"

namespace reverie {

/// Frechet distance of the Gaussians fitted to features a [N,D] and b [M,D] (Heusel et al. 2017): covariances divide by
/// N-1, double precision. The trace of the root comes from the nuclear norm of A B^T / sqrt((N-1)(M-1)) when N or M is
/// below D, else from symmetric eigenvalues: no imaginary part, no failure for singular covariances. N, M >= 2.
double frechet_distance(const Tensor& a, const Tensor& b);

/// The same from means [D] and covariances [D,D], float64.
double frechet_distance(const Tensor& mean_a, const Tensor& covariance_a, const Tensor& mean_b,
                        const Tensor& covariance_b);

struct KernelDistance {
    double value = 0.0;
    double deviation = 0.0;  ///< over subsets; 0 when a subset is all there is
};

/// Kernel inception distance (Binkowski et al. 2018): unbiased MMD with k = (x.y/D + 1)^3 over `subsets` random subsets
/// of `subset` rows (no more than there are), drawn by `seed`.
KernelDistance kernel_distance(const Tensor& a, const Tensor& b, std::int64_t subsets = 100, std::int64_t subset = 1000,
                               std::uint64_t seed = 0);

struct PrecisionRecall {
    double precision = 0.0;  ///< share of fakes within a real's k-th neighbour ball
    double recall = 0.0;     ///< share of reals within a fake's
};

/// Kynkaanniemi et al. 2019; more than `neighbours` rows on either side.
PrecisionRecall precision_recall(const Tensor& reals, const Tensor& fakes, std::int64_t neighbours = 3);

}  // namespace reverie
