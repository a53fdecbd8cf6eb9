#include "reverie/techniques/style.h"
#include "techniques/style/style_plan.h"

namespace reverie {
namespace {

/// The layers of the first convolution in every block, from the shallowest.
std::vector<LayerWeight> first_layers(const std::vector<double>& weights) {
    std::vector<LayerWeight> layers;
    for (const double weight : weights) {
        layers.push_back({"relu" + std::to_string(layers.size() + 1) + "_1", weight});
    }
    return layers;
}

/// What the publications have in common: none knows a palette, stops early or averages.
StyleOptions published(StylePreset preset) {
    StyleOptions recipe;
    recipe.preset = preset;
    recipe.palette = 0.0;
    recipe.tv_chroma = 1.0;
    recipe.patience = 0;
    recipe.average = 0.0;
    recipe.step_decay = 0.0;
    recipe.falloff = 0.0;
    recipe.style_scale = 1.0;
    recipe.padding = StylePadding::ReplicateFirst;
    return recipe;
}

/// One scale, Gram matrices, zeros around the picture.
StyleOptions classic(StylePreset preset) {
    StyleOptions recipe = published(preset);
    recipe.statistic = StyleStatistic::Gram;
    recipe.padding = StylePadding::Zero;
    recipe.min_size = kOneScale;
    return recipe;
}

}  // namespace

std::vector<LayerWeight> content_layers_of(const std::string& architecture) {
    if (architecture.starts_with("vgg")) {
        return {{"relu2_2", 1.0}};
    }
    if (architecture.starts_with("efficientnet_lite")) {
        return {{"block2", 1.0}, {"block4", 1.0}};
    }
    return {};
}

StyleOptions style_recipe(StylePreset preset) {
    StyleOptions recipe;
    switch (preset) {
        case StylePreset::Reverie:  // the struct's defaults, found by eye (docs/styletransfer.md shows pictures)
            recipe.style_layers = first_layers({64, 64, 40, 12});
            recipe.content_layers = {{"relu2_2", 1.0}};
            break;
        case StylePreset::Crowsonkb:
            recipe = published(preset);
            recipe.style_layers = first_layers({256, 64, 16, 4, 1});
            recipe.content_layers = {{"relu4_2", 1.0}};
            recipe.content_weight = 0.015;
            recipe.tv = 2.0;
            recipe.first_steps = 1000;
            recipe.steps = 500;
            recipe.step_size = 0.02;
            recipe.average = 0.99;
            break;
        case StylePreset::Gatys:  // the paper leaves the number of steps open
            recipe = classic(preset);
            recipe.style_layers = first_layers({0.2, 0.2, 0.2, 0.2, 0.2});
            recipe.content_layers = {{"relu4_2", 1.0}};
            recipe.content_weight = 1e-3;  // alpha / beta
            recipe.tv = 0.0;
            recipe.pooling = Pooling::Average;
            recipe.steps = 1000;
            recipe.optimizer = StyleOptimizer::Lbfgs;
            recipe.step_size = 1.0;
            recipe.init = StyleInit::Noise;
            break;
        case StylePreset::NeuralStyle:
            recipe = classic(preset);
            recipe.style_layers = first_layers({1, 1, 1, 1, 1});
            recipe.content_layers = {{"relu4_2", 1.0}};
            recipe.content_weight = 5.0;
            recipe.style_weight = 100.0;
            recipe.tv = 1e-3;
            recipe.steps = 1000;
            recipe.optimizer = StyleOptimizer::Lbfgs;
            recipe.step_size = 1.0;
            recipe.init = StyleInit::Noise;
            break;
        case StylePreset::Chollet2e:
            recipe = classic(preset);
            recipe.style_layers = first_layers({0.2, 0.2, 0.2, 0.2, 0.2});
            recipe.content_layers = {{"relu5_2", 1.0}};
            recipe.content_weight = 2.5e-8;
            recipe.style_weight = 1e-6;
            recipe.tv = 1e-6;
            recipe.steps = 4000;
            recipe.optimizer = StyleOptimizer::GradientDescent;
            recipe.step_size = 100.0;  // of pixels from 0 to 255
            break;
    }
    return recipe;
}

}  // namespace reverie
