// --seeds and --truncation, of commands that draw from the prior.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/cli/flags.h"

namespace reverie {

struct SeedFlags {
    std::string seeds;
    double truncation = 1.0;
};

/// `default_text`: what the help says of --seeds without a value.
void add_flags(FlagGroup& group, SeedFlags& flags, const std::string& default_text);

/// What --seeds means, or `otherwise`. Throws Usage.
std::vector<std::uint64_t> seeds_of(const SeedFlags& flags, const std::string& otherwise);

}  // namespace reverie
