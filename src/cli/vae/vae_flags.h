// The flags of `vae train` about the model and its loss.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/core/option_table.h"
#include "reverie/techniques/vae.h"

namespace reverie {

/// What was given on the command line.
struct VaeFlags {
    GivenOptions options;  ///< what the preset's recipe leaves to flags: see vae_option_table
    std::string preset = "reverie";
    bool conditional = false;
    std::string perceptual_network = "auto";
    std::filesystem::path init_from;
};

/// The help shows the values that the default preset has for colour photos.
void add_flags(CLI::App& app, VaeFlags& flags);

/// What --perceptual-network auto is chosen from, in order.
std::vector<std::string> perceptual_networks();

/// What the preset and other flags bring along.
std::vector<Followers> vae_followers();

/// The recipe with what was given put over it, for images with these labels; every choice of the net filled in.
/// Checked. Throws Usage, and Input for --conditional without labels.
VaeOptions vae_options(const VaeFlags& flags, const VaeRecipe& recipe, const std::vector<std::string>& classes);

/// All that decides the weights, by flag names.
RunOptions vae_identity(const VaeFlags& flags, const VaeOptions& options);

}  // namespace reverie
