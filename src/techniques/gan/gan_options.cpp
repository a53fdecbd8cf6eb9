#include <cmath>
#include <limits>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/gan.h"

namespace reverie {
namespace {

void require_labels(const GanOptions& options) {
    constexpr LabelRange kReal = {1.0, 1.0};
    constexpr LabelRange kFake = {0.0, 0.0};
    const LabelRange& real = options.real_labels;
    const LabelRange& fake = options.fake_labels;
    if (!has_labels(options.loss) && (real != kReal || fake != kFake)) {
        throw Error(ErrorKind::Usage, "{--label-smoothing} and {--label-noise} mean nothing to {--loss} " +
                                          text_of(options.loss) + "; leave them out, or choose non-saturating");
    }
    const bool fine =
        real.low <= real.high && fake.low <= fake.high && fake.high < real.low && real.high <= 1.5 && fake.low >= -0.5;
    if (!fine) {
        throw Error(ErrorKind::Usage, "{--label-smoothing} and {--label-noise} together move labels of reals down to " +
                                          human_number(real.low) + " and of fakes up to " + human_number(fake.high) +
                                          "; wanted those of reals above those of fakes");
    }
}

void require_augmentation(const GanOptions& options) {
    if (!options.augment.any() && (options.augment_probability != 0.0 || options.augment_target != 0.0)) {
        throw Error(ErrorKind::Usage,
                    "{--augment-probability} and {--augment-target} say how often, but nothing is augmented; pass "
                    "{--augment} color,translation,cutout or leave them out");
    }
    if (options.augment_target > 0.0) {
        require_in_range("augment_images", options.augment_images,
                         {1.0, std::numeric_limits<double>::max(), "1 image or more"});
    }
}

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

/// Labels of reals in [1-smoothing-noise, 1-smoothing], of fakes in [0, noise]; a recipe's own stay where both are what
/// it has.
void set_labels(GanOptions& options, double smoothing, double noise) {
    if (smoothing != smoothing_of(options) || noise != noise_of(options)) {
        options.real_labels = {1.0 - smoothing - noise, 1.0 - smoothing};
        options.fake_labels = {0.0, noise};
    }
}

/// Channels of both nets: no field, and so nothing that is kept but where it was given.
OptionField<GanOptions> width_field() {
    OptionField<GanOptions> field;
    field.set = [](GanOptions& options, const std::vector<std::string>& texts) {
        const bool good = texts.size() == 1 && parse_value(texts.front(), options.net.generator_width);
        options.net.discriminator_width = options.net.generator_width;
        return good;
    };
    field.texts = [](const GanOptions&) { return std::vector<std::string>{""}; };
    field.wanted = wanted_text(std::int64_t{});
    return field;
}

OptionField<GanOptions> augment_field() {
    OptionField<GanOptions> field;
    field.set = [](GanOptions& options, const std::vector<std::string>& texts) {
        const std::string text = join(texts, ",", ",");
        const double cutout = options.augment.cutout_side;
        if (text == "none") {
            options.augment = {};
        } else if (text != "auto") {
            options.augment = augment_kinds(text);
        }
        options.augment.cutout_side = cutout;
        return true;
    };
    field.texts = [](const GanOptions& options) {
        return std::vector<std::string>{options.augment.any() ? text_of(options.augment) : "none"};
    };
    return field;
}

/// The discriminator's learning rate changes by the same factor.
void scale_discriminator(GanOptions& now, const GanOptions& before, const GivenOptions& /*given*/) {
    now.discriminator.learning_rate *= now.generator.learning_rate / before.generator.learning_rate;
}

void set_both_momenta(GanOptions& now, const GanOptions& before, const GivenOptions& /*given*/) {
    if (now.generator.beta1 != before.generator.beta1) {
        now.discriminator.beta1 = now.generator.beta1;
    }
}

/// Images it takes the probability to go from 0 to 1 where a recipe does not say: as ours for 10,000 images has it.
void fill_in_pace(GanOptions& options) {
    if (options.augment_target > 0.0 && options.augment_images <= 0.0) {
        options.augment_images = gan_recipe("reverie", Size{64, 64}, 3, 10'000).options.augment_images;
    }
}

/// How often, of what was not augmented before: always, as Zhao et al. have it; of nothing: never.
void set_frequency(GanOptions& now, const GanOptions& before, const GivenOptions& /*given*/) {
    if (!now.augment.any() || !before.augment.any()) {
        now.augment_probability = now.augment.any() ? 1.0 : 0.0;
        now.augment_target = 0.0;
    }
}

void probability_alone(GanOptions& now, const GanOptions& /*before*/, const GivenOptions& /*given*/) {
    now.augment_target = 0.0;
}

void target_alone(GanOptions& now, const GanOptions& /*before*/, const GivenOptions& given) {
    if (!given.has("augment-probability")) {
        now.augment_probability = 0.0;
    }
    fill_in_pace(now);
}

template <typename T>
OptionField<GanOptions> field(T GanOptions::*member) {
    return option_field<GanOptions>(member);
}

OptionTable<GanOptions> make_table() {
    constexpr double kMost = std::numeric_limits<double>::max();
    const OptionRange at_least_zero{0.0, kMost, "a number of at least 0"};
    const OptionRange above_zero{std::numeric_limits<double>::denorm_min(), kMost, "a number above 0"};
    const double below_one = std::nextafter(1.0, 0.0);
    return {
        {.name = "width",
         .heading = "Model",
         .placeholder = "N",
         .help = "channels at the finest stage of both nets",
         .field = width_field(),
         .from_recipe = false,
         .followers = {"generator-width", "discriminator-width"}},
        {.name = "latent",
         .heading = "Model",
         .placeholder = "N",
         .help = "dimensions of the latent space",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.net.latent; })},
        {.name = "generator-width",
         .heading = "Model",
         .placeholder = "N",
         .help = "channels at the finest stage of the generator alone",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.net.generator_width; })},
        {.name = "discriminator-width",
         .heading = "Model",
         .placeholder = "N",
         .help = "channels at the finest stage of the discriminator alone",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.net.discriminator_width; })},
        {.name = "generator",
         .heading = "Model",
         .placeholder = "",
         .help = "the generator's build: transposed convolutions, or FastGAN's gates and skips",
         .field = option_choice<GanOptions>(
             [](auto& o) -> auto& { return o.net.generator; }, choices_of(gan_generator_kinds(), gan_generator_kind)),
         .followers = {"generator-width", "latent"}},
        {.name = "projected-size",
         .heading = "Model",
         .placeholder = "PX",
         .help = "the shorter side, a multiple of 32, to which images are brought for the frozen net that the "
                 "discriminator of --preset projected looks through; 0: theirs, from 64 to 224",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.net.projected_side; })},
        {.name = "pixel-branch",
         .heading = "Model",
         .placeholder = "",
         .help = "beside what the frozen net sees the discriminator of --preset projected looks at the pixels too",
         .field = option_choice<GanOptions>(
             [](auto& o) -> auto& { return o.net.pixel_branch; }, switches())},
        {.name = "spectral-norm",
         .heading = "Model",
         .placeholder = "",
         .help = "hold the discriminator's layers to a gain of 1, which keeps it from running away",
         .field = option_choice<GanOptions>(
             [](auto& o) -> auto& { return o.net.spectral_norm; }, switches())},
        {.name = "attention",
         .heading = "Model",
         .placeholder = "SIDE",
         .help = "both nets look at all places at once, at the stage whose shorter side is nearest to this; 0: none",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.net.attention; })},
        {.name = "minibatch-std",
         .heading = "Model",
         .placeholder = "",
         .help = "show the discriminator how much a batch varies, against images that are all the same",
         .field = option_choice<GanOptions>(
             [](auto& o) -> auto& { return o.net.minibatch_deviation; }, switches())},
        {.name = "loss",
         .heading = "Loss",
         .placeholder = "",
         .help = "what the two nets play for",
         .field = option_choice<GanOptions>(&GanOptions::loss, choices_of(gan_losses(), gan_loss))},
        {.name = "r1",
         .heading = "Loss",
         .placeholder = "GAMMA",
         .help = "penalty on the discriminator's gradient at real images; 0: none",
         .field = field(&GanOptions::r1),
         .range = at_least_zero},
        {.name = "r1-every",
         .heading = "Loss",
         .placeholder = "STEPS",
         .help = "steps from one such penalty to the next, which weighs as much more",
         .field = field(&GanOptions::r1_every),
         .range = {1.0, kMost, "1 step or more"}},
        {.name = "gradient-penalty",
         .heading = "Loss",
         .placeholder = "LAMBDA",
         .help = "penalty on gradients between reals and fakes, as wasserstein wants it (10); 0: none",
         .field = field(&GanOptions::gradient_penalty),
         .range = at_least_zero},
        {.name = "critic-steps",
         .heading = "Loss",
         .placeholder = "N",
         .help = "steps of the discriminator for each of the generator",
         .field = field(&GanOptions::critic_steps),
         .range = {1.0, 1000.0}},
        {.name = "label-smoothing",
         .heading = "Loss",
         .placeholder = "X",
         .help = "reals are called 1 - X",
         .field =
             option_number<GanOptions>(smoothing_of, [](GanOptions& o, double x) { set_labels(o, x, noise_of(o)); }),
         .range = {-0.5, 0.5, "0 to 0.5"}},
        {.name = "label-noise",
         .heading = "Loss",
         .placeholder = "X",
         .help = "labels are drawn within X of theirs, towards the other's",
         .field =
             option_number<GanOptions>(noise_of, [](GanOptions& o, double x) { set_labels(o, smoothing_of(o), x); }),
         .range = {0.0, 0.5}},
        {.name = "learning-rate",
         .heading = "Training",
         .placeholder = "RATE",
         .help = "learning rate of the generator; the discriminator's changes by the same factor",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.generator.learning_rate; }),
         .range = above_zero,
         .then = scale_discriminator,
         .followers = {"discriminator-learning-rate"}},
        {.name = "discriminator-learning-rate",
         .heading = "Training",
         .placeholder = "RATE",
         .help = "learning rate of the discriminator",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.discriminator.learning_rate; }),
         .range = above_zero},
        {.name = "beta1",
         .heading = "Training",
         .placeholder = "X",
         .help = "first momentum of both optimisers (Adam)",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.generator.beta1; }),
         .range = {0.0, below_one, "a number from 0 to below 1"},
         .then = set_both_momenta},
        {.name = "augment",
         .heading = "Augmentation",
         .placeholder = "KINDS",
         .help = "what happens to all that the discriminator sees, so that it does not learn few images by heart: auto "
                 "(as their number wants it), none, or some of color,translation,cutout (see gan augment)",
         .field = augment_field(),
         .then = set_frequency,
         .followers = {"augment-probability", "augment-target"}},
        {.name = "cutout",
         .heading = "Augmentation",
         .placeholder = "SHARE",
         .help = "sides of what cutout takes away, as a share of the image's",
         .field = option_field<GanOptions>([](auto& o) -> auto& { return o.augment.cutout_side; }),
         .range = {std::numeric_limits<double>::denorm_min(), 1.0, "a share above 0, up to 1"}},
        {.name = "augment-probability",
         .heading = "Augmentation",
         .placeholder = "P",
         .help = "how often each happens, the same all along",
         .field = field(&GanOptions::augment_probability),
         .range = {0.0, 1.0, "a share from 0 to 1"},
         .then = probability_alone},
        {.name = "augment-target",
         .heading = "Augmentation",
         .placeholder = "T",
         .help = "each happens as often as holds the discriminator's certainty about reals (the mean sign of its "
                 "score) at T",
         .field = field(&GanOptions::augment_target),
         .range = {0.0, below_one, "a number from 0 to below 1"},
         .then = target_alone},
    };
}

}  // namespace

const OptionTable<GanOptions>& gan_option_table() {
    static const OptionTable<GanOptions> table = make_table();
    return table;
}

void validate(const GanOptions& options) {
    validate(options.net);
    require_in_range(gan_option_table(), options);
    require_in_range("beta1", options.discriminator.beta1, {0.0, std::nextafter(1.0, 0.0)});
    require_labels(options);
    require_augmentation(options);
    if (options.net.discriminator == GanDiscriminatorKind::Projected &&
        (options.r1 > 0.0 || options.gradient_penalty > 0.0)) {
        throw Error(ErrorKind::Usage, std::string(options.r1 > 0.0 ? "{--r1}" : "{--gradient-penalty}") +
                                          " is not for {--preset} projected, whose discriminator has no gradient of "
                                          "its gradient; leave it out");
    }
}

}  // namespace reverie
