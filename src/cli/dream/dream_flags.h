// The flags of a dream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/settings.h"
#include "reverie/techniques/dream.h"

namespace CLI {
class App;
}

namespace reverie {

/// What a dream's net is chosen from with --network auto, in order.
std::vector<std::string> dream_networks();

/// What was given on the command line; the rest comes from the net's recipe.
struct DreamFlags {
    std::vector<std::string> layers;
    std::optional<std::int64_t> octaves;
    std::optional<double> octave_scale;
    std::optional<std::int64_t> steps;
    std::optional<double> step_size;
    std::optional<std::int64_t> jitter;
    std::optional<double> smooth;
    std::optional<std::int64_t> laplacian;
    std::optional<ColorBasis> color_basis;
    std::optional<double> tone;
    std::optional<double> detail;
    std::int64_t preview_every = 0;
};

/// The help shows the recipes' values.
void add_flags(CLI::App& app, DreamFlags& flags);

/// The recipe of `network` with what was given put over it, checked. Throws Usage.
DreamOptions dream_options(const DreamFlags& flags, const std::string& network, std::uint64_t seed);

/// Everything of the options that shapes the pixels, by flag names.
void put_down(Settings& settings, const DreamOptions& options);

}  // namespace reverie
