#include "cli/gan/gan_flags.h"

#include "cli/frame/option_flags.h"
#include "cli/runs/measures.h"
#include "cli/training/preset_flags.h"
#include "reverie/cli/flags.h"
#include "reverie/cli/train_flags.h"
#include "reverie/core/error.h"

namespace reverie {

GanRecipe shown_gan_recipe() {
    constexpr std::int64_t kImages = 10'000;
    GanRecipe recipe = gan_recipe("reverie", Size{64, 64}, 3, kImages);
    recipe.options.net = resolved(recipe.options.net);
    return recipe;
}

void add_flags(CLI::App& app, GanFlags& flags) {
    FlagGroup model(app, "Model");
    model.add_choice("--preset", flags.preset, choices_of(gan_recipes()),
                     "whose nets and recipe; the defaults shown are reverie's for 10,000 colour images of 64x64, the "
                     "others bring their own");
    add_model_flags(model, flags.conditional, flags.init_from);
    add_flags<GanOptions>(app, gan_option_table(), flags.options,
                          [recipe = shown_gan_recipe().options](const OptionRow<GanOptions>& row) {
                              if (row.name == "augment") {
                                  return std::string("auto");
                              }
                              // How often is decided by the number of images, or by what is augmented.
                              return row.heading == "Augmentation" ? "as the recipe has it" : default_text(row, recipe);
                          });

    FlagGroup measures(app, "Measures");
    measures.add("--features", flags.features, "NAME",
                 "whose features samples and images are compared in: " + features_help());
    measures.add("--fid-samples", flags.measured, "N",
                 "samples made for each measurement, and at most so many images of the test set, else of the data",
                 OptionRange{.low = kLeastMeasured,
                             .wanted = std::to_string(kLeastMeasured) + " or more (--features none measures nothing)"});
}

std::vector<Followers> gan_followers() { return preset_followers(gan_option_table()); }

GanOptions gan_options(const GanFlags& flags, const GanRecipe& recipe, const std::vector<std::string>& classes) {
    GanOptions options = with_given(recipe.options, gan_option_table(), flags.options);
    options.net.classes = conditional_classes(flags.conditional, classes);
    validate(options);
    const bool wanted = options.net.spectral_norm && flags.options.has("spectral-norm");
    options.net = resolved(options.net);
    if (wanted && !options.net.spectral_norm) {
        throw Error(ErrorKind::Usage, "--spectral-norm on is not for the nets of --preset " + flags.preset +
                                          ", which are as published; leave it out");
    }
    return options;
}

RunOptions gan_identity(const GanFlags& flags, const GanOptions& options) {
    RunOptions identity = model_identity(flags.preset, gan_option_table(), options, flags.conditional, flags.init_from);
    if (const std::vector<std::string>* width = flags.options.find("width")) {
        identity.emplace_back("width", width->front());
    }
    return identity;
}

}  // namespace reverie
