// How seeds become latents of a trained VAE: by the prior, or by Gaussians fitted once to the latents of images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/data/image_source.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/techniques/vae.h"

namespace reverie {

enum class Sampler {
    Auto,     ///< Mixture, but Prior where nothing can be fitted to
    Mixture,  ///< where latents of the images lie (Ghosh et al. 2020: fitted after training, so that no loss changes)
    Prior,    ///< as the model assumes
};

struct SamplerOptions {
    Sampler sampler = Sampler::Auto;
    std::int64_t components = 10;  ///< Gaussians of the mixture
};

/// Throws Usage.
void validate(const SamplerOptions& options);

/// More images than this are not worth their time: a mixture is fitted to a sample of so many of a larger set.
inline constexpr std::int64_t kMostFittedImages = 10'000;

/// Where a mixture is kept between two uses.
struct MixturePlace {
    std::filesystem::path folder;   ///< the run's; one that is not there keeps nothing
    std::filesystem::path weights;  ///< the file in use: what was fitted to latents of others is not taken
    bool read = true;               ///< whether what is kept there already is taken
    bool write = true;              ///< whether what is fitted now is kept there
};

/// The mixture of so many Gaussians that is kept at `place`, else one fitted to a draw from the posterior of each of
/// `images` (asked for only then; Gaussians no more than images). One that cannot be kept is used all the same, with a
/// warning. Throws Cancelled, and what `images` and fit_mixture throw.
Mixture vae_mixture(const Vae& vae, std::int64_t components, const MixturePlace& place,
                    const std::function<ImageSource()>& images, const Hooks& hooks = {});

/// Latents [seeds,D], each a function of its seed, the weights and the mixture alone; `truncation` as for seed_latents.
/// `mixture` is asked for unless it is to be the prior; where it throws, Auto takes the prior with a warning. Throws
/// Usage, Cancelled, and what `mixture` throws.
Tensor sample_latents(const Vae& vae, const SamplerOptions& options, const std::vector<std::uint64_t>& seeds,
                      double truncation, const std::function<Mixture()>& mixture, const Hooks& hooks = {});

}  // namespace reverie
