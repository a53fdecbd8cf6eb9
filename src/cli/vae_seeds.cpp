#include "cli/vae_seeds.h"

#include "reverie/core/error.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {

void add_flags(FlagGroup& group, SeedFlags& flags, const std::string& default_text) {
    group.add("--seeds", flags.seeds, "1-64", "random points of the latent space: each seed is one, always the same",
              default_text);
    group.add("--truncation", flags.truncation, "X",
              "their distance from the middle: below 1 more usual, above 1 more unusual images");
    add_flags(group, flags.sampler);
}

std::vector<std::uint64_t> seeds_of(const SeedFlags& flags, const std::string& otherwise) {
    if (!(flags.truncation >= 0.0 && flags.truncation <= 100.0)) {
        throw Error(ErrorKind::Usage,
                    "--truncation " + number_text(flags.truncation) + " is out of range; wanted 0 to 100");
    }
    return parse_seeds(flags.seeds.empty() ? otherwise : flags.seeds);
}

Latents latents_of(Session& session, const VaeRun& run, const SeedFlags& flags,
                   const std::vector<std::uint64_t>& seeds) {
    return drawn_latents(session, run, flags.sampler, seeds, flags.truncation);
}

void put_down(Settings& settings, const SeedFlags& flags) {
    settings.set("truncation", flags.truncation);
    put_down(settings, flags.sampler);
}

}  // namespace reverie
