// The flags of a dream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/cli/settings.h"
#include "reverie/core/option_table.h"
#include "reverie/techniques/dream.h"
#include "reverie/weights/store.h"

namespace CLI {
class App;
}

namespace reverie {

/// What a dream's net is chosen from with --network auto, in order.
std::vector<std::string> dream_networks();

/// The same with what was given: a preset's own net comes first where the catalogue has it.
std::vector<std::string> dream_networks(const GivenOptions& given, const WeightStore& store);

/// The help shows the recipes' values. What is given comes into `given`.
void add_dream_flags(CLI::App& app, GivenOptions& given);

/// What a preset, a start and a parameterization bring along.
std::vector<Followers> dream_followers();

/// The recipe of the preset for `network`, for that start, with what was given put over it, checked. Throws Usage.
DreamOptions dream_options(const GivenOptions& given, const std::string& network, DreamInit init, std::uint64_t seed);

}  // namespace reverie
