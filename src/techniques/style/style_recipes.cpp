#include <algorithm>
#include <cmath>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/style.h"

namespace reverie {
namespace {

constexpr std::int64_t kOneScale = 1 << 20;  // larger than any picture: the first scale is the last
constexpr std::int64_t kMostSteps = 1'000'000;
constexpr std::int64_t kSmallestSide = 16;

/// The five layers of the first convolution in every block.
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

void require(bool ok, const std::string& sentence) {
    if (!ok) {
        throw Error(ErrorKind::Usage, sentence);
    }
}

bool in(double x, double low, double high) { return x >= low && x <= high; }

void validate_layers(const std::vector<LayerWeight>& layers, const std::string& flag) {
    for (auto layer = layers.begin(); layer != layers.end(); ++layer) {
        require(std::isfinite(layer->weight) && layer->weight > 0.0,
                flag + " " + layer->tap + " has the weight " + human_number(layer->weight) +
                    "; wanted a number above 0, or leave the layer out");
        const auto same = [&](const LayerWeight& other) { return other.tap == layer->tap; };
        require(std::none_of(layers.begin(), layer, same),
                flag + " names " + layer->tap + " twice; name it once, with one weight");
    }
}

}  // namespace

StyleOptions style_recipe(StylePreset preset) {
    StyleOptions recipe;
    switch (preset) {
        case StylePreset::Reverie:  // the struct's defaults, found by eye (docs/styletransfer.md shows pictures)
            recipe.style_layers = first_layers({64, 64, 32, 8, 2});
            recipe.content_layers = {{"relu4_2", 1.0}};
            recipe.pooling = Pooling::Average;
            recipe.pooling_gain = 2.0;
            break;
        case StylePreset::Crowsonkb:
            recipe = published(preset);
            recipe.style_layers = first_layers({256, 64, 16, 4, 1});
            recipe.content_layers = {{"relu4_2", 1.0}};
            recipe.content_weight = 0.015;
            recipe.tv = 2.0;
            recipe.first_steps = 1000;
            recipe.steps = 500;
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

void validate(const StyleOptions& o) {
    require(!o.style_layers.empty(), "--style-layers names no layer; name at least one (--list-layers shows them all)");
    require(!o.content_layers.empty() || o.content_weight == 0.0,
            "--content-layers names no layer; name at least one, or give --content-weight 0");
    validate_layers(o.style_layers, "--style-layers");
    validate_layers(o.content_layers, "--content-layers");

    const auto weight = [](const char* flag, double value) {
        require(in(value, 0.0, 1e12),
                std::string(flag) + " is " + human_number(value) + "; wanted 0 or a number above it");
    };
    weight("--content-weight", o.content_weight);
    weight("--style-weight", o.style_weight);
    weight("--palette", o.palette);
    weight("--tv", o.tv);
    const auto range = [](const char* flag, auto value, auto low, auto high, const std::string& wanted) {
        require(value >= low && value <= high, std::string(flag) + " " + human_number(static_cast<double>(value)) +
                                                   " is out of range; wanted " + wanted);
    };
    range("--strength", o.strength, 0.0, 1.0, "0 to 1");
    range("--style-scale", o.style_scale, 0.05, 20.0, "0.05 to 20");
    range("--min-size", o.min_size, kSmallestSide, kOneScale,
          std::to_string(kSmallestSide) + " to " + std::to_string(kOneScale) + " pixels");
    range("--steps", o.steps, std::int64_t{1}, kMostSteps, "1 to " + std::to_string(kMostSteps));
    range("--first-steps", o.first_steps, std::int64_t{0}, kMostSteps,
          "1 to " + std::to_string(kMostSteps) + ", or 0 for as many as --steps");
    range("--patience", o.patience, std::int64_t{0}, kMostSteps, "a number of steps, or 0 to never end a scale early");
    const bool adam = o.optimizer == StyleOptimizer::Adam;
    range("--step-size", o.step_size, 1e-6, adam ? 1.0 : 1e6, adam ? "0.000001 to 1" : "0.000001 to 1000000");
    range("--average", o.average, 0.0, 0.9999, "0 (none) to 0.9999");
    range("--preview-every", o.preview_every, std::int64_t{0}, kMostSteps, "a number of steps, or 0 for none");
    range("falloff", o.falloff, 0.0, 10.0, "0 to 10");
    range("tv_chroma", o.tv_chroma, 0.0, 1e12, "0 or a number above it");
    range("pooling_gain", o.pooling_gain, 0.01, 100.0, "0.01 to 100");
}

}  // namespace reverie
