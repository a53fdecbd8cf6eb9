// --seeds and --truncation, of commands that draw latents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/flags.h"
#include "reverie/cli/settings.h"

namespace reverie {

struct SeedFlags {
    std::string seeds;
    double truncation = 1.0;
};

/// `default_text`: what the help says of --seeds without a value.
void add_flags(FlagGroup& group, SeedFlags& flags, const std::string& default_text);
/// --count, of commands that make new images.
void add_count_flag(FlagGroup& group, std::optional<std::int64_t>& count);

/// What --seeds or --count mean, as --seeds takes it; "1-64" without either. Throws Usage for both.
std::string seeds_text(const SeedFlags& flags, const std::optional<std::int64_t>& count);

/// What --seeds means, or `otherwise`. Throws Usage, for a bad --truncation too.
std::vector<std::uint64_t> seeds_of(const SeedFlags& flags, const std::string& otherwise);

/// 1 ... count.
std::vector<std::uint64_t> first_seeds(std::int64_t count);

/// All of them but --seeds.
void add_settings(Settings& settings, const SeedFlags& flags);

}  // namespace reverie
