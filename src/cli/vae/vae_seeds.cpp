#include "cli/vae/vae_seeds.h"

namespace reverie {

void add_flags(FlagGroup& group, VaeSeedFlags& flags, const std::string& default_text) {
    add_flags(group, static_cast<SeedFlags&>(flags), default_text);
    add_flags(group, flags.sampler);
}

Latents latents_of(Session& session, const VaeRun& run, const VaeSeedFlags& flags,
                   const std::vector<std::uint64_t>& seeds) {
    return drawn_latents(session, run, flags.sampler, seeds, flags.truncation);
}

void add_settings(Settings& settings, const VaeSeedFlags& flags) {
    add_settings(settings, static_cast<const SeedFlags&>(flags));
    add_settings(settings, flags.sampler);
}

}  // namespace reverie
