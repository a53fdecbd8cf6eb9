#include "cli/style/style_flags.h"

#include <algorithm>
#include <system_error>

#include "cli/pictures/layers.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

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

const Choices<StyleInit>& inits() {
    static const Choices<StyleInit> choices = {
        {"content", StyleInit::Content}, {"style", StyleInit::Style}, {"noise", StyleInit::Noise}};
    return choices;
}

std::string typed(const std::vector<LayerWeight>& layers) { return join(layer_texts(layers), " ", " "); }

/// The factor that keeps the activations' size where a recipe's own pooling is replaced; the papers' nets have none.
double pooling_gain(StylePreset preset, Pooling pooling) {
    const bool kept = preset == StylePreset::Reverie || preset == StylePreset::Crowsonkb;
    if (!kept || pooling == Pooling::Max) {
        return 1.0;
    }
    return pooling == Pooling::Average ? 2.0 : 0.78;
}

/// A step of one rule means nothing to another.
double step_size(StyleOptimizer optimizer) {
    switch (optimizer) {
        case StyleOptimizer::Adam:
            return style_recipe(StylePreset::Reverie).step_size;
        case StyleOptimizer::Lbfgs:
            return style_recipe(StylePreset::Gatys).step_size;
        case StyleOptimizer::GradientDescent:
            break;
    }
    throw Error(ErrorKind::Usage,
                "--optimizer gradient-descent takes steps as large as the losses' slopes; say how large with "
                "--step-size");
}

}  // namespace

std::vector<std::string> style_networks() { return {"vgg19", "vgg16", "vgg16_hed"}; }

void add_flags(CLI::App& app, StyleFlags& flags) {
    const StyleOptions recipe = style_recipe(StylePreset::Reverie);

    FlagGroup style(app, "Style");
    style.add_paths("--style", flags.styles, "IMAGE[=WEIGHT]",
                    "whose style: a picture, or a folder whose pictures' mean is taken; several are blended by weight");
    style.add_paths("--style-coarse", flags.coarse, "IMAGE[=WEIGHT]", "a style for the large structures only");
    style.add_paths("--style-fine", flags.fine, "IMAGE[=WEIGHT]", "a style for the small structures only");
    style.add("--each-style", flags.each_style,
              "every input with every --style alone, into OUT/STYLE/INPUT, instead of all styles blended");
    style.add("--style-scale", flags.style_scale, "RATIO",
              "size of the styles relative to the result: smaller makes finer strokes",
              number_text(recipe.style_scale));
    style.add("--strength", flags.strength, "SHARE", "how much of the style, from 0 (hardly) to 1 (fully)",
              number_text(recipe.strength));
    style.add_choice("--preset", flags.preset, presets(),
                     "whose recipe; the defaults below are those of reverie, the others bring their own");

    FlagGroup color(app, "Colour");
    color.add_choice("--color", flags.color, colors(),
                     "style: the style's; content: the input's colours under the result's lightness; luma: styled in "
                     "grey, the input's colour kept exactly; match, histogram: the style's colours made the input's "
                     "first",
                     choice_text(colors(), recipe.color));
    color.add("--only-color", flags.only_color,
              "give the input the style's colours and nothing else, at its own size; needs no net");
    color.add("--palette", flags.palette, "WEIGHT", "of the style's colours, relative to its layers together; 0: none",
              number_text(recipe.palette));

    FlagGroup regions(app, "Regions");
    regions.add_paths("--mask", flags.masks, "IMAGE",
                      "where a style applies: white there, black elsewhere; one for each style, in their order");
    regions.add("--protect", flags.protect, "IMAGE", "white where the input stays as it is");

    FlagGroup losses(app, "What counts");
    losses.add("--content-weight", flags.content_weight, "WEIGHT", "how much the input's content counts",
               number_text(recipe.content_weight));
    losses.add("--style-weight", flags.style_weight, "WEIGHT", "how much the style counts",
               number_text(recipe.style_weight));
    losses.add("--tv", flags.tv, "WEIGHT", "how much smoothness counts; 0: not at all", number_text(recipe.tv));
    losses.add_choice("--statistic", flags.statistic, statistics(), "what of the net's activations makes a style",
                      choice_text(statistics(), recipe.statistic));
    losses.add_list("--style-layers", flags.style_layers, "NAME[=WEIGHT]",
                    "where style is looked for; names: see --list-layers", typed(recipe.style_layers));
    losses.add_list("--content-layers", flags.content_layers, "NAME[=WEIGHT]", "where content is looked for",
                    typed(recipe.content_layers));
    losses.add_choice("--pooling", flags.pooling, poolings(), "how the net shrinks its maps",
                      choice_text(poolings(), recipe.pooling));

    FlagGroup work(app, "Optimisation");
    work.add("--min-size", flags.min_size, "PX", "longest side of the smallest scale; each is sqrt 2 larger",
             std::to_string(recipe.min_size));
    work.add("--steps", flags.steps, "N", "most per scale; fewer at large ones", std::to_string(recipe.steps));
    work.add("--first-steps", flags.first_steps, "N", "most at the smallest scale; 0: as --steps",
             std::to_string(recipe.first_steps));
    work.add("--patience", flags.patience, "N",
             "a scale ends when so many steps made its loss less than 1 % better; 0: never",
             std::to_string(recipe.patience));
    work.add_choice("--optimizer", flags.optimizer, optimizers(), "how pixels follow the gradient",
                    choice_text(optimizers(), recipe.optimizer));
    work.add("--step-size", flags.step_size, "AMOUNT", "how far a step goes; adam's is of a range of 0 to 1",
             number_text(recipe.step_size));
    work.add("--average", flags.average, "DECAY",
             "of the running mean of the steps' pictures, which is the result; 0: none", number_text(recipe.average));
    work.add("--init", flags.init, "content|style|noise|FILE", "what to start from", choice_text(inits(), recipe.init));

    FlagGroup watching(app, "Watching and going on");
    watching.add("--preview-every", flags.preview_every, "N",
                 "steps between pictures written to NAME.preview.EXT; 0: none");
    not_configurable(watching.add("--trace", flags.trace, "FILE",
                                  "write the losses of every step, a JSON line each, to a new file, which no other run "
                                  "may share"));
    not_configurable(
        watching.add("--checkpoint", flags.checkpoint, "FILE",
                     "keep the state of the work there, until it is done: a new file, which no other run may share"));
    watching.add("--checkpoint-every", flags.checkpoint_every, "N", "steps between states");
    not_configurable(
        watching.add("--resume", flags.resume,
                     "go on from the --checkpoint when it is there, to the very same picture, and leave out "
                     "what has its output already"));
}

void validate(const StyleFlags& flags) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); };
    if (flags.styles.empty() && (flags.coarse.empty() || flags.fine.empty())) {
        refuse(flags.coarse.empty() && flags.fine.empty()
                   ? "no style is given; pass --style IMAGE (a picture, or a folder of pictures)"
                   : "--style-coarse and --style-fine leave structures without a style; give both of them, or --style");
    }
    if (flags.each_style && !(flags.coarse.empty() && flags.fine.empty())) {
        refuse("--each-style takes each --style alone, so it excludes --style-coarse and --style-fine; leave one out");
    }
    const std::size_t styles = flags.styles.size() + flags.coarse.size() + flags.fine.size();
    if (!flags.masks.empty() && flags.masks.size() != styles) {
        refuse("--mask names " + std::to_string(flags.masks.size()) + ", but there are " + std::to_string(styles) +
               (styles == 1 ? " style" : " styles") +
               "; give one mask for each, in the order --style, --style-coarse, --style-fine");
    }
    if (flags.only_color) {
        if (styles > 1 && !flags.each_style) {
            refuse("--only-color takes the colours of one style, but " + std::to_string(styles) +
                   " are given; leave the others out, or add --each-style");
        }
    }
    if (flags.resume && flags.checkpoint.empty()) {
        refuse("--resume does not say from where; name the file with --checkpoint");
    }
    if (flags.checkpoint_every < 1) {
        refuse("--checkpoint-every " + std::to_string(flags.checkpoint_every) + " is out of range; wanted 1 or more");
    }
}

StyleOptions style_options(const StyleFlags& flags, std::uint64_t seed) {
    StyleOptions options = style_recipe(flags.preset);
    options.preset = flags.preset;
    if (!flags.style_layers.empty()) {
        options.style_layers = parse_layers("--style-layers", flags.style_layers);
    }
    if (!flags.content_layers.empty()) {
        options.content_layers = parse_layers("--content-layers", flags.content_layers);
    }
    take(options.style_scale, flags.style_scale);
    take(options.strength, flags.strength);
    take(options.statistic, flags.statistic);
    take(options.content_weight, flags.content_weight);
    take(options.style_weight, flags.style_weight);
    take(options.palette, flags.palette);
    take(options.tv, flags.tv);
    if (flags.pooling && *flags.pooling != options.pooling) {
        options.pooling = *flags.pooling;
        options.pooling_gain = pooling_gain(flags.preset, *flags.pooling);
    }
    take(options.color, flags.color);
    take(options.min_size, flags.min_size);
    if (flags.steps) {
        options.first_steps = 0;  // a recipe's own are meant for its own steps
    }
    take(options.steps, flags.steps);
    take(options.first_steps, flags.first_steps);
    take(options.patience, flags.patience);
    if (flags.optimizer && *flags.optimizer != options.optimizer) {
        options.optimizer = *flags.optimizer;
        options.step_size = flags.step_size ? *flags.step_size : step_size(*flags.optimizer);
    }
    take(options.step_size, flags.step_size);
    take(options.average, flags.average);
    for (const auto& [word, init] : inits()) {
        if (flags.init == word) {
            options.init = init;
        }
    }
    options.preview_every = flags.preview_every;
    options.seed = seed;
    validate(options);
    return options;
}

std::vector<Followers> style_followers() {
    Settings all;
    put_down(all, style_recipe(StylePreset::Reverie), StyleFlags());
    Followers of_preset{"preset", {}};
    for (const Setting& setting : all.all()) {
        if (setting.name != "preset" && setting.name != "seed") {
            of_preset.followers.push_back(setting.name);
        }
    }
    return {of_preset, {"optimizer", {"step-size"}}, {"steps", {"first-steps"}}};
}

std::optional<std::filesystem::path> init_file(const StyleFlags& flags) {
    std::vector<std::string> words;
    for (const auto& [word, init] : inits()) {
        words.push_back(word);
    }
    if (flags.init.empty() || std::find(words.begin(), words.end(), flags.init) != words.end()) {
        return std::nullopt;
    }
    std::error_code ignored;
    if (!std::filesystem::exists(flags.init, ignored)) {
        throw Error(ErrorKind::Usage, "--init '" + flags.init + "' is neither " + join(words, ", ", ", ") +
                                          " nor a file that exists" + did_you_mean(flags.init, words));
    }
    return flags.init;
}

void put_down(Settings& settings, const StyleOptions& options, const StyleFlags& flags) {
    settings.set("style-scale", options.style_scale);
    settings.set("strength", options.strength);
    settings.set("preset", choice_text(presets(), options.preset));
    settings.set("color", choice_text(colors(), options.color));
    settings.set("palette", options.palette);
    settings.set("content-weight", options.content_weight);
    settings.set("style-weight", options.style_weight);
    settings.set("tv", options.tv);
    settings.set("statistic", choice_text(statistics(), options.statistic));
    settings.set_list("style-layers", layer_texts(options.style_layers));
    settings.set_list("content-layers", layer_texts(options.content_layers));
    settings.set("pooling", choice_text(poolings(), options.pooling));
    settings.set("min-size", options.min_size);
    settings.set("steps", options.steps);
    settings.set("first-steps", options.first_steps);
    settings.set("patience", options.patience);
    settings.set("optimizer", choice_text(optimizers(), options.optimizer));
    settings.set("step-size", options.step_size);
    settings.set("average", options.average);
    const std::optional<std::filesystem::path> file = init_file(flags);
    settings.set("init", file ? file->filename().string() : choice_text(inits(), options.init));
    settings.set("seed", std::to_string(options.seed));
}

}  // namespace reverie
