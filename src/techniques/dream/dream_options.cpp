#include <algorithm>
#include <cmath>
#include <iterator>

#include "reverie/core/text.h"
#include "reverie/techniques/dream.h"

namespace reverie {
namespace {

const Choices<ColorBasis>& color_bases() {
    static const Choices<ColorBasis> choices = {
        {"natural", ColorBasis::Natural}, {"rgb", ColorBasis::Rgb}, {"luma", ColorBasis::Luma}};
    return choices;
}

const Choices<DreamParameterization>& parameterizations() {
    static const Choices<DreamParameterization> choices = {{"pixels", DreamParameterization::Pixels},
                                                           {"fourier", DreamParameterization::Fourier},
                                                           {"maco", DreamParameterization::Maco}};
    return choices;
}

const Choices<DreamPreset>& presets() {
    static const Choices<DreamPreset> choices = {
        {"reverie", DreamPreset::Reverie},     {"chollet2e", DreamPreset::Chollet2e},
        {"chollet1e", DreamPreset::Chollet1e}, {"google", DreamPreset::Google},
        {"gordic", DreamPreset::Gordic},       {"neural-dream", DreamPreset::NeuralDream}};
    return choices;
}

template <typename T>
OptionField<DreamOptions> field(T DreamOptions::*member) {
    return option_field<DreamOptions>(member);
}

OptionField<DreamOptions> targets_field() {
    OptionField<DreamOptions> field;
    field.set = [](DreamOptions& options, const std::vector<std::string>& texts) {
        options.layers.clear();
        std::ranges::transform(whole_targets(texts), std::back_inserter(options.layers), parse_dream_target);
        return true;
    };
    field.texts = [](const DreamOptions& options) {
        std::vector<std::string> texts;
        std::ranges::transform(options.layers, std::back_inserter(texts), dream_target_text);
        return texts;
    };
    field.shape = OptionShape::List;
    return field;
}

constexpr std::int64_t kLeastTile = 64;  // a smaller one is nearly all halo

OptionField<DreamOptions> tile_field() {
    OptionField<DreamOptions> field;
    field.set = [](DreamOptions& options, const std::vector<std::string>& texts) {
        if (texts.size() != 1) {
            return false;
        }
        if (texts.front() == "auto" || texts.front() == "off") {
            options.tile = texts.front() == "auto" ? DreamOptions::kAutoTile : 0;
            return true;
        }
        return parse_value(texts.front(), options.tile) && options.tile >= kLeastTile;
    };
    field.texts = [](const DreamOptions& options) {
        return std::vector<std::string>{options.tile == DreamOptions::kAutoTile ? "auto"
                                        : options.tile == 0                     ? "off"
                                                                                : value_text(options.tile)};
    };
    field.wanted = "auto, off or a side of at least " + std::to_string(kLeastTile) + " pixels";
    return field;
}

void require_targets(const std::vector<DreamTarget>& targets) {
    if (targets.empty()) {
        throw Error(ErrorKind::Usage, "{--layers} names no layer; name at least one ({--list-layers} shows them all)");
    }
    for (auto target = targets.begin(); target != targets.end(); ++target) {
        if (!std::isfinite(target->weight) || target->weight == 0.0) {
            throw Error(ErrorKind::Usage, "{--layers} " + target->tap + " has the weight " +
                                              human_number(target->weight) +
                                              "; wanted a number other than 0, or leave it out");
        }
    }
}

OptionTable<DreamOptions> make_table() {
    const std::string heading = "Dream";
    return {
        {.name = "preset",
         .heading = heading,
         .placeholder = "",
         .help =
             "whose recipe; it brings what is not given, the defaults shown here are reverie's.\n"
             "reverie: ours, tuned for each net\n"
             "chollet2e: Deep Learning with Python, 2nd edition; for inception_v3; {--step-size}: length of the "
             "whole picture's step, in pixels from -1 to 1\n"
             "chollet1e: its 1st edition; for inception_v3; {--step-size}: mean change, in pixels from -1 to 1\n"
             "google: google/deepdream, the first of all; for googlenet; {--step-size}: mean change, in pixels "
             "from 0 to 255\n"
             "gordic: gordicaleksa/pytorch-deepdream; for vgg16 and 600 pixels of width; {--step-size}: RMS change, "
             "in pixels over ImageNet's deviation; {--smooth}: what its growing blur begins with\n"
             "neural-dream: ProGamerGov/neural-dream; for googlenet; {--step-size}: Adam's, in pixels from 0 to "
             "256; {--steps}: in each of 10 passes",
         .field = option_choice<DreamOptions>(&DreamOptions::preset, presets()),
         .from_recipe = false},
        {.name = "parameterization",
         .heading = heading,
         .placeholder = "",
         .help = "what the steps change; other than pixels it brings what is not given of {--octaves}, {--steps}, "
                 "{--step-size} and all that follows from it.\n"
                 "pixels: the picture itself\n"
                 "fourier: its spectrum, in which large shapes grow as readily as fine ones; {--step-size}: Adam's\n"
                 "maco: the phases of its spectrum, so that it keeps a photo's texture; {--step-size}: Adam's, in "
                 "radians",
         .field = option_choice<DreamOptions>(&DreamOptions::parameterization, parameterizations()),
         .then = [](DreamOptions& now, const DreamOptions& /*before*/,
                    const GivenOptions& /*given*/) { set_parameterization(now.parameterization, now); },
         .followers = {"octaves", "octave-scale", "steps", "step-size", "robust", "smooth", "laplacian", "focus",
                       "color-basis", "tone"}},
        {.name = "layers",
         .heading = heading,
         .placeholder = "TARGET[=WEIGHT]",
         .help = "what is amplified: LAYER, LAYER:CHANNEL, LAYER:CHANNEL@X,Y (a neuron; X and Y are fractions from the "
                 "top left), LAYER:top5 or LAYER:bottom5 (the channels that answer most, least), class:NAME or "
                 "class:NUMBER; a negative weight quietens; names: see {--list-layers} and {--list-classes}",
         .field = targets_field()},
        {.name = "caricature",
         .heading = heading,
         .placeholder = "SHARE",
         .help = "how much of a whole layer's goal is what the photo has there already, 0 to 1",
         .field = field(&DreamOptions::caricature),
         .range = {0, 1}},
        {.name = "octaves",
         .heading = heading,
         .placeholder = "N",
         .help = "scales, from small to the full size; 0: as many as the size allows",
         .field = field(&DreamOptions::octaves),
         .range = {0, 64, "0 (by size) to 64"}},
        {.name = "dream-size",
         .heading = heading,
         .placeholder = "PX",
         .help =
             "longest side of the last scale: a larger photo gets the dream enlarged, with its own detail, so that a "
             "print looks like its preview; 0: the photo's own",
         .field = field(&DreamOptions::largest),
         .range = {0, 1e6, "0 (the photo's own) or a size in pixels"}},
        {.name = "octave-scale",
         .heading = heading,
         .placeholder = "RATIO",
         .help = "size of one scale relative to the one before",
         .field = field(&DreamOptions::octave_scale),
         .range = {1.01, 10}},
        {.name = "steps",
         .heading = heading,
         .placeholder = "N",
         .help = "steps per scale; 0: by the number of scales, fewer each the more there are",
         .field = field(&DreamOptions::steps),
         .range = {0, 1e6, "1 to 1000000, or 0 to choose by the size"}},
        {.name = "step-size",
         .heading = heading,
         .placeholder = "AMOUNT",
         .help = "change per step, RMS over the picture, of a range of 0 to 1; under another {--preset} as it says",
         .field = field(&DreamOptions::step_size)},
        {.name = "stop-above",
         .heading = heading,
         .placeholder = "ACTIVATION",
         .help = "a scale ends once the activation that progress shows is above this; 0: never",
         .field = field(&DreamOptions::stop_above),
         .range = {0, 1e12, "0 or a number above it"}},
        {.name = "jitter",
         .heading = heading,
         .placeholder = "PX",
         .help = "each step looks at the picture shifted by up to so much",
         .field = field(&DreamOptions::jitter),
         .range = {0, 512, "0 to 512 pixels"}},
        {.name = "robust",
         .heading = heading,
         .placeholder = "AMOUNT",
         .help = "each step looks at the picture turned by up to 10 degrees and scaled by up to 10 % times this, so "
                 "that shapes hold together; 0: upright",
         .field = field(&DreamOptions::robust),
         .range = {0, 4}},
        {.name = "smooth",
         .heading = heading,
         .placeholder = "SIGMA",
         .help = "blur of the gradient in pixels; 0: none",
         .field = field(&DreamOptions::smooth),
         .range = {0, 64, "0 to 64 pixels"}},
        {.name = "laplacian",
         .heading = heading,
         .placeholder = "LEVELS",
         .help = "bands of the gradient brought to equal strength; 0: none",
         .field = field(&DreamOptions::laplacian),
         .range = {0, 16, "0 to 16 levels"}},
        {.name = "focus",
         .heading = heading,
         .placeholder = "POWER",
         .help = "gathers each step where the net sees most, so that the rest stays calmer; 0: not at all",
         .field = field(&DreamOptions::focus),
         .range = {0, 8}},
        {.name = "color-basis",
         .heading = heading,
         .placeholder = "",
         .help = "colours it may move in: those of photos, each channel for itself, lightness only",
         .field = option_choice<DreamOptions>(&DreamOptions::color_basis, color_bases())},
        {.name = "tone",
         .heading = heading,
         .placeholder = "SHARE",
         .help = "how far each step is pulled back to the photo's brightness and colour, 0 to 1",
         .field = field(&DreamOptions::tone),
         .range = {0, 1}},
        {.name = "detail",
         .heading = heading,
         .placeholder = "SHARE",
         .help = "how much of the photo's detail is put back at each scale, 0 to 1",
         .field = field(&DreamOptions::detail),
         .range = {0, 1}},
        {.name = "calm",
         .heading = heading,
         .placeholder = "SHARE",
         .help = "how far flat parts of the photo, as a sky or a wall, are held still, 0 to 1",
         .field = field(&DreamOptions::calm),
         .range = {0, 1}},
        {.name = "keep",
         .heading = heading,
         .placeholder = "WEIGHT",
         .help = "holds the picture near the photo: 1 about as strongly as the dream pulls; 0: not at all",
         .field = field(&DreamOptions::keep),
         .range = {0, 1000}},
        {.name = "tv",
         .heading = heading,
         .placeholder = "WEIGHT",
         .help = "smooths roughness away (total variation): 1 about as strongly as the dream pulls; 0: not at all",
         .field = field(&DreamOptions::tv),
         .range = {0, 1000}},
        {.name = "strength",
         .heading = heading,
         .placeholder = "SHARE",
         .help = "how much of the dream the result shows: 0 is the photo, 1 the dream",
         .field = field(&DreamOptions::strength),
         .range = {0, 1}},
        {.name = "tile",
         .heading = heading,
         .placeholder = "PX",
         .help = "side of the tiles in which large pictures go through the net; off: never in tiles; auto: as large as "
                 "{--max-memory} allows",
         .field = tile_field()},
        {.name = "preview-every",
         .heading = heading,
         .placeholder = "N",
         .help = "steps between pictures written to NAME.preview.EXT, of a film as input frames; 0: none",
         .field = field(&DreamOptions::preview_every),
         .range = {0, 1e6, "a number of steps, or 0 for none"},
         .shapes_result = false,
         .from_recipe = false},
    };
}

/// A spectrum is no picture: what speaks of single pixels' steps means nothing there.
void require_fits_spectrum(const DreamOptions& o) {
    const std::string spectrum = "{--parameterization} " + choice_text(parameterizations(), o.parameterization);
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); };
    if (o.preset != DreamPreset::Reverie) {
        refuse("{--preset} " + choice_text(presets(), o.preset) + " says how pixels are changed, and " + spectrum +
               " does not change pixels; take {--preset} reverie or {--parameterization} pixels");
    }
    if (o.smooth > 0.0 || o.laplacian > 0) {
        refuse(std::string(o.smooth > 0.0 ? "{--smooth}" : "{--laplacian}") +
               " weighs fine against coarse, which Adam's steps in a spectrum make equal again; leave it out, or take "
               "{--parameterization} pixels");
    }
    if (o.tone > 0.0) {
        refuse("{--tone} pulls pixels back after a step, and " + spectrum +
               " does not change pixels; leave it out, or hold the photo with {--keep}");
    }
    if (o.color_basis == ColorBasis::Luma) {
        refuse("{--color-basis} luma keeps the photo's colours, which " + spectrum +
               " cannot; take natural or rgb, or {--parameterization} pixels");
    }
}

}  // namespace

const OptionTable<DreamOptions>& dream_option_table() {
    static const OptionTable<DreamOptions> table = make_table();
    return table;
}

bool amplifies_layers(const DreamOptions& options) {
    return std::ranges::any_of(options.layers,
                               [](const DreamTarget& target) { return target.kind == DreamTarget::Kind::Layer; });
}

void validate(const DreamOptions& o) {
    require_targets(o.layers);
    require_in_range(dream_option_table(), o);
    // A published recipe's own unit may be long.
    require_in_range("step-size", o.step_size, {1e-6, o.formula.step == DreamFormula::Step::Rms ? 1.0 : 1e6});
    if (o.parameterization != DreamParameterization::Pixels) {
        require_fits_spectrum(o);
    }
    if (o.init == DreamInit::Noise && o.calm > 0.0) {
        throw Error(ErrorKind::Usage,
                    "{--calm} holds still what is flat in the photo, of which {--init} noise shows "
                    "nothing; leave one of them out");
    }
    if (o.caricature > 0.0 && !amplifies_layers(o)) {
        throw Error(ErrorKind::Usage,
                    "{--caricature} speaks of whole layers, and {--layers} names none; name one, as "
                    "block9.expand, or leave {--caricature} out");
    }
    require_in_range("tile", static_cast<double>(o.tile), {DreamOptions::kAutoTile, 1e6, "auto, off or 64 or more"});
    require_in_range("smallest", static_cast<double>(o.smallest), {16, 1e6, "16 pixels or more"});
    require_in_range("margin", static_cast<double>(o.margin), {0, 1e4, "0 pixels or more"});
    require_in_range("decay", o.decay, {0, 1});
    require_in_range("band_ratio", o.band_ratio, {0.01, 100});
    require_in_range("residual", o.residual, {0, 100});
    require_in_range("color_power", o.color_power, {0, 4});
    require_in_range("headroom", o.headroom, {0, 1});
    for (const double range : o.formula.pixel_range) {
        require_in_range("formula.pixel_range", range, {1e-6, 1e6});
    }
    require_in_range("formula.passes", static_cast<double>(o.formula.passes), {1, 1e6});
    require_in_range("channel_balance", o.channel_balance, {0, 1e6});
}

}  // namespace reverie
