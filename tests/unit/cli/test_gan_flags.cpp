#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "cli/gan/gan_flags.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

const Size kSize = {24, 20};

GanRecipe recipe_of(const std::string& name) {
    const Size size = name == "reverie"       ? kSize
                      : name == "chollet1e"   ? Size{32, 32}
                      : name == "pytorch-cpp" ? Size{28, 28}
                                              : Size{64, 64};
    return gan_recipe(name, size, name == "pytorch-cpp" ? 1 : 3, 500);
}

/// What a command line means over a recipe.
GanOptions options_of(const std::vector<std::string>& words, const std::string& preset = "reverie") {
    GanFlags flags;
    CLI::App app("test", "gan");
    add_flags(app, flags);
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    return gan_options(flags, recipe_of(preset), {"a", "b", "c"});
}

std::string text_in(const RunOptions& options, const std::string& name) {
    const auto found = std::ranges::find(options, name, &RunOptions::value_type::first);
    return found == options.end() ? "" : found->second;
}

TEST(GanFlags, TheLearningRateAloneChangesBoth) {
    const GanOptions recipe = recipe_of("reverie").options;
    const double rate = 3.0 * recipe.generator.learning_rate;
    const GanOptions both = options_of({"--learning-rate", number_text(rate)});
    EXPECT_EQ(both.generator.learning_rate, rate);
    EXPECT_NEAR(both.discriminator.learning_rate, 3.0 * recipe.discriminator.learning_rate, 1e-12);
    const GanOptions own = options_of({"--discriminator-learning-rate", "0.007", "--learning-rate", number_text(rate)});
    EXPECT_EQ(own.generator.learning_rate, rate);
    EXPECT_EQ(own.discriminator.learning_rate, 0.007);
}

TEST(GanFlags, LabelsMoveTowardsTheOthers) {
    const GanOptions options =
        options_of({"--loss", "non-saturating", "--label-smoothing", "0.1", "--label-noise", "0.05"});
    EXPECT_NEAR(options.real_labels.low, 0.85, 1e-12);
    EXPECT_NEAR(options.real_labels.high, 0.9, 1e-12);
    EXPECT_EQ(options.fake_labels.low, 0.0);
    EXPECT_EQ(options.fake_labels.high, 0.05);
}

TEST(GanFlags, WidthsAreOfBothUnlessNamed) {
    const GanOptions options = options_of({"--width", "8", "--discriminator-width", "12"});
    EXPECT_EQ(options.net.generator_width, 8);
    EXPECT_EQ(options.net.discriminator_width, 12);
    EXPECT_EQ(options_of({}).net.classes, 0);
    EXPECT_EQ(options_of({"--conditional"}).net.classes, 3);
}

TEST(GanFlags, AugmentationIsFixedOrFollowsATarget) {
    const GanOptions fixed = options_of({"--augment", "cutout", "--augment-probability", "0.3"});
    EXPECT_EQ(fixed.augment, (AugmentKinds{.cutout = true}));
    EXPECT_EQ(fixed.augment_probability, 0.3);
    EXPECT_EQ(fixed.augment_target, 0.0);
    const GanOptions adaptive = options_of({"--augment", "color", "--augment-target", "0.5"}, "pytorch");
    EXPECT_EQ(adaptive.augment_target, 0.5);
    EXPECT_EQ(adaptive.augment_probability, 0.0);
    EXPECT_GT(adaptive.augment_images, 0.0);
    EXPECT_EQ(options_of({"--augment", "color"}, "pytorch").augment_probability, 1.0);
    EXPECT_FALSE(options_of({"--augment", "none"}).augment.any());
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 options_of({"--augment-target", "0.6"}, "pytorch");
                             }),
                HasSubstr("nothing is augmented"));
}

/// options.toml gives every flag back on a resume: then the same training must come out, of every recipe.
TEST(GanFlags, ARunsOwnOptionsMeanTheSameAgain) {
    for (const std::string& preset : gan_recipes()) {
        SCOPED_TRACE(preset);
        const GanOptions before = options_of({}, preset);
        GanFlags flags;
        flags.preset = preset;
        const RunOptions identity = gan_identity(flags, before);
        std::vector<std::string> words;
        for (const auto& [name, text] : identity) {
            if (name != "conditional") {
                words.insert(words.end(), {"--" + name, text});
            }
        }
        const GanOptions after = options_of(words, preset);
        EXPECT_EQ(gan_identity(flags, after), identity);
        EXPECT_EQ(after.real_labels, before.real_labels);
        EXPECT_EQ(after.fake_labels, before.fake_labels);
        EXPECT_EQ(after.discriminator.learning_rate, before.discriminator.learning_rate);
        EXPECT_EQ(after.discriminator.beta1, before.discriminator.beta1);
        EXPECT_EQ(after.augment, before.augment);
        EXPECT_EQ(after.augment_probability, before.augment_probability);
        EXPECT_EQ(after.augment_target, before.augment_target);
        EXPECT_EQ(after.augment_images, before.augment_images);
        EXPECT_EQ(text_in(identity, "preset"), preset);
    }
}

}  // namespace
}  // namespace reverie
