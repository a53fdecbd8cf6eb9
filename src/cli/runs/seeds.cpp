#include "cli/runs/seeds.h"

#include <numeric>

#include "reverie/core/error.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {

void add_flags(FlagGroup& group, SeedFlags& flags, const std::string& default_text) {
    group.add("--seeds", flags.seeds, "1-64", "random points of the latent space: each seed is one, always the same",
              default_text);
    group.add("--truncation", flags.truncation, "X",
              "their distance from the middle: below 1 more usual, above 1 more unusual images",
              OptionRange{0.0, 100.0});
}

void add_count_flag(FlagGroup& group, std::optional<std::int64_t>& count) {
    group.add("--count", count, "N", "seeds 1 to N", OptionRange{.low = 1, .wanted = "1 or more"});
}

std::string seeds_text(const SeedFlags& flags, const std::optional<std::int64_t>& count) {
    if (!count) {
        return flags.seeds.empty() ? "1-64" : flags.seeds;
    }
    if (!flags.seeds.empty()) {
        throw Error(ErrorKind::Usage, "--count and --seeds both say which; leave one out");
    }
    return "1-" + std::to_string(*count);
}

std::vector<std::uint64_t> seeds_of(const SeedFlags& flags, const std::string& otherwise) {
    return parse_seeds(flags.seeds.empty() ? otherwise : flags.seeds);
}

std::vector<std::uint64_t> first_seeds(std::int64_t count) {
    std::vector<std::uint64_t> seeds(static_cast<std::size_t>(count));
    std::iota(seeds.begin(), seeds.end(), 1);
    return seeds;
}

void add_settings(Settings& settings, const SeedFlags& flags) { settings.set("truncation", flags.truncation); }

}  // namespace reverie
