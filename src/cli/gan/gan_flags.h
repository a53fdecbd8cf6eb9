// The flags of `gan train` about the nets, their losses and how samples are measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/techniques/gan.h"

namespace reverie {

/// What was given on the command line; the rest comes from the preset's recipe.
struct GanFlags {
    std::string preset = "reverie";
    std::optional<std::int64_t> latent;
    std::optional<std::int64_t> width;  ///< of both nets
    std::optional<std::int64_t> generator_width;
    std::optional<std::int64_t> discriminator_width;
    bool conditional = false;
    std::optional<bool> spectral_norm;
    std::optional<std::int64_t> attention;
    std::optional<bool> minibatch_deviation;
    std::filesystem::path init_from;

    std::optional<GanLoss> loss;
    std::optional<double> r1;
    std::optional<std::int64_t> r1_every;
    std::optional<double> gradient_penalty;
    std::optional<std::int64_t> critic_steps;
    std::optional<double> label_smoothing;
    std::optional<double> label_noise;
    std::optional<double> discriminator_learning_rate;
    std::optional<double> beta1;

    std::string augment = "auto";
    std::optional<double> augment_probability;
    std::optional<double> augment_target;

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
/// `learning_rate` is the generator's; without one of its own the discriminator's changes by the same factor. Checked.
/// Throws Usage, and Input for --conditional without labels.
GanOptions gan_options(const GanFlags& flags, const GanRecipe& recipe, std::optional<double> learning_rate,
                       const std::vector<std::string>& classes);

/// All that decides the weights, by flag names.
RunOptions gan_identity(const GanFlags& flags, const GanOptions& options);

}  // namespace reverie
