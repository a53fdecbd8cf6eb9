#include "nn/layer_weights.h"
#include "reverie/techniques/dream.h"

namespace reverie {
namespace {

const Choices<ColorBasis>& color_bases() {
    static const Choices<ColorBasis> choices = {
        {"natural", ColorBasis::Natural}, {"rgb", ColorBasis::Rgb}, {"luma", ColorBasis::Luma}};
    return choices;
}

template <typename T>
OptionField<DreamOptions> field(T DreamOptions::*member) {
    return option_field<DreamOptions>(member);
}

OptionTable<DreamOptions> make_table() {
    const std::string heading = "Dream";
    return {
        {.name = "layers",
         .heading = heading,
         .placeholder = "NAME[=WEIGHT]",
         .help = "what is amplified; a negative weight quietens; names: see {--list-layers}",
         .field = layers_field<DreamOptions>("layers", &DreamOptions::layers)},
        {.name = "octaves",
         .heading = heading,
         .placeholder = "N",
         .help = "scales, from small to the full size; 0: as many as the size allows",
         .field = field(&DreamOptions::octaves),
         .range = {0, 64, "0 (by size) to 64"}},
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
         .help = "change per step, RMS over the picture, of a range of 0 to 1",
         .field = field(&DreamOptions::step_size),
         .range = {1e-6, 1}},
        {.name = "jitter",
         .heading = heading,
         .placeholder = "PX",
         .help = "each step looks at the picture shifted by up to so much",
         .field = field(&DreamOptions::jitter),
         .range = {0, 512, "0 to 512 pixels"}},
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
        {.name = "preview-every",
         .heading = heading,
         .placeholder = "N",
         .help = "steps between pictures written to NAME.preview.EXT; 0: none",
         .field = field(&DreamOptions::preview_every),
         .range = {0, 1e6, "a number of steps, or 0 for none"},
         .shapes_result = false},
    };
}

}  // namespace

const OptionTable<DreamOptions>& dream_option_table() {
    static const OptionTable<DreamOptions> table = make_table();
    return table;
}

void validate(const DreamOptions& o) {
    require_layers("layers", o.layers, LayerSigns::Any);
    require_in_range(dream_option_table(), o);
    require_in_range("smallest", static_cast<double>(o.smallest), {16, 1e6, "16 pixels or more"});
    require_in_range("margin", static_cast<double>(o.margin), {0, 1e4, "0 pixels or more"});
    require_in_range("decay", o.decay, {0, 1});
    require_in_range("band_ratio", o.band_ratio, {0.01, 100});
    require_in_range("residual", o.residual, {0, 100});
    require_in_range("color_power", o.color_power, {0, 4});
    require_in_range("headroom", o.headroom, {0, 1});
    require_in_range("channel_balance", o.channel_balance, {0, 1e6});
}

}  // namespace reverie
