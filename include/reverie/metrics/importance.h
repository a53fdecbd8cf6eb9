// Log-likelihood by importance sampling.
#pragma once

#include <cstdint>
#include <functional>

#include "reverie/core/hooks.h"
#include "reverie/core/tensor.h"
#include "reverie/distributed/ranks.h"

namespace reverie {

struct LikelihoodEstimate {
    double nll = 0.0;             ///< mean over images, nats
    double standard_error = 0.0;  ///< of that mean over images
    std::int64_t images = 0;
    std::int64_t samples = 0;  ///< importance samples an image
};

struct ImportanceOptions {
    std::int64_t samples = 500;  ///< K
    std::int64_t batch = 2000;   ///< latents decoded at once, over images and samples
    std::uint64_t seed = 0;
    Ranks ranks = {};  ///< each draws for its share of the images: then it is collective
};

/// -log 1/K sum_k p(x,z_k)/q(z_k|x) (Burda, Grosse, Salakhutdinov: IWAE, 2016) with z_k ~ q = N(mean,
/// exp(log_variance)) and prior N(0,1). `mean`, `log_variance` [N,D]; log_likelihood(rows, z) gives log p(x_rows | z)
/// [M] for image numbers rows int64 [M] and latents z [M,D]. The noise of image i is a function of (seed, i, k). Throws
/// Cancelled.
LikelihoodEstimate importance_nll(const Tensor& mean, const Tensor& log_variance,
                                  const std::function<Tensor(const Tensor& rows, const Tensor& z)>& log_likelihood,
                                  const ImportanceOptions& options, const Hooks& hooks);

}  // namespace reverie
