// How seeds become latents: by the prior, or by Gaussians fitted once to the latents of a run's images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/vae/vae_run.h"
#include "reverie/cli/flags.h"
#include "reverie/techniques/latent_sampler.h"

namespace reverie {

struct SamplerFlags : SamplerOptions {
    std::string data;  ///< --data: images to fit to; empty: the run's own
};

/// --sampler and --components.
void add_flags(FlagGroup& group, SamplerFlags& flags);

/// sample_latents of the run: its mixture comes from the run folder where it is kept, unless `flags` name images; else
/// it is fitted and kept there. A conditional net's label is --class, else seed modulo labels. Throws what
/// sample_latents and reading images throw.
Latents drawn_latents(Session& session, const VaeRun& run, const SamplerFlags& flags,
                      const std::vector<std::uint64_t>& seeds, double truncation);

/// Fits the default mixture while the images are at hand, and keeps it in the run folder.
void fit_sampler(Session& session, const VaeRun& run);

void add_settings(Settings& settings, const SamplerFlags& flags);

}  // namespace reverie
