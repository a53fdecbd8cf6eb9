#include "nn/layer_weights.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/style.h"
#include "techniques/style/style_plan.h"

#ifndef __clang__
// Of the table's rows, which would have to go if one of them threw, GCC 12 takes some for made that are not.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace reverie {
namespace {

constexpr double kMostSteps = 1e6;
constexpr double kSmallestSide = 16;

const Choices<StylePreset>& presets() {
    static const Choices<StylePreset> choices = {{"reverie", StylePreset::Reverie},
                                                 {"crowsonkb", StylePreset::Crowsonkb},
                                                 {"gatys", StylePreset::Gatys},
                                                 {"neural-style", StylePreset::NeuralStyle},
                                                 {"chollet2e", StylePreset::Chollet2e}};
    return choices;
}

const Choices<StyleStatistic>& statistics() {
    static const Choices<StyleStatistic> choices = {
        {"w2", StyleStatistic::W2}, {"gram", StyleStatistic::Gram}, {"mean-std", StyleStatistic::MeanStd}};
    return choices;
}

const Choices<Pooling>& poolings() {
    static const Choices<Pooling> choices = {{"max", Pooling::Max}, {"average", Pooling::Average}, {"l2", Pooling::L2}};
    return choices;
}

const Choices<StyleColor>& colors() {
    static const Choices<StyleColor> choices = {{"style", StyleColor::Style},
                                                {"content", StyleColor::Content},
                                                {"luma", StyleColor::Luma},
                                                {"match", StyleColor::Match},
                                                {"histogram", StyleColor::Histogram}};
    return choices;
}

const Choices<StyleOptimizer>& optimizers() {
    static const Choices<StyleOptimizer> choices = {{"adam", StyleOptimizer::Adam},
                                                    {"lbfgs", StyleOptimizer::Lbfgs},
                                                    {"gradient-descent", StyleOptimizer::GradientDescent}};
    return choices;
}

/// The factor that keeps the activations' size where a recipe's own pooling is replaced; the papers' nets have none.
void set_pooling_gain(StyleOptions& now, const StyleOptions& before, const GivenOptions& /*given*/) {
    if (now.pooling == before.pooling) {
        return;
    }
    const bool kept = now.preset == StylePreset::Reverie || now.preset == StylePreset::Crowsonkb;
    now.pooling_gain = !kept || now.pooling == Pooling::Max ? 1.0 : now.pooling == Pooling::Average ? 2.0 : 0.78;
}

/// A step of one rule means nothing to another.
void set_step_size(StyleOptions& now, const StyleOptions& before, const GivenOptions& given) {
    if (now.optimizer == before.optimizer || given.has("step-size")) {
        return;
    }
    switch (now.optimizer) {
        case StyleOptimizer::Adam:  // the publications' steps do not fade, so they are shorter from the start
            now.step_size =
                style_recipe(now.preset == StylePreset::Reverie ? now.preset : StylePreset::Crowsonkb).step_size;
            return;
        case StyleOptimizer::Lbfgs:
            now.step_size = style_recipe(StylePreset::Gatys).step_size;
            return;
        case StyleOptimizer::GradientDescent:
            break;
    }
    throw Error(ErrorKind::Usage,
                "{--optimizer} gradient-descent takes steps as large as the losses' slopes; say how large with "
                "{--step-size}");
}

/// A recipe's own are meant for its own steps.
void clear_first_steps(StyleOptions& now, const StyleOptions& /*before*/, const GivenOptions& /*given*/) {
    now.first_steps = 0;
}

template <typename T>
OptionField<StyleOptions> field(T StyleOptions::*member) {
    return option_field<StyleOptions>(member);
}

OptionTable<StyleOptions> make_table() {
    const OptionRange weight{0.0, 1e12, "0 or a number above it"};
    OptionTable<StyleOptions> table = {
        {.name = "style-scale",
         .heading = "Style",
         .placeholder = "RATIO",
         .help = "size of the styles relative to the result: smaller makes finer strokes",
         .field = field(&StyleOptions::style_scale),
         .range = {0.05, 20.0}},
        {.name = "strength",
         .heading = "Style",
         .placeholder = "SHARE",
         .help = "how much of the style, from 0 (hardly) to 1 (fully)",
         .field = field(&StyleOptions::strength),
         .range = {0.0, 1.0}},
        {.name = "preset",
         .heading = "Style",
         .placeholder = "",
         .help = "whose recipe; the defaults shown here are those of reverie, the others bring their own",
         .field = option_choice<StyleOptions>(&StyleOptions::preset, presets()),
         .from_recipe = false},
        {.name = "color",
         .heading = "Colour",
         .placeholder = "",
         .help = "style: the style's; content: the input's colours under the result's lightness; luma: styled in "
                 "grey, the input's colour kept exactly; match, histogram: the style's colours made the input's first",
         .field = option_choice<StyleOptions>(&StyleOptions::color, colors())},
        {.name = "palette",
         .heading = "Colour",
         .placeholder = "WEIGHT",
         .help = "how much the style's colours count, relative to its layers together; 0: not at all",
         .field = field(&StyleOptions::palette),
         .range = weight},
        {.name = "content-weight",
         .heading = "What counts",
         .placeholder = "WEIGHT",
         .help = "how much the input's content counts",
         .field = field(&StyleOptions::content_weight),
         .range = weight},
        {.name = "style-weight",
         .heading = "What counts",
         .placeholder = "WEIGHT",
         .help = "how much the style counts",
         .field = field(&StyleOptions::style_weight),
         .range = weight},
        {.name = "tv",
         .heading = "What counts",
         .placeholder = "WEIGHT",
         .help = "how much smoothness counts; 0: not at all",
         .field = field(&StyleOptions::tv),
         .range = weight},
        {.name = "statistic",
         .heading = "What counts",
         .placeholder = "",
         .help = "what of the net's activations makes a style",
         .field = option_choice<StyleOptions>(&StyleOptions::statistic, statistics())},
        {.name = "style-layers",
         .heading = "What counts",
         .placeholder = "NAME[=WEIGHT]",
         .help = "where style is looked for; names: see {--list-layers}",
         .field = layers_field<StyleOptions>("style-layers", &StyleOptions::style_layers)},
        {.name = "content-layers",
         .heading = "What counts",
         .placeholder = "NAME[=WEIGHT]",
         .help = "where content is looked for",
         .field = layers_field<StyleOptions>("content-layers", &StyleOptions::content_layers)},
        {.name = "content-network-layers",
         .heading = "What counts",
         .placeholder = "NAME[=WEIGHT]",
         .help = "where {--content-network} looks for content; empty: where such a net knows most",
         .field = layers_field<StyleOptions>("content-network-layers", &StyleOptions::content_network_layers)},
        {.name = "content-network-share",
         .heading = "What counts",
         .placeholder = "SHARE",
         .help = "how much of {--content-weight} is said by {--content-network}, from 0 to 1; the rest by {--network}",
         .field = field(&StyleOptions::content_network_share),
         .range = {0.0, 1.0}},
        {.name = "pooling",
         .heading = "What counts",
         .placeholder = "",
         .help = "how the net shrinks its maps",
         .field = option_choice<StyleOptions>(&StyleOptions::pooling, poolings()),
         .then = set_pooling_gain},
        {.name = "min-size",
         .heading = "Optimisation",
         .placeholder = "PX",
         .help = "longest side of the smallest scale; each is sqrt 2 larger",
         .field = field(&StyleOptions::min_size),
         .range = {kSmallestSide, static_cast<double>(kOneScale), "16 to 1048576 pixels"}},
        {.name = "steps",
         .heading = "Optimisation",
         .placeholder = "N",
         .help = "most per scale; fewer at large ones",
         .field = field(&StyleOptions::steps),
         .range = {1, kMostSteps},
         .then = clear_first_steps,
         .followers = {"first-steps"}},
        {.name = "first-steps",
         .heading = "Optimisation",
         .placeholder = "N",
         .help = "most at the smallest scale; 0: as {--steps}",
         .field = field(&StyleOptions::first_steps),
         .range = {0, kMostSteps, "1 to 1000000, or 0 for as many as {--steps}"}},
        {.name = "patience",
         .heading = "Optimisation",
         .placeholder = "N",
         .help = "a scale ends when so many steps made its loss less than 1 % better; 0: never",
         .field = field(&StyleOptions::patience),
         .range = {0, kMostSteps, "a number of steps, or 0 to never end a scale early"}},
        {.name = "optimizer",
         .heading = "Optimisation",
         .placeholder = "",
         .help = "how pixels follow the gradient",
         .field = option_choice<StyleOptions>(&StyleOptions::optimizer, optimizers()),
         .then = set_step_size,
         .followers = {"step-size"}},
        {.name = "step-size",
         .heading = "Optimisation",
         .placeholder = "AMOUNT",
         .help = "how far a step goes; adam's is of a range of 0 to 1",
         .field = field(&StyleOptions::step_size)},
        {.name = "step-decay",
         .heading = "Optimisation",
         .placeholder = "SHARE",
         .help = "how much smaller than its first a scale's last step is; 0: as large",
         .field = field(&StyleOptions::step_decay),
         .range = {0.0, 1.0}},
        {.name = "average",
         .heading = "Optimisation",
         .placeholder = "DECAY",
         .help = "decay of the running mean of the steps' pictures, which is the result; 0: the last picture is",
         .field = field(&StyleOptions::average),
         .range = {0.0, 0.9999, "0 (none) to 0.9999"}},
        {.name = "preview-every",
         .heading = "Watching and going on",
         .placeholder = "N",
         .help = "steps between pictures written to NAME.preview.EXT, of a film as input frames; 0: none",
         .field = field(&StyleOptions::preview_every),
         .range = {0, kMostSteps, "a number of steps, or 0 for none"},
         .shapes_result = false,
         .from_recipe = false},
    };
    return table;
}

}  // namespace

const OptionTable<StyleOptions>& style_option_table() {
    static const OptionTable<StyleOptions> table = make_table();
    return table;
}

void validate(const StyleOptions& o) {
    require_layers("style-layers", o.style_layers);
    if (!o.content_layers.empty()) {
        require_layers("content-layers", o.content_layers);
    } else if (o.content_weight != 0.0) {
        throw Error(ErrorKind::Usage,
                    "{--content-layers} names no layer; name at least one, or give {--content-weight} 0");
    }
    require_in_range(style_option_table(), o);
    require_in_range("step-size", o.step_size, {1e-6, o.optimizer == StyleOptimizer::Adam ? 1.0 : 1e6});
    require_in_range("falloff", o.falloff, {0.0, 10.0});
    require_in_range("tv_chroma", o.tv_chroma, {0.0, 1e12, "0 or a number above it"});
    require_in_range("pooling_gain", o.pooling_gain, {0.01, 100.0});
}

}  // namespace reverie
