// How well a trained VAE explains images: the ELBO and its parts, the likelihood, distances of features.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/data/image_source.h"
#include "reverie/metrics/importance.h"
#include "reverie/metrics/sample_quality.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/vae.h"

namespace reverie {

/// Means over images, in nats. What a likelihood that is no probability gives (Mse, Perceptual) is in its own units.
struct ElboEstimate {
    double elbo = 0.0;                   ///< -(reconstruction + kl): beta counts 1
    std::optional<double> bits_per_dim;  ///< where bits mean something: see has_bits
    double reconstruction = 0.0;         ///< -log p(x|z)
    double kl = 0.0;
    std::int64_t active_units = 0;         ///< dimensions whose posterior mean varies: see kActiveVariance
    std::vector<double> kl_per_dimension;  ///< [D]
};

// `images` as the VAE was trained to see them (as_trained), `posterior` theirs (encode_images). All throw Cancelled,
// and what reading throws. With ranks they are collective: each works on its share of the images.

/// From one draw of the posterior an image, a function of `seed` and the image's place.
ElboEstimate estimate_elbo(const Vae& vae, const ImageSource& images, const Posterior& posterior, std::uint64_t seed,
                           const Hooks& hooks = {}, const Ranks& ranks = {});

/// -log p(x), by importance sampling.
LikelihoodEstimate estimate_likelihood(const Vae& vae, const ImageSource& images, const Posterior& posterior,
                                       const ImportanceOptions& options, const Hooks& hooks = {});

/// How far from the images lie reconstructions of their posteriors' means, and images of `samples`: latents [N,D] for
/// as many images, which take the images' labels unless `sample_labels` [N] are given. At least two images.
struct VaeDistances {
    FeatureDistances reconstructions;
    FeatureDistances samples;
};
VaeDistances vae_distances(const Vae& vae, const ImageSource& images, const Posterior& posterior, const Tensor& samples,
                           const Tensor& sample_labels, FrozenNet& net, const FeatureProtocol& protocol,
                           const Hooks& hooks = {}, const Ranks& ranks = {});

}  // namespace reverie
