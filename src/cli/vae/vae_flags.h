// The flags of `vae train` about the model and its loss.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/techniques/vae.h"

namespace reverie {

/// What was given on the command line; the rest comes from the preset's recipe.
struct VaeFlags {
    std::string preset = "reverie";
    std::optional<std::int64_t> latent;
    std::optional<std::int64_t> latent_grid;
    std::optional<std::int64_t> width;
    std::optional<std::int64_t> blocks;
    bool conditional = false;
    std::optional<LikelihoodKind> likelihood;
    std::optional<double> perceptual_weight;
    std::string perceptual_network = "auto";
    bool binarize = false;
    std::optional<double> beta;
    std::optional<double> kl_warmup;
    std::optional<std::int64_t> kl_cycles;
    std::optional<double> free_bits;
    std::filesystem::path init_from;
};

/// The help shows the values that the default preset has for colour photos.
void add_flags(CLI::App& app, VaeFlags& flags);

/// What --perceptual-network auto is chosen from, in order.
std::vector<std::string> perceptual_networks();

/// What the preset brings along.
Followers vae_followers();

/// The recipe with what was given put over it, for images with these labels; every choice of the net filled in.
/// Checked. Throws Usage, and Input for --conditional without labels.
VaeOptions vae_options(const VaeFlags& flags, const VaeRecipe& recipe, std::optional<double> learning_rate,
                       const std::vector<std::string>& classes);

/// All that decides the weights, by flag names.
RunOptions vae_identity(const VaeFlags& flags, const VaeOptions& options);

}  // namespace reverie
