#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "cli/pictures/masks.h"
#include "cli/style/style_flags.h"
#include "cli/style/style_inputs.h"
#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;

/// The flags as a command line sets them.
StyleFlags parsed(const std::vector<std::string>& words) {
    StyleFlags flags;
    CLI::App app("test", "styletransfer");
    add_flags(app, flags);
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    return flags;
}

TEST(StylePath, TakesAWeightBehindTheLastEqualsSign) {
    EXPECT_EQ(parse_style("--style", "a.jpg").path, "a.jpg");
    EXPECT_EQ(parse_style("--style", "a.jpg").weight, 1.0);
    EXPECT_EQ(parse_style("--style", "a=b.jpg=0.5").path, "a=b.jpg");
    EXPECT_EQ(parse_style("--style", "a=b.jpg=0.5").weight, 0.5);
    EXPECT_EQ(parse_style("--style", "a=b.jpg").path, "a=b.jpg") << "no number, so a part of the name";
    for (const char* text : {"a.jpg=0", "a.jpg=-1"}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [text] { parse_style("--style-fine", text); }),
                    HasSubstr("--style-fine"));
    }
}

TEST(StylePath, AFileOfThatNameWins) {
    const test::TemporaryFolder folder;
    write_file(folder / "a=2", std::string_view("x"));
    EXPECT_EQ(parse_style("--style", folder / "a=2").path, folder / "a=2");
    EXPECT_EQ(parse_style("--style", folder / "a=2=3").path, folder / "a=2");
    EXPECT_EQ(parse_style("--style", folder / "a=2=3").weight, 3.0);
    Settings settings;
    add_settings(settings, {parse_style("--style", folder / "a=2")});
    EXPECT_EQ(settings.value("style"), "a=2=1") << "must not be read as a weight of 2";
}

TEST(StyleFlags, StylesAndMasksKeepTheirOrder) {
    const StyleFlags flags = parsed({"--style", "z.jpg", "--style-fine", "d.jpg", "--style", "a,b.jpg", "c.jpg=2",
                                     "e.jpg", "--mask", "1.png", "2.png", "3.png", "4.png"});
    validate(flags);
    const std::vector<StyleInput> styles = style_inputs(flags);
    ASSERT_EQ(styles.size(), 4U);
    EXPECT_EQ(styles[0].path, "a,b.jpg");
    EXPECT_EQ(styles[1].weight, 2.0);
    EXPECT_EQ(styles[2].path, "e.jpg");
    EXPECT_EQ(styles[3].path, "d.jpg");
    EXPECT_EQ(styles[3].band, StyleBand::Fine);
    EXPECT_EQ(styles[3].mask, "4.png");
    Settings settings;
    add_settings(settings, styles);
    ASSERT_EQ(settings.all().size(), 3U);
    EXPECT_THAT(settings.all()[0].values, ElementsAre("a,b.jpg", "c.jpg=2", "e.jpg"));
    EXPECT_THAT(settings.all()[1].values, ElementsAre("d.jpg"));
    EXPECT_THAT(settings.all()[2].values, ElementsAre("1.png", "2.png", "3.png", "4.png"));
}

TEST(StyleFlags, VariantsAreNamedByTheirFiles) {
    const auto variants = style_variants(style_inputs(parsed({"--style", "x/a.b.jpg", "c.png=2"})));
    ASSERT_EQ(variants.size(), 2U);
    EXPECT_EQ(variants[0].folder, "a.b");
    EXPECT_EQ(variants[0].style, "x/a.b.jpg");
    EXPECT_EQ(variants[1].folder, "c");
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 style_variants(style_inputs(parsed({"--style", "x/a.jpg", "y/a.png"})));
                             }),
                HasSubstr("'x/a.jpg' and 'y/a.png'"));
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 style_variants(style_inputs(parsed({"--style", "x/a.jpg", "x/../x/a.jpg=2"})));
                             }),
                HasSubstr("'x/../x/a.jpg' is given twice"));
}

TEST(StyleFlags, VariantsStayInsideTheOutputFolder) {
    const test::TemporaryFolder folder;
    std::filesystem::create_directories(folder / "monet/late");
    for (const char* up : {"monet/late/..", "monet/late/../", "monet/."}) {
        const std::string style = folder / up;
        EXPECT_EQ(style_variants({StyleInput{style}}).at(0).folder, "monet") << up;
    }
    const std::string here = std::filesystem::current_path().filename();
    EXPECT_EQ(style_variants({StyleInput{"."}}).at(0).folder, here);
    EXPECT_NE(style_variants({StyleInput{".."}}).at(0).folder, "..");
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { style_variants({StyleInput{"/"}}); }), HasSubstr("'/'"));
}

TEST(StyleFlags, WhatIsNotGivenIsTheRecipes) {
    for (const auto& [word, preset] :
         {std::pair{"reverie", StylePreset::Reverie}, std::pair{"crowsonkb", StylePreset::Crowsonkb},
          std::pair{"gatys", StylePreset::Gatys}, std::pair{"neural-style", StylePreset::NeuralStyle},
          std::pair{"chollet2e", StylePreset::Chollet2e}}) {
        const StyleOptions recipe = style_recipe(preset);
        const StyleOptions options = style_options(parsed({"--preset", word, "--tv", "3"}), 7);
        EXPECT_EQ(options.preset, preset);
        EXPECT_EQ(options.tv, 3.0);
        EXPECT_EQ(options.seed, 7U);
        EXPECT_EQ(options.style_layers, recipe.style_layers);
        EXPECT_EQ(options.content_weight, recipe.content_weight);
        EXPECT_EQ(options.steps, recipe.steps);
        EXPECT_EQ(options.first_steps, recipe.first_steps);
        EXPECT_EQ(options.pooling_gain, recipe.pooling_gain);
    }
}

TEST(StyleFlags, StepsGivenAreForAllScales) {
    EXPECT_EQ(style_options(parsed({"--preset", "crowsonkb", "--steps", "3"}), 0).first_steps, 0);
    EXPECT_EQ(style_options(parsed({"--steps", "3", "--first-steps", "9"}), 0).first_steps, 9);
}

TEST(StyleFlags, AnotherOptimizerBringsItsStepSize) {
    EXPECT_EQ(style_options(parsed({"--optimizer", "lbfgs"}), 0).step_size, 1.0);
    EXPECT_EQ(style_options(parsed({"--preset", "gatys", "--optimizer", "adam"}), 0).step_size, 0.02);
    EXPECT_EQ(style_options(parsed({"--optimizer", "adam"}), 0).step_size,
              style_recipe(StylePreset::Reverie).step_size);
    EXPECT_EQ(style_options(parsed({"--optimizer", "gradient-descent", "--step-size", "3"}), 0).step_size, 3.0);
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 style_options(parsed({"--optimizer", "gradient-descent"}), 0);
                             }),
                HasSubstr("--step-size"));
}

TEST(StyleFlags, AnotherPresetOptimizerOrNumberOfStepsTakesNothingOfTheOldOne) {
    Settings old;
    old.set("preset", "reverie");
    old.set("strength", 0.5);
    old.set("optimizer", "adam");
    old.set("step-size", 0.02);
    old.set("steps", std::int64_t{9});
    old.set("first-steps", std::int64_t{99});
    old.set("size", "300");
    const auto left = [&old](std::vector<std::string> words) {
        StyleFlags flags;
        CLI::App app("test", "styletransfer");
        add_flags(app, flags);
        std::reverse(words.begin(), words.end());
        app.parse(words);
        std::vector<std::string> names;
        const Settings fitting = without_stale(old, app, style_followers());
        for (const Setting& setting : fitting.all()) {
            names.push_back(setting.name);
        }
        return names;
    };
    EXPECT_THAT(left({"--preset", "gatys"}), ElementsAre("preset", "size"));
    EXPECT_THAT(left({"--optimizer", "lbfgs"}),
                ElementsAre("preset", "strength", "optimizer", "steps", "first-steps", "size"));
    EXPECT_THAT(left({"--steps", "8"}), ElementsAre("preset", "strength", "optimizer", "step-size", "steps", "size"));
    EXPECT_EQ(left({"--preset", "reverie", "--optimizer", "adam", "--steps", "9"}).size(), 7U) << "the same ones";
}

TEST(StyleFlags, WhatIsPutDownSetsTheSameOptions) {
    for (const char* preset : {"reverie", "crowsonkb", "gatys", "neural-style", "chollet2e"}) {
        const StyleFlags given = parsed(
            {"--preset", preset,          "--style-layers", "relu1_1=0.5", "relu3_1",   "--statistic",
             "mean-std", "--pooling",     "average",        "--color",     "histogram", "--optimizer",
             "lbfgs",    "--init",        "noise",          "--strength",  "0.5",       "--average",
             "0.5",      "--style-scale", "0.75",           "--palette",   "0.25",      "--content-network-layers",
             "block2=2"});
        const StyleOptions options = style_options(given, 3);
        Settings settings;
        add_settings(settings, options, given, "efficientnet_lite0");
        std::vector<std::string> words;
        for (const Setting& setting : settings.all()) {
            if (setting.name != "seed") {
                words.push_back("--" + setting.name);
                words.insert(words.end(), setting.values.begin(), setting.values.end());
            }
        }
        const StyleFlags again = parsed(words);
        const StyleOptions same = style_options(again, 3);
        Settings settings_again;
        add_settings(settings_again, same, again, "efficientnet_lite0");
        EXPECT_EQ(settings_again.all(), settings.all());
        EXPECT_EQ(same.pooling_gain, options.pooling_gain);
        EXPECT_EQ(same.init, StyleInit::Noise);
        EXPECT_EQ(same.style_layers, (std::vector<LayerWeight>{{"relu1_1", 0.5}, {"relu3_1", 1.0}}));
    }
}

TEST(StyleFlags, ContradictionsAreRefused) {
    const auto refused = [](const std::vector<std::string>& words) {
        return expect_error(ErrorKind::Usage, [&] { validate(parsed(words)); });
    };
    EXPECT_THAT(refused({}), HasSubstr("no style"));
    EXPECT_THAT(refused({"--style-fine", "a"}), HasSubstr("--style-coarse"));
    EXPECT_THAT(refused({"--style", "a", "b", "--mask", "m"}), HasSubstr("names 1, but there are 2"));
    EXPECT_THAT(refused({"--style", "a", "b", "--only-color"}), HasSubstr("2 are given"));
    EXPECT_THAT(refused({"--style", "a", "--style-fine", "b", "--each-style"}), HasSubstr("--style-fine"));
    EXPECT_THAT(refused({"--style", "a", "--resume"}), HasSubstr("--checkpoint"));
    EXPECT_THAT(refused({"--style", "a", "--checkpoint-every", "0"}), HasSubstr("--checkpoint-every 0"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { init_file(parsed({"--init", "stile"})); }), HasSubstr("'style'"));
}

TEST(StyleMask, TransparentPartsAreBlack) {
    const test::TemporaryFolder folder;
    Picture mask;
    mask.color = at::ones({3, 5, 7});
    mask.alpha = at::ones({1, 5, 7});
    mask.alpha.narrow(2, 0, 3).zero_();
    write_picture(folder / "mask.png", mask);
    EXPECT_TRUE(read_mask(folder / "mask.png", 1000).equal(mask.alpha));
}

TEST(StyleMask, EndsStayExactlyWhereTheyAre) {
    Tensor mask = at::zeros({1, 37, 53});
    mask.narrow(2, 0, 26).fill_(1.0);
    for (const Size size : {Size{11, 16}, Size{100, 150}}) {
        const Tensor resized = mask_at(mask, size);
        EXPECT_TRUE((resized.narrow(2, 0, size.width / 3) == 1.0).all().item<bool>());
        EXPECT_TRUE((resized.narrow(2, 2 * size.width / 3, size.width / 3) == 0.0).all().item<bool>());
        EXPECT_TRUE(((resized >= 0.0) & (resized <= 1.0)).all().item<bool>());
    }
}

}  // namespace
}  // namespace reverie
