// The flags of `gan train` about the nets, their losses and how samples are measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/core/option_table.h"
#include "reverie/techniques/gan.h"

namespace reverie {

/// What was given on the command line.
struct GanFlags {
    GivenOptions options;  ///< what the preset's recipe leaves to flags: see gan_option_table
    std::string preset = "reverie";
    bool conditional = false;
    std::filesystem::path init_from;

    std::string features = "auto";
    std::int64_t measured = 1000;  ///< --fid-samples
};

/// The help shows the values that the default preset has for colour photos.
void add_flags(CLI::App& app, GanFlags& flags);

/// The recipe that those values come from.
GanRecipe shown_gan_recipe();

/// What the preset, --width, --learning-rate and --augment bring along.
std::vector<Followers> gan_followers();

/// The recipe with what was given put over it, for images with these labels; every choice of the nets filled in.
/// Checked. Throws Usage, and Input for --conditional without labels.
GanOptions gan_options(const GanFlags& flags, const GanRecipe& recipe, const std::vector<std::string>& classes);

/// All that decides the weights, by flag names.
RunOptions gan_identity(const GanFlags& flags, const GanOptions& options);

}  // namespace reverie
