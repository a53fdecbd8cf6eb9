#include "cli/vae/vae_flags.h"

#include "reverie/cli/flags.h"
#include "reverie/cli/train_flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

/// Those that a preset decides and a flag can replace.
RunOptions model_options(const VaeOptions& options) {
    return {{"latent", std::to_string(options.net.latent)},
            {"latent-grid", std::to_string(options.net.latent_grid)},
            {"width", std::to_string(options.net.width)},
            {"blocks", std::to_string(options.net.blocks)},
            {"likelihood", text_of(options.likelihood.kind)},
            {"perceptual-weight", number_text(options.likelihood.perceptual_weight)},
            {"beta", number_text(options.beta)},
            {"kl-warmup", number_text(options.kl_warmup)},
            {"kl-cycles", std::to_string(options.kl_cycles)},
            {"free-bits", number_text(options.free_bits)},
            {"learning-rate", number_text(options.optimizer.learning_rate)}};
}

}  // namespace

std::vector<std::string> perceptual_networks() { return {"vgg19", "vgg16", "vgg16_hed", "efficientnet_lite0"}; }

void add_flags(CLI::App& app, VaeFlags& flags) {
    const VaeOptions recipe = vae_recipe("reverie", Size{64, 64}, 3).options;
    const VaeNetOptions net = resolved(recipe.net);

    FlagGroup model(app, "Model");
    model.add_choice("--preset", flags.preset, choices_of(vae_recipes()),
                     "whose net and recipe; the defaults shown are reverie's for 64x64 colour images, the others bring "
                     "their own");
    model.add("--latent", flags.latent, "N", "dimensions of the latent space; of a spatial one, channels",
              std::to_string(net.latent));
    model.add("--latent-grid", flags.latent_grid, "N",
              "a spatial latent: so many places along its shorter side; 0: a vector", std::to_string(net.latent_grid));
    model.add("--width", flags.width, "N", "channels of the first stage", std::to_string(net.width));
    model.add("--blocks", flags.blocks, "N", "residual blocks a stage", std::to_string(net.blocks));
    model.add("--conditional", flags.conditional,
              "learn with the labels (sub-folder names), so that a class can be asked for");
    model.add("--init-from", flags.init_from, "RUN", "begin from the weights of another run of the same net");

    FlagGroup loss(app, "Loss");
    loss.add_choice("--likelihood", flags.likelihood, choices_of(likelihood_kinds(), likelihood_kind),
                    "how pixels are thought to vary: bernoulli (black and white, digits), gaussian with a learned "
                    "scale (photos), logistic "
                    "over 256 levels, mse, perceptual (gaussian and a net's features)",
                    text_of(recipe.likelihood.kind));
    loss.add("--perceptual-network", flags.perceptual_network, "NAME",
             "whose features; auto: the first installed of " + join(perceptual_networks()));
    loss.add("--perceptual-weight", flags.perceptual_weight, "WEIGHT", "how much that net's features count",
             number_text(recipe.likelihood.perceptual_weight));
    loss.add("--binarize", flags.binarize, "make every pixel 0 or 1 once, by its grey level as chance");
    loss.add("--beta", flags.beta, "WEIGHT",
             "how much the KL divergence counts: more orders the latent space, less sharpens",
             number_text(recipe.beta));
    loss.add("--kl-warmup", flags.kl_warmup, "SHARE", "of the planned steps over which that weight grows from 0",
             number_text(recipe.kl_warmup));
    loss.add("--kl-cycles", flags.kl_cycles, "N", "so many such ramps one after the other; 0: one",
             std::to_string(recipe.kl_cycles));
    loss.add("--free-bits", flags.free_bits, "NATS", "of KL in each dimension that cost nothing",
             number_text(recipe.free_bits));
}

Followers vae_followers() {
    Followers followers{"preset", {"batch", "schedule", "decay", "warmup", "clip-norm", "ema", "steps", "epochs"}};
    for (const auto& [name, text] : model_options(vae_recipe("reverie", Size{64, 64}, 3).options)) {
        followers.followers.push_back(name);
    }
    return followers;
}

VaeOptions vae_options(const VaeFlags& flags, const VaeRecipe& recipe, std::optional<double> learning_rate,
                       const std::vector<std::string>& classes) {
    VaeOptions options = recipe.options;
    take(options.net.latent, flags.latent);
    take(options.net.latent_grid, flags.latent_grid);
    take(options.net.width, flags.width);
    take(options.net.blocks, flags.blocks);
    options.net.classes = conditional_classes(flags.conditional, classes);
    take(options.likelihood.kind, flags.likelihood);
    take(options.likelihood.perceptual_weight, flags.perceptual_weight);
    options.binarize = options.binarize || flags.binarize;
    take(options.beta, flags.beta);
    take(options.kl_warmup, flags.kl_warmup);
    take(options.kl_cycles, flags.kl_cycles);
    take(options.free_bits, flags.free_bits);
    take(options.optimizer.learning_rate, learning_rate);
    validate(options);
    options.net = resolved(options.net);
    return options;
}

RunOptions vae_identity(const VaeFlags& flags, const VaeOptions& options) {
    RunOptions identity = {{"preset", flags.preset}};
    const RunOptions model = model_options(options);
    identity.insert(identity.end(), model.begin(), model.end());
    identity.emplace_back("binarize", options.binarize ? "true" : "false");
    identity.emplace_back("conditional", flags.conditional ? "true" : "false");
    if (!flags.init_from.empty()) {
        identity.emplace_back("init-from", std::filesystem::absolute(flags.init_from).string());
    }
    return identity;
}

}  // namespace reverie
