// --seeds, --truncation and --sampler, of commands that draw latents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/vae_sampler.h"
#include "reverie/cli/flags.h"

namespace reverie {

struct SeedFlags {
    std::string seeds;
    double truncation = 1.0;
    SamplerFlags sampler;
};

/// `default_text`: what the help says of --seeds without a value.
void add_flags(FlagGroup& group, SeedFlags& flags, const std::string& default_text);

/// What --seeds means, or `otherwise`. Throws Usage, for a bad --truncation too.
std::vector<std::uint64_t> seeds_of(const SeedFlags& flags, const std::string& otherwise);

/// Their latents. Throws what drawn_latents throws.
Latents latents_of(Session& session, const VaeRun& run, const SeedFlags& flags,
                   const std::vector<std::uint64_t>& seeds);

/// All of them but --seeds.
void put_down(Settings& settings, const SeedFlags& flags);

}  // namespace reverie
