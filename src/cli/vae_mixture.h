// The mixture of Gaussians that --sampler mixture draws from, fitted once to the latents of a run's images.
#pragma once

#include <cstdint>
#include <string>

#include "cli/vae_run.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {

struct MixtureFlags {
    std::int64_t components = 10;
    std::string data;  ///< --data: images to fit to; empty: the run's own
};

/// From the run folder where it is kept, unless the weights have changed since or `flags` name images; else fitted to
/// draws from the posteriors of at most 20,000 images (Ghosh et al. 2020: after training, so that no loss changes) and
/// kept there. Throws Usage, and what reading images throws.
Mixture mixture_of(Session& session, const VaeRun& run, const MixtureFlags& flags);

}  // namespace reverie
