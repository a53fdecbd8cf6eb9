#include "cli/vae/vae_flags.h"

#include "cli/frame/option_flags.h"
#include "cli/training/preset_flags.h"
#include "reverie/cli/flags.h"
#include "reverie/cli/train_flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {

std::vector<std::string> perceptual_networks() { return {"vgg19", "vgg16", "vgg16_hed", "efficientnet_lite0"}; }

void add_flags(CLI::App& app, VaeFlags& flags) {
    VaeOptions recipe = vae_recipe("reverie", Size{64, 64}, 3).options;
    recipe.net = resolved(recipe.net);

    FlagGroup model(app, "Model");
    model.add_choice("--preset", flags.preset, choices_of(vae_recipes()),
                     "whose net and recipe; the defaults shown are reverie's for 64x64 colour images, the others bring "
                     "their own");
    add_model_flags(model, flags.conditional, flags.init_from);
    add_flags<VaeOptions>(app, vae_option_table(), flags.options,
                          [&recipe](const OptionRow<VaeOptions>& row) { return default_text(row, recipe); });
    FlagGroup loss(app, "Loss");
    loss.add("--perceptual-network", flags.perceptual_network, "NAME",
             "whose features the perceptual likelihood compares; auto: the first installed of " +
                 join(perceptual_networks()));
}

std::vector<Followers> vae_followers() { return preset_followers(vae_option_table()); }

VaeOptions vae_options(const VaeFlags& flags, const VaeRecipe& recipe, const std::vector<std::string>& classes) {
    VaeOptions options = with_given(recipe.options, vae_option_table(), flags.options);
    options.net.classes = conditional_classes(flags.conditional, classes);
    validate(options);
    options.net = resolved(options.net);
    return options;
}

RunOptions vae_identity(const VaeFlags& flags, const VaeOptions& options) {
    return model_identity(flags.preset, vae_option_table(), options, flags.conditional, flags.init_from);
}

}  // namespace reverie
