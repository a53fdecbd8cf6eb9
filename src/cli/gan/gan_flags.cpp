#include "cli/gan/gan_flags.h"

#include <cmath>

#include "cli/runs/measures.h"
#include "reverie/cli/flags.h"
#include "reverie/cli/train_flags.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

const Choices<bool>& switches() {
    static const Choices<bool> choices = {{"on", true}, {"off", false}};
    return choices;
}

/// As one would type it: the difference of two such numbers has more digits than they.
double plain(double difference) {
    constexpr double kDigits = 1e9;
    return std::round(difference * kDigits) / kDigits;
}

/// How far the reals' labels stay below 1, and how widely labels are drawn.
double smoothing_of(const GanOptions& options) { return plain(1.0 - options.real_labels.high); }
double noise_of(const GanOptions& options) { return plain(options.real_labels.high - options.real_labels.low); }

std::string kinds_text(const AugmentKinds& kinds) { return kinds.any() ? text_of(kinds) : "none"; }

/// Those that a preset decides and a flag can replace.
RunOptions model_options(const GanOptions& options) {
    return {{"latent", std::to_string(options.net.latent)},
            {"generator-width", std::to_string(options.net.generator_width)},
            {"discriminator-width", std::to_string(options.net.discriminator_width)},
            {"spectral-norm", choice_text(switches(), options.net.spectral_norm)},
            {"attention", std::to_string(options.net.attention)},
            {"minibatch-std", choice_text(switches(), options.net.minibatch_deviation)},
            {"loss", text_of(options.loss)},
            {"r1", number_text(options.r1)},
            {"r1-every", std::to_string(options.r1_every)},
            {"gradient-penalty", number_text(options.gradient_penalty)},
            {"critic-steps", std::to_string(options.critic_steps)},
            {"label-smoothing", number_text(smoothing_of(options))},
            {"label-noise", number_text(noise_of(options))},
            {"learning-rate", number_text(options.generator.learning_rate)},
            {"discriminator-learning-rate", number_text(options.discriminator.learning_rate)},
            {"beta1", number_text(options.generator.beta1)},
            {"augment", kinds_text(options.augment)},
            {"augment-probability", number_text(options.augment_probability)},
            {"augment-target", number_text(options.augment_target)}};
}

void require_within(const std::string& flag, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
        throw Error(ErrorKind::Usage, flag + " " + number_text(value) + " is out of range; wanted " + number_text(low) +
                                          " to " + number_text(high));
    }
}

/// Labels of reals in [1-smoothing-noise, 1-smoothing], of fakes in [0, noise]; a recipe's own stay where both flags
/// say what it has.
void set_labels(GanOptions& options, const GanFlags& flags) {
    const double smoothing = flags.label_smoothing.value_or(smoothing_of(options));
    const double noise = flags.label_noise.value_or(noise_of(options));
    if (smoothing == smoothing_of(options) && noise == noise_of(options)) {
        return;
    }
    require_within("--label-smoothing", smoothing, 0.0, 0.5);
    require_within("--label-noise", noise, 0.0, 0.5);
    options.real_labels = {1.0 - smoothing - noise, 1.0 - smoothing};
    options.fake_labels = {0.0, noise};
}

void set_augmentation(GanOptions& options, const GanFlags& flags) {
    const double probability = flags.augment_probability.value_or(0.0);
    const double target = flags.augment_target.value_or(0.0);
    const bool had_any = options.augment.any();
    if (flags.augment == "none") {
        options.augment = {};
    } else if (flags.augment != "auto") {
        options.augment = augment_kinds(flags.augment);
    }
    if (!options.augment.any()) {
        if (probability != 0.0 || target != 0.0) {
            throw Error(ErrorKind::Usage,
                        "--augment-probability and --augment-target say how often, but nothing is "
                        "augmented; pass --augment color,translation,cutout or leave them out");
        }
        options.augment_probability = 0.0;
        options.augment_target = 0.0;
        return;
    }
    if (flags.augment_probability || flags.augment_target) {
        options.augment_probability = probability;
        options.augment_target = target;
    } else if (!had_any) {
        options.augment_probability = 1.0;  // as Zhao et al. have it
        options.augment_target = 0.0;
    }
    if (options.augment_target > 0.0 && options.augment_images <= 0.0) {
        options.augment_images = shown_gan_recipe().options.augment_images;
    }
}

void set_optimizers(GanOptions& options, const GanFlags& flags, std::optional<double> learning_rate) {
    const double factor = learning_rate.value_or(options.generator.learning_rate) / options.generator.learning_rate;
    take(options.generator.learning_rate, learning_rate);
    options.discriminator.learning_rate =
        flags.discriminator_learning_rate.value_or(options.discriminator.learning_rate * factor);
    if (flags.beta1 && *flags.beta1 != options.generator.beta1) {
        options.generator.beta1 = *flags.beta1;
        options.discriminator.beta1 = *flags.beta1;
    }
}

}  // namespace

GanRecipe shown_gan_recipe() {
    constexpr std::int64_t kImages = 10'000;
    GanRecipe recipe = gan_recipe("reverie", Size{64, 64}, 3, kImages);
    recipe.options.net = resolved(recipe.options.net);
    return recipe;
}

void add_flags(CLI::App& app, GanFlags& flags) {
    const GanOptions recipe = shown_gan_recipe().options;
    const GanNetOptions& net = recipe.net;

    FlagGroup model(app, "Model");
    model.add_choice("--preset", flags.preset, choices_of(gan_recipes()),
                     "whose nets and recipe; the defaults shown are reverie's for 10,000 colour images of 64x64, the "
                     "others bring their own");
    model.add("--latent", flags.latent, "N", "dimensions of the latent space", std::to_string(net.latent));
    model.add("--width", flags.width, "N", "channels at the finest stage of both nets");
    model.add("--generator-width", flags.generator_width, "N", "of the generator alone",
              std::to_string(net.generator_width));
    model.add("--discriminator-width", flags.discriminator_width, "N", "of the discriminator alone",
              std::to_string(net.discriminator_width));
    model.add("--conditional", flags.conditional,
              "learn with the labels (sub-folder names), so that a class can be asked for");
    model.add_choice("--spectral-norm", flags.spectral_norm, switches(),
                     "hold the discriminator's layers to a gain of 1, which keeps it from running away",
                     choice_text(switches(), net.spectral_norm));
    model.add("--attention", flags.attention, "SIDE",
              "both nets look at all places at once, at the stage whose shorter side is nearest to this; 0: none",
              std::to_string(net.attention));
    model.add_choice("--minibatch-std", flags.minibatch_deviation, switches(),
                     "show the discriminator how much a batch varies, against images that are all the same",
                     choice_text(switches(), net.minibatch_deviation));
    model.add("--init-from", flags.init_from, "RUN", "begin from the weights of another run of the same nets");

    FlagGroup loss(app, "Loss");
    loss.add_choice("--loss", flags.loss, choices_of(gan_losses(), gan_loss), "what the two nets play for",
                    text_of(recipe.loss));
    loss.add("--r1", flags.r1, "GAMMA", "penalty on the discriminator's gradient at real images; 0: none",
             number_text(recipe.r1));
    loss.add("--r1-every", flags.r1_every, "STEPS", "from one such penalty to the next, which weighs as much more",
             std::to_string(recipe.r1_every));
    loss.add("--gradient-penalty", flags.gradient_penalty, "LAMBDA",
             "on gradients between reals and fakes, as wasserstein wants it (10); 0: none",
             number_text(recipe.gradient_penalty));
    loss.add("--critic-steps", flags.critic_steps, "N", "steps of the discriminator for each of the generator",
             std::to_string(recipe.critic_steps));
    loss.add("--label-smoothing", flags.label_smoothing, "X", "reals are called 1 - X",
             number_text(smoothing_of(recipe)));
    loss.add("--label-noise", flags.label_noise, "X", "labels are drawn within X of theirs, towards the other's",
             number_text(noise_of(recipe)));
    loss.add("--discriminator-learning-rate", flags.discriminator_learning_rate, "RATE",
             "learning rate of the discriminator", number_text(recipe.discriminator.learning_rate));
    loss.add("--beta1", flags.beta1, "X", "first momentum of both optimisers (Adam)",
             number_text(recipe.generator.beta1));

    FlagGroup augment(app, "Augmentation");
    augment.add("--augment", flags.augment, "KINDS",
                "what happens to all that the discriminator sees, so that it does not learn few images by heart: auto "
                "(as their number wants it), none, or some of color,translation,cutout (see gan augment)");
    augment.add("--augment-probability", flags.augment_probability, "P", "how often each, the same all along",
                "as the recipe has it, else 1");
    augment.add("--augment-target", flags.augment_target, "T",
                "as often as holds the share of reals that the discriminator is sure of here", "as the recipe has it");

    FlagGroup measures(app, "Measures");
    measures.add("--features", flags.features, "NAME",
                 "whose features samples and images are compared in: " + features_help());
    measures.add("--fid-samples", flags.measured, "N",
                 "samples made for each measurement, and at most so many images of the test set, else of the data");
}

std::vector<Followers> gan_followers() {
    Followers preset{"preset", {"batch", "schedule", "decay", "warmup", "clip-norm", "ema", "steps", "epochs"}};
    for (const auto& [name, text] : model_options(shown_gan_recipe().options)) {
        preset.followers.push_back(name);
    }
    return {preset,
            {"width", {"generator-width", "discriminator-width"}},
            {"learning-rate", {"discriminator-learning-rate"}},
            {"augment", {"augment-probability", "augment-target"}}};
}

GanOptions gan_options(const GanFlags& flags, const GanRecipe& recipe, std::optional<double> learning_rate,
                       const std::vector<std::string>& classes) {
    GanOptions options = recipe.options;
    take(options.net.latent, flags.latent);
    take(options.net.generator_width, flags.width);
    take(options.net.generator_width, flags.generator_width);
    take(options.net.discriminator_width, flags.width);
    take(options.net.discriminator_width, flags.discriminator_width);
    options.net.classes = conditional_classes(flags.conditional, classes);
    take(options.net.spectral_norm, flags.spectral_norm);
    take(options.net.attention, flags.attention);
    take(options.net.minibatch_deviation, flags.minibatch_deviation);
    take(options.loss, flags.loss);
    take(options.r1, flags.r1);
    take(options.r1_every, flags.r1_every);
    take(options.gradient_penalty, flags.gradient_penalty);
    take(options.critic_steps, flags.critic_steps);
    set_labels(options, flags);
    set_optimizers(options, flags, learning_rate);
    set_augmentation(options, flags);
    validate(options);
    options.net = resolved(options.net);
    if (flags.spectral_norm.value_or(false) && !options.net.spectral_norm) {
        throw Error(ErrorKind::Usage, "--spectral-norm on is not for the nets of --preset " + flags.preset +
                                          ", which are as published; leave it out");
    }
    return options;
}

RunOptions gan_identity(const GanFlags& flags, const GanOptions& options) {
    RunOptions identity = {{"preset", flags.preset}};
    if (flags.width) {
        identity.emplace_back("width", std::to_string(*flags.width));
    }
    const RunOptions model = model_options(options);
    identity.insert(identity.end(), model.begin(), model.end());
    identity.emplace_back("conditional", flags.conditional ? "true" : "false");
    if (!flags.init_from.empty()) {
        identity.emplace_back("init-from", std::filesystem::absolute(flags.init_from).string());
    }
    return identity;
}

}  // namespace reverie
