#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "reverie/techniques/style.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

constexpr StylePreset kPresets[] = {StylePreset::Reverie, StylePreset::Crowsonkb, StylePreset::Gatys,
                                    StylePreset::NeuralStyle, StylePreset::Chollet2e};

TEST(StyleRecipes, EveryRecipeIsValidAndItsOwn) {
    for (const StylePreset preset : kPresets) {
        const StyleOptions recipe = style_recipe(preset);
        EXPECT_EQ(static_cast<int>(recipe.preset), static_cast<int>(preset));
        EXPECT_NO_THROW(validate(recipe));
        EXPECT_EQ(recipe.style_layers.size(), preset == StylePreset::Reverie ? 4U : 5U);
        EXPECT_EQ(recipe.content_layers.size(), 1U);
        EXPECT_EQ(recipe.palette > 0.0, preset == StylePreset::Reverie);
        EXPECT_EQ(recipe.step_decay > 0.0, preset == StylePreset::Reverie);
        EXPECT_EQ(recipe.patience, 0);
    }
}

TEST(StyleRecipes, AreAsPublished) {
    const StyleOptions crowsonkb = style_recipe(StylePreset::Crowsonkb);
    EXPECT_EQ(crowsonkb.style_layers.front(), (LayerWeight{"relu1_1", 256}));
    EXPECT_EQ(crowsonkb.style_layers.back(), (LayerWeight{"relu5_1", 1}));
    EXPECT_EQ(crowsonkb.content_weight, 0.015);
    EXPECT_EQ(crowsonkb.tv, 2.0);
    EXPECT_EQ(crowsonkb.step_size, 0.02);
    EXPECT_EQ(crowsonkb.average, 0.99);
    EXPECT_EQ(crowsonkb.first_steps, 1000);
    EXPECT_EQ(crowsonkb.steps, 500);
    EXPECT_TRUE(crowsonkb.padding == StylePadding::ReplicateFirst);
    EXPECT_TRUE(crowsonkb.pooling == Pooling::Max && crowsonkb.statistic == StyleStatistic::W2);

    const StyleOptions gatys = style_recipe(StylePreset::Gatys);
    EXPECT_EQ(gatys.content_weight / gatys.style_weight, 1e-3);
    EXPECT_EQ(gatys.style_layers[2], (LayerWeight{"relu3_1", 0.2}));
    EXPECT_EQ(gatys.content_layers[0].tap, "relu4_2");
    EXPECT_TRUE(gatys.pooling == Pooling::Average && gatys.optimizer == StyleOptimizer::Lbfgs);
    EXPECT_EQ(gatys.pooling_gain, 1.0);

    const StyleOptions neural_style = style_recipe(StylePreset::NeuralStyle);
    EXPECT_EQ(neural_style.content_weight, 5);
    EXPECT_EQ(neural_style.style_weight, 100);
    EXPECT_EQ(neural_style.tv, 1e-3);
    EXPECT_TRUE(neural_style.init == StyleInit::Noise && neural_style.statistic == StyleStatistic::Gram);

    const StyleOptions chollet = style_recipe(StylePreset::Chollet2e);
    EXPECT_EQ(chollet.content_layers[0].tap, "relu5_2");
    EXPECT_EQ(chollet.steps, 4000);
    EXPECT_TRUE(chollet.optimizer == StyleOptimizer::GradientDescent && chollet.init == StyleInit::Content);
    EXPECT_TRUE(chollet.padding == StylePadding::Zero);
}

TEST(StyleRecipes, WrongOptionsAreNamedByTheirFlags) {
    const std::pair<const char*, std::function<void(StyleOptions&)>> wrong[] = {
        {"--style-layers names no layer", [](StyleOptions& o) { o.style_layers.clear(); }},
        {"--content-layers names no layer", [](StyleOptions& o) { o.content_layers.clear(); }},
        {"--style-layers relu1_1 has the weight", [](StyleOptions& o) { o.style_layers[0].weight = 0; }},
        {"--content-layers names relu2_2 twice",
         [](StyleOptions& o) { o.content_layers.push_back(o.content_layers[0]); }},
        {"--content-weight", [](StyleOptions& o) { o.content_weight = -1; }},
        {"--style-weight", [](StyleOptions& o) { o.style_weight = std::numeric_limits<double>::quiet_NaN(); }},
        {"--palette", [](StyleOptions& o) { o.palette = -0.1; }},
        {"--tv ", [](StyleOptions& o) { o.tv = std::numeric_limits<double>::infinity(); }},
        {"tv_chroma", [](StyleOptions& o) { o.tv_chroma = -1; }},
        {"--strength", [](StyleOptions& o) { o.strength = 1.5; }},
        {"--style-scale", [](StyleOptions& o) { o.style_scale = 0; }},
        {"--min-size", [](StyleOptions& o) { o.min_size = 15; }},
        {"--steps", [](StyleOptions& o) { o.steps = 0; }},
        {"--first-steps", [](StyleOptions& o) { o.first_steps = -1; }},
        {"--patience", [](StyleOptions& o) { o.patience = -1; }},
        {"--step-size", [](StyleOptions& o) { o.step_size = 2.0; }},
        {"--step-decay", [](StyleOptions& o) { o.step_decay = 1.1; }},
        {"--content-network-share", [](StyleOptions& o) { o.content_network_share = -0.1; }},
        {"--average", [](StyleOptions& o) { o.average = 1.0; }},
        {"--preview-every", [](StyleOptions& o) { o.preview_every = -1; }},
        {"pooling_gain", [](StyleOptions& o) { o.pooling_gain = 0.0; }},
    };
    for (const auto& [words, spoil] : wrong) {
        StyleOptions options = style_recipe(StylePreset::Reverie);
        spoil(options);
        const std::string message = test::expect_error(ErrorKind::Usage, [&] { validate(options); });
        EXPECT_NE(message.find(words), std::string::npos) << message;
    }
    StyleOptions styled_only = style_recipe(StylePreset::Reverie);
    styled_only.content_layers.clear();
    styled_only.content_weight = 0.0;
    EXPECT_NO_THROW(validate(styled_only));
}

}  // namespace
}  // namespace reverie
