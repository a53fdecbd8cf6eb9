#include <algorithm>
#include <string>
#include <vector>

#include "reverie/techniques/dream.h"

namespace reverie {
namespace {

// Found by eye on landscapes, faces, animals, buildings and still lifes (docs/deepdream.md shows them). Where a net's
// weights were not to be had, its recipe is by analogy, and says so.
DreamOptions tuned_recipe(const std::string& network) {
    DreamOptions recipe;
    const auto is = [&](const char* prefix) { return network.starts_with(prefix); };
    if (is("inception_v3")) {  // by analogy: the layers of Chollet's book, balanced; its smallest input is 75 pixels
        recipe.layers = {{"Mixed_6b", 1.0}, {"Mixed_6c", 1.0}, {"Mixed_6d", 1.0}, {"Mixed_6e", 0.7}};
        recipe.smallest = 150;
        recipe.octave_scale = 1.4;
    } else if (network ==
               "vgg16_hed") {  // edges first: its deep layers draw dots unless their quiet channels are raised
        recipe.layers = {{"relu3_3", 1.0}, {"relu4_2", 1.0}};
        recipe.channel_balance = 0.005;
        recipe.smallest = 90;
        recipe.octave_scale = 1.5;
        recipe.smooth = 1.2;
        recipe.laplacian = 3;
        recipe.band_ratio = 1.1;
    } else if (is("vgg")) {  // by analogy: a middle layer with deeper ones
        const std::string middle = is("vgg19") ? "relu4_4" : "relu4_3";
        recipe.layers = {{middle, 0.7}, {"relu5_1", 1.0}, {"relu5_3", 0.7}};
        recipe.octave_scale = 1.4;
        recipe.smooth = 1.0;
    } else if (is("googlenet")) {  // by analogy: the layers of the first dreams and their neighbours
        recipe.layers = {{"inception4c", 1.0}, {"inception4d", 1.0}, {"inception4e", 0.7}};
        recipe.octave_scale = 1.4;
    } else if (is("resnet")) {  // by analogy: the third stage and the first of the fourth
        recipe.layers = {{"layer3.1", 1.0}, {"layer3.4", 1.0}, {"layer4.0", 0.7}};
        recipe.octave_scale = 1.4;
    } else if (is("efficientnet_lite1") || is("efficientnet_lite2")) {  // as Lite0's, in stages of more blocks
        recipe.layers = {{"block13.expand", 1.0}, {"block15.expand", 1.0}, {"block18.expand", 0.7}};
    } else {  // efficientnet_lite0: its expanded activations draw fur and whole animals, its narrow outputs only dots
        recipe.layers = {{"block9.expand", 1.0}, {"block11.expand", 1.0}, {"block13.expand", 0.7}};
    }
    return recipe;
}

/// A net's layers, by the first letters of its name.
struct NetLayers {
    std::string network;
    std::vector<std::string> layers;
};

/// The first that fit, weighed.
std::vector<DreamTarget> weighed(const std::string& network, const std::vector<double>& weights,
                                 const std::vector<NetLayers>& nets) {
    const auto found =
        std::ranges::find_if(nets, [&](const NetLayers& net) { return network.starts_with(net.network); });
    std::vector<DreamTarget> layers;
    for (std::size_t i = 0; i < found->layers.size(); ++i) {
        layers.push_back({found->layers[i], weights[i]});
    }
    return layers;
}

// Beside a publication's own net stand others with layers alike in depth and stride; the last line is any other's,
// which is efficientnet_lite0.

/// What the publications have in common: none knows a pyramid of gradients, a basis of colours or the photo's tones,
/// and all but Chollet's roll the picture.
DreamOptions published(DreamPreset preset) {
    DreamOptions recipe;
    recipe.preset = preset;
    recipe.decay = 0.0;
    recipe.jitter = 32;
    recipe.margin = 0;
    recipe.laplacian = 0;
    recipe.focus = 0.0;
    recipe.calm = 0.0;
    recipe.smooth = 0.0;
    recipe.color_basis = ColorBasis::Rgb;
    recipe.headroom = 0.0;
    recipe.tone = 0.0;
    recipe.formula.edges = DreamFormula::Edges::Rolled;
    recipe.formula.balance_layers = false;
    return recipe;
}

/// Both editions of Chollet's book, whose pixels go from -1 to 1.
DreamOptions chollet(DreamPreset preset, const std::string& network) {
    DreamOptions recipe = published(preset);
    recipe.octaves = 3;
    recipe.octave_scale = 1.4;
    recipe.jitter = 0;
    recipe.formula.border = 2;
    recipe.formula.pyramid = DreamFormula::Pyramid::Down;
    recipe.formula.carry = DreamFormula::Carry::DetailAfter;
    recipe.formula.clamp = DreamFormula::Clamp::End;
    recipe.formula.pixel_range = {2, 2, 2};
    recipe.formula.pool_padding = false;
    const bool first = preset == DreamPreset::Chollet1e;
    if (first) {
        recipe.layers =
            weighed(network, {0.2, 3.0, 2.0, 1.5},
                    {{"inception_v3", {"mixed2", "mixed3", "mixed4", "mixed5"}},
                     {"googlenet",
                      {"inception_3b/output", "inception_4a/output", "inception_4b/output", "inception_4c/output"}},
                     {"resnet", {"layer2.3", "layer3.0", "layer3.1", "layer3.2"}},
                     {"vgg", {"relu3_3", "relu4_2", "relu4_3", "relu5_1"}},
                     {"efficientnet_lite1", {"block7.expand", "block8.expand", "block11.expand", "block12.expand"}},
                     {"efficientnet_lite2", {"block7.expand", "block8.expand", "block11.expand", "block12.expand"}},
                     {"", {"block5.expand", "block6.expand", "block8.expand", "block9.expand"}}});
        recipe.steps = 20;
        recipe.step_size = 0.01;
        recipe.formula.border_in_mean = true;
        recipe.formula.scaling = DreamFormula::Scaling::Corners;
        recipe.formula.step = DreamFormula::Step::MeanAbsolute;
        recipe.formula.stop_after_step = false;
    } else {
        recipe.layers =
            weighed(network, {1.0, 1.5, 2.0, 2.5},
                    {{"inception_v3", {"mixed4", "mixed5", "mixed6", "mixed7"}},
                     {"googlenet",
                      {"inception_4b/output", "inception_4c/output", "inception_4d/output", "inception_4e/output"}},
                     {"resnet", {"layer3.1", "layer3.2", "layer3.3", "layer3.4"}},
                     {"vgg", {"relu4_3", "relu5_1", "relu5_2", "relu5_3"}},
                     {"efficientnet_lite1", {"block12.expand", "block13.expand", "block14.expand", "block15.expand"}},
                     {"efficientnet_lite2", {"block12.expand", "block13.expand", "block14.expand", "block15.expand"}},
                     {"", {"block8.expand", "block9.expand", "block10.expand", "block11.expand"}}});
        recipe.steps = 30;
        recipe.step_size = 20.0;
        recipe.formula.scaling = DreamFormula::Scaling::Linear;
        recipe.formula.step = DreamFormula::Step::Length;
    }
    // Other nets' activations are of another size, so the bound would stop them at once or never.
    if (network.starts_with("inception_v3")) {
        recipe.stop_above = first ? 10.0 : 15.0;
    }
    return recipe;
}

DreamOptions google(const std::string& network) {
    DreamOptions recipe = published(DreamPreset::Google);
    recipe.layers = weighed(network, {1.0},
                            {{"inception_v3", {"mixed5"}},
                             {"googlenet", {"inception_4c/output"}},
                             {"resnet", {"layer3.3"}},
                             {"vgg", {"relu4_3"}},
                             {"efficientnet_lite1", {"block13.expand"}},
                             {"efficientnet_lite2", {"block13.expand"}},
                             {"", {"block9.expand"}}});
    recipe.octaves = 4;
    recipe.octave_scale = 1.4;
    recipe.steps = 10;
    recipe.step_size = 1.5;
    recipe.formula.measure = DreamFormula::Measure::HalfSquareSum;
    recipe.formula.pyramid = DreamFormula::Pyramid::Chained;
    recipe.formula.scaling = DreamFormula::Scaling::Corners;
    recipe.formula.step = DreamFormula::Step::MeanAbsolute;
    recipe.formula.clamp = DreamFormula::Clamp::Steps;
    recipe.formula.pixel_range = {255, 255, 255};
    return recipe;
}

DreamOptions gordic(const std::string& network) {
    DreamOptions recipe = published(DreamPreset::Gordic);
    recipe.layers = weighed(network, {1.0},
                            {{"inception_v3", {"mixed4"}},
                             {"googlenet", {"inception_3b/output"}},
                             {"resnet", {"layer3.5"}},
                             {"vgg", {"relu4_3"}},
                             {"efficientnet_lite1", {"block13.expand"}},
                             {"efficientnet_lite2", {"block13.expand"}},
                             {"", {"block9.expand"}}});
    recipe.octaves = 4;
    recipe.octave_scale = 1.8;
    recipe.steps = 10;
    recipe.step_size = 0.09;
    recipe.smooth = 0.5;
    recipe.detail = 0.0;
    recipe.formula.growing_blur = true;
    recipe.formula.scaling = DreamFormula::Scaling::Linear;
    recipe.formula.step = DreamFormula::Step::Deviation;
    recipe.formula.clamp = DreamFormula::Clamp::Steps;
    recipe.formula.pixel_range = {1 / 0.229, 1 / 0.224, 1 / 0.225};
    return recipe;
}

DreamOptions neural_dream(const std::string& network) {
    DreamOptions recipe = published(DreamPreset::NeuralDream);
    recipe.layers = weighed(network, {1000.0},
                            {{"inception_v3", {"mixed5"}},
                             {"googlenet", {"inception_4d/3x3_reduce"}},
                             {"resnet", {"layer3.4"}},
                             {"vgg", {"relu5_1"}},
                             {"efficientnet_lite1", {"block14.expand"}},
                             {"efficientnet_lite2", {"block14.expand"}},
                             {"", {"block10.expand"}}});
    recipe.octaves = 2;
    recipe.octave_scale = 1 / 0.6;
    recipe.steps = 51;  // its counter starts one late: 50 are asked for
    recipe.step_size = 1.5;
    recipe.detail = 0.0;
    recipe.formula.measure = DreamFormula::Measure::Norm;
    recipe.formula.pyramid = DreamFormula::Pyramid::Down;
    recipe.formula.scaling = DreamFormula::Scaling::Corners;
    recipe.formula.carry = DreamFormula::Carry::FullSize;
    recipe.formula.step = DreamFormula::Step::Adam;
    recipe.formula.clamp = DreamFormula::Clamp::End;
    recipe.formula.pixel_range = {256, 256, 256};
    recipe.formula.passes = 10;
    return recipe;
}

}  // namespace

DreamOptions dream_recipe(const std::string& network, DreamPreset preset) {
    switch (preset) {
        case DreamPreset::Chollet2e:
        case DreamPreset::Chollet1e:
            return chollet(preset, network);
        case DreamPreset::Google:
            return google(network);
        case DreamPreset::Gordic:
            return gordic(network);
        case DreamPreset::NeuralDream:
            return neural_dream(network);
        case DreamPreset::Reverie:
            break;
    }
    return tuned_recipe(network);
}

void start_from(DreamInit init, DreamOptions& options) {
    options.init = init;
    if (init == DreamInit::Noise) {
        options.detail = 0.0;
        options.tone = 0.0;
        options.calm = 0.0;
    }
}

// Found by eye on efficientnet_lite0; the kind of step, its size for a spectrum and the turns are those of the
// publications.
void set_parameterization(DreamParameterization parameterization, DreamOptions& options) {
    options.parameterization = parameterization;
    if (parameterization == DreamParameterization::Pixels) {
        return;
    }
    const bool phases = parameterization == DreamParameterization::Maco;
    options.smallest = 192;
    options.octave_scale = 1.4;
    options.step_size = phases ? 0.3 : 0.05;
    options.decay = 0.9;
    options.robust = 1.0;
    options.smooth = 0.0;
    options.laplacian = 0;
    options.focus = 0.0;
    options.color_basis = ColorBasis::Natural;
    options.tone = 0.0;
}

}  // namespace reverie
