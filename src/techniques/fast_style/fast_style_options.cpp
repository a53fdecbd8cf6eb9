#include <algorithm>
#include <limits>

#include "reverie/core/error.h"
#include "reverie/techniques/fast_style.h"

namespace reverie {
namespace {

/// The widths people choose from.
struct Width {
    const char* name;
    std::array<std::int64_t, 3> channels;
    std::int64_t ends;
};
constexpr std::array kWidths = {Width{"half", {16, 32, 64}, 5}, Width{"full", {32, 64, 128}, 9}};

OptionField<FastStyleOptions> width_field() {
    OptionField<FastStyleOptions> field;
    field.set = [](FastStyleOptions& options, const std::vector<std::string>& texts) {
        for (const Width& width : kWidths) {
            if (texts.size() == 1 && texts.front() == width.name) {
                options.net.channels = width.channels;
                options.net.ends = width.ends;
                return true;
            }
        }
        return false;
    };
    field.texts = [](const FastStyleOptions& options) {
        for (const Width& width : kWidths) {
            if (options.net.channels == width.channels && options.net.ends == width.ends) {
                return std::vector<std::string>{width.name};
            }
        }
        const auto& [full, half, quarter] = options.net.channels;
        return std::vector<std::string>{std::to_string(full) + "-" + std::to_string(half) + "-" +
                                        std::to_string(quarter) + " with ends of " + std::to_string(options.net.ends)};
    };
    for (const Width& width : kWidths) {
        field.words.emplace_back(width.name);
    }
    return field;
}

template <typename T>
OptionField<FastStyleOptions> field(T FastStyleOptions::*member) {
    return option_field<FastStyleOptions>(member);
}
template <typename T>
OptionField<FastStyleOptions> field(T StyleOptions::*member) {
    return option_field<FastStyleOptions>([member](auto& o) -> auto& { return o.style.*member; });
}

OptionTable<FastStyleOptions> make_table() {
    constexpr double kMost = std::numeric_limits<double>::max();
    const OptionRange at_least_zero{0.0, kMost, "a number of at least 0"};
    return {
        {.name = "net",
         .heading = "Model",
         .placeholder = "",
         .help = "how wide the net is: half has 16-32-64 channels and ends of 5x5, full 32-64-128 and 9x9: four times "
                 "the work, a little better",
         .field = width_field()},
        {.name = "content-weight",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "how much of the photo stays: more, and its objects are clearer",
         .field = field(&StyleOptions::content_weight),
         .range = at_least_zero},
        {.name = "palette",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "how closely colours follow the style's",
         .field = field(&StyleOptions::palette),
         .range = at_least_zero},
        {.name = "tv",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "smoothness: less grain, softer strokes",
         .field = field(&StyleOptions::tv),
         .range = at_least_zero},
        {.name = "style-scale",
         .heading = "Loss",
         .placeholder = "FACTOR",
         .help = "how large strokes are: the style is seen so many times as large as the pictures of --train-size",
         .field = field(&StyleOptions::style_scale),
         .range = {0.1, 10.0, "a factor from 0.1 to 10"}},
        {.name = "tone",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "how firmly what is light in the photo stays lighter than what is dark; 0: not at all",
         .field = field(&FastStyleOptions::tone),
         .range = at_least_zero},
        {.name = "lattice",
         .heading = "Loss",
         .placeholder = "WEIGHT",
         .help = "how firmly lines and dots 2, 4 and 8 pixels apart are kept out, which a net would else use",
         .field = field(&FastStyleOptions::lattice),
         .range = at_least_zero},
        {.name = "style-warmup",
         .heading = "Loss",
         .placeholder = "SHARE",
         .help = "share of the planned steps over which the style comes to count in full",
         .field = field(&FastStyleOptions::style_warmup),
         .range = {0.0, 1.0, "a share of the steps from 0 to 1"}},
        {.name = "train-size",
         .heading = "Pictures",
         .placeholder = "PX",
         .help = "side of the pictures that are painted while it learns; the first ones have half of it",
         .field = field(&FastStyleOptions::side),
         .range = {64.0, 1024.0, "64 to 1024 pixels"}},
        {.name = "least-crop",
         .heading = "Pictures",
         .placeholder = "SHARE",
         .help = "each shows a square out of a photo, whose side is drawn from this share of the photo's up to all",
         .field = field(&FastStyleOptions::least_crop),
         .range = {0.01, 1.0, "a share from 0.01 to 1"}},
        {.name = "drawn",
         .heading = "Pictures",
         .placeholder = "SHARE",
         .help = "share of pictures that are no photos but flat, shaded or grainy: so skies and walls stay calm",
         .field = field(&FastStyleOptions::drawn),
         .range = {0.0, 0.9, "a share from 0 to 0.9"}},
        {.name = "plain",
         .heading = "Pictures",
         .placeholder = "SHARE",
         .help = "share of photos with a part made black, white or of one colour: so shadows and skies are painted too",
         .field = field(&FastStyleOptions::plain),
         .range = {0.0, 1.0, "a share from 0 to 1"}},
        {.name = "learning-rate",
         .heading = "Training",
         .placeholder = "RATE",
         .help = "learning rate of the optimiser",
         .field = option_field<FastStyleOptions>([](auto& o) -> auto& { return o.optimizer.learning_rate; }),
         .range = {std::numeric_limits<double>::denorm_min(), kMost, "a number above 0"}},
    };
}

}  // namespace

FastStyleRecipe fast_style_recipe() {
    FastStyleRecipe recipe;
    recipe.options.style = style_recipe(StylePreset::Reverie);
    // The norms take the photo's own brightness and colours away: what is added to it could not make up for them, and
    // the palette would stay the photo's.
    recipe.options.net.adds_input = false;
    recipe.options.optimizer = {.kind = OptimizerKind::Muon, .learning_rate = 3e-3};
    recipe.training.batch = 1;
    recipe.training.steps = 6000;
    recipe.training.schedule = {.kind = Schedule::Cosine, .warmup_steps = 50};
    recipe.training.clip_norm = 0.2;  // flat pictures, which norms blow up, have gradients a million times as long
    recipe.training.average_half_life = 500;
    recipe.training.preview_every = 500;
    recipe.training.validate_every = 500;
    return recipe;
}

const OptionTable<FastStyleOptions>& fast_style_option_table() {
    static const OptionTable<FastStyleOptions> table = make_table();
    return table;
}

void validate(const FastStyleOptions& options) {
    validate(options.net);
    validate(options.style);
    require_in_range(fast_style_option_table(), options);
    if (options.style.preset != StylePreset::Reverie || options.style.strength != 1.0 ||
        options.style.color != StyleColor::Style) {
        throw Error(ErrorKind::Usage,
                    "a style net learns Reverie's formulas, the style's own colours and full strength; leave "
                    "{--preset}, {--color} and {--strength} as they are");
    }
}

}  // namespace reverie
