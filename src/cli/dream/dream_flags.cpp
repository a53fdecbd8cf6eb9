#include "cli/dream/dream_flags.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "cli/pictures/layers.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

const Choices<ColorBasis>& color_bases() {
    static const Choices<ColorBasis> choices = {
        {"natural", ColorBasis::Natural}, {"rgb", ColorBasis::Rgb}, {"luma", ColorBasis::Luma}};
    return choices;
}

/// What the recipes say, for the help: "4", or a line for each value where they differ.
std::string recipes_say(const std::function<std::string(const DreamOptions&)>& value) {
    std::vector<std::pair<std::string, std::vector<std::string>>> groups;  // value -> networks, in order
    for (const char* network : {"inception_v3", "efficientnet_lite0", "vgg19", "vgg16", "vgg16_hed"}) {
        const std::string text = value(dream_recipe(network));
        const auto group =
            std::find_if(groups.begin(), groups.end(), [&text](const auto& one) { return one.first == text; });
        if (group == groups.end()) {
            groups.push_back({text, {network}});
        } else {
            group->second.emplace_back(network);
        }
    }
    if (groups.size() == 1) {
        return groups.front().first;
    }
    std::string said;
    for (const auto& [text, networks] : groups) {
        said += "\n" + join(networks) + ": " + text;
    }
    return said;
}

std::string recipes_say(std::int64_t DreamOptions::*field) {
    return recipes_say([field](const DreamOptions& recipe) { return std::to_string(recipe.*field); });
}

std::string recipes_say(double DreamOptions::*field) {
    return recipes_say([field](const DreamOptions& recipe) { return number_text(recipe.*field); });
}

}  // namespace

std::vector<std::string> dream_networks() { return {"inception_v3", "efficientnet_lite0", "vgg16_hed"}; }

void add_flags(CLI::App& app, DreamFlags& flags) {
    FlagGroup group(app, "Dream");
    group.add_list("--layers", flags.layers, "NAME[=WEIGHT]",
                   "what is amplified; a negative weight quietens; names: see --list-layers",
                   recipes_say([](const DreamOptions& recipe) { return join(layer_texts(recipe.layers), ",", ","); }));
    group.add("--octaves", flags.octaves, "N", "scales, from small to the full size; 0: as many as the size allows",
              recipes_say(&DreamOptions::octaves));
    group.add("--octave-scale", flags.octave_scale, "RATIO", "size of one scale relative to the one before",
              recipes_say(&DreamOptions::octave_scale));
    group.add("--steps", flags.steps, "N", "steps per scale; 0: by the number of scales, fewer each the more there are",
              recipes_say(&DreamOptions::steps));
    group.add("--step-size", flags.step_size, "AMOUNT", "change per step, RMS over the picture, of a range of 0 to 1",
              recipes_say(&DreamOptions::step_size));
    group.add("--jitter", flags.jitter, "PX", "each step looks at the picture shifted by up to so much",
              recipes_say(&DreamOptions::jitter));
    group.add("--smooth", flags.smooth, "SIGMA", "blur of the gradient in pixels; 0: none",
              recipes_say(&DreamOptions::smooth));
    group.add("--laplacian", flags.laplacian, "LEVELS", "bands of the gradient brought to equal strength; 0: none",
              recipes_say(&DreamOptions::laplacian));
    group.add_choice(
        "--color-basis", flags.color_basis, color_bases(),
        "colours it may move in: those of photos, each channel for itself, lightness only",
        recipes_say([](const DreamOptions& recipe) { return choice_text(color_bases(), recipe.color_basis); }));
    group.add("--tone", flags.tone, "SHARE",
              "how far each step is pulled back to the photo's brightness and colour, 0 to 1",
              recipes_say(&DreamOptions::tone));
    group.add("--detail", flags.detail, "SHARE", "of the photo's detail put back at each scale, 0 to 1",
              recipes_say(&DreamOptions::detail));
    group.add("--preview-every", flags.preview_every, "N",
              "steps between pictures written to NAME.preview.EXT; 0: none");
}

DreamOptions dream_options(const DreamFlags& flags, const std::string& network, std::uint64_t seed) {
    DreamOptions options = dream_recipe(network);
    if (!flags.layers.empty()) {
        options.layers = parse_layers("--layers", flags.layers);
    }
    options.octaves = flags.octaves.value_or(options.octaves);
    options.octave_scale = flags.octave_scale.value_or(options.octave_scale);
    options.steps = flags.steps.value_or(options.steps);
    options.step_size = flags.step_size.value_or(options.step_size);
    options.jitter = flags.jitter.value_or(options.jitter);
    options.smooth = flags.smooth.value_or(options.smooth);
    options.laplacian = flags.laplacian.value_or(options.laplacian);
    options.color_basis = flags.color_basis.value_or(options.color_basis);
    options.tone = flags.tone.value_or(options.tone);
    options.detail = flags.detail.value_or(options.detail);
    options.preview_every = flags.preview_every;
    options.seed = seed;
    validate(options);
    return options;
}

void put_down(Settings& settings, const DreamOptions& options) {
    settings.set_list("layers", layer_texts(options.layers));
    settings.set("octaves", options.octaves);
    settings.set("octave-scale", options.octave_scale);
    settings.set("steps", options.steps);
    settings.set("step-size", options.step_size);
    settings.set("jitter", options.jitter);
    settings.set("smooth", options.smooth);
    settings.set("laplacian", options.laplacian);
    settings.set("color-basis", choice_text(color_bases(), options.color_basis));
    settings.set("tone", options.tone);
    settings.set("detail", options.detail);
    settings.set("seed", std::to_string(options.seed));
}

}  // namespace reverie
