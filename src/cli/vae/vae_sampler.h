// How seeds become latents: by the prior, or by Gaussians fitted once to the latents of a run's images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/vae/vae_run.h"
#include "reverie/cli/flags.h"

namespace reverie {

enum class Sampler { Auto, Mixture, Prior };

struct SamplerFlags {
    Sampler sampler = Sampler::Auto;
    std::int64_t components = 10;
    std::string data;  ///< --data: images to fit to; empty: the run's own
};

/// --sampler and --components.
void add_flags(FlagGroup& group, SamplerFlags& flags);

/// Each latent is a function of its seed and of the run alone. The mixture comes from the run folder where it is kept,
/// unless the weights have changed since or `flags` name images; else it is fitted to draws from the posteriors of at
/// most 10,000 images (Ghosh et al. 2020: after training, so that no loss changes) and kept there. A conditional net's
/// label is --class, else seed modulo labels. Throws Usage, and what reading images throws; Auto falls back to the
/// prior with a warning.
Latents drawn_latents(Session& session, const VaeRun& run, const SamplerFlags& flags,
                      const std::vector<std::uint64_t>& seeds, double truncation);

/// Fits the default mixture while the images are at hand, and keeps it in the run folder.
void fit_sampler(Session& session, const VaeRun& run);

void add_settings(Settings& settings, const SamplerFlags& flags);

}  // namespace reverie
