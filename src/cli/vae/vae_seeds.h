// --seeds and how vae draws them: --sampler.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/runs/seeds.h"
#include "cli/vae/vae_sampler.h"

namespace reverie {

struct VaeSeedFlags : SeedFlags {
    SamplerFlags sampler;
};

void add_flags(FlagGroup& group, VaeSeedFlags& flags, const std::string& default_text);

/// Their latents. Throws what drawn_latents throws.
Latents latents_of(Session& session, const VaeRun& run, const VaeSeedFlags& flags,
                   const std::vector<std::uint64_t>& seeds);

/// All of them but --seeds.
void add_settings(Settings& settings, const VaeSeedFlags& flags);

}  // namespace reverie
