#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/dream/dream_flags.h"
#include "cli/frame/option_flags.h"
#include "nn/layer_weights.h"
#include "reverie/cli/flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;

enum class Fruit { Apple, Pear };

struct Everything {
    std::int64_t count = 3;
    std::uint64_t seed = 0;
    double ratio = 1.4;
    std::optional<double> maybe;
    std::string word = "auto";
    bool loud = false;
    Fruit fruit = Fruit::Apple;
    std::vector<std::string> layers;
};

class Flags : public testing::Test {
  protected:
    Flags() {
        FlagGroup group(app_, "Things");
        group.add("-c,--count", value_.count, "N", "how many");
        group.add("--seed", value_.seed, "N", "of the dice");
        group.add("--ratio", value_.ratio, "R", "of one to the next");
        group.add("--maybe", value_.maybe, "R", "perhaps", "by net");
        group.add("--word", value_.word, "WORD", "any");
        group.add("--loud", value_.loud, "shout");
        group.add_choice("--fruit", value_.fruit, {{"apple", Fruit::Apple}, {"pear", Fruit::Pear}}, "to eat");
        group.add_list("--layers", value_.layers, "NAME", "to look at");
    }
    void parse(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end());
        app_.parse(words);
    }

    Everything value_;
    CLI::App app_{"", "test"};
};

TEST_F(Flags, SetTheirFields) {
    parse({"-c", "-7", "--seed=18446744073709551615", "--ratio", "0.5", "--maybe", "2", "--word", "x y", "--loud",
           "--fruit", "pear", "--layers", "a=-1", "b,c"});
    EXPECT_EQ(value_.count, -7);
    EXPECT_EQ(value_.seed, 18446744073709551615U);
    EXPECT_EQ(value_.ratio, 0.5);
    EXPECT_EQ(value_.maybe, 2.0);
    EXPECT_EQ(value_.word, "x y");
    EXPECT_TRUE(value_.loud);
    EXPECT_EQ(value_.fruit, Fruit::Pear);
    EXPECT_THAT(value_.layers, ElementsAre("a=-1", "b", "c"));
}

TEST_F(Flags, GivenTwiceTheLastOneCounts) {
    parse({"--count", "1", "--layers", "a", "b", "--loud", "--fruit", "pear", "--maybe", "1", "-c", "2", "--layers=c",
           "--loud", "--fruit", "apple", "--maybe", "3"});
    EXPECT_EQ(value_.count, 2);
    EXPECT_EQ(app_.get_option("--count")->results(), std::vector<std::string>{"2"});
    EXPECT_THAT(value_.layers, ElementsAre("c")) << "the last list";
    EXPECT_TRUE(value_.loud);
    EXPECT_EQ(value_.fruit, Fruit::Apple);
    EXPECT_EQ(value_.maybe, 3.0);
}

TEST_F(Flags, WhatAConfigurationSaysFillsInOnlyWhatWasNotGiven) {
    parse({"--count", "1", "--count", "2"});
    Settings settings;
    settings.set("count", std::int64_t{9});
    settings.set("ratio", 0.5);
    fill_in(app_, settings, "test", [](const std::string& name) { FAIL() << name; });
    EXPECT_EQ(value_.count, 2);
    EXPECT_EQ(value_.ratio, 0.5);
}

TEST_F(Flags, LeaveTheirFieldsAloneWhenNotGiven) {
    parse({});
    EXPECT_EQ(value_.count, 3);
    EXPECT_FALSE(value_.maybe.has_value());
    EXPECT_EQ(value_.fruit, Fruit::Apple);
}

TEST_F(Flags, RefuseWhatTheyCannotTakeByName) {
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { parse({"--count", "3.5"}); }), HasSubstr("--count '3.5'"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { parse({"--seed", "-1"}); }), HasSubstr("0 or more"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { parse({"--ratio", "nan"}); }), HasSubstr("--ratio 'nan'"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { parse({"--maybe", "no"}); }), HasSubstr("a number"));
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [this] {
                                 parse({"--fruit", "paer"});
                             }),
                HasSubstr("apple or pear; did you mean 'pear'"));
}

TEST_F(Flags, ShowTheFieldsValueAsTheDefault) {
    EXPECT_EQ(app_.get_option("--count")->get_default_str(), "3");
    EXPECT_EQ(app_.get_option("--ratio")->get_default_str(), "1.4");
    EXPECT_EQ(app_.get_option("--maybe")->get_default_str(), "by net");
    EXPECT_EQ(app_.get_option("--fruit")->get_default_str(), "apple");
}

TEST(Memory, LimitsAreBytesOrShares) {
    EXPECT_EQ(memory_limit("1500", 0), 1500);
    EXPECT_EQ(memory_limit("1.5G", 0), 1'500'000'000);
    EXPECT_EQ(memory_limit("500MB", 0), 500'000'000);
    EXPECT_EQ(memory_limit("50%", 3'000'000'000), 1'500'000'000);
    EXPECT_EQ(memory_limit("80%", 10'400'000'000), 8'000'000'000) << "not in whole gigabytes";
    EXPECT_GT(memory_limit("80%", 0), 0) << "a system that does not tell";
    for (const char* text : {"", "lots", "0", "-1G", "5X", "101%", "0%", "inf", "1e30"}) {
        expect_error(ErrorKind::Usage, [text] { memory_limit(text, 1'000'000'000); });
    }
}

TEST(Pictures, OptionsOutOfRangeAreNamed) {
    const auto refused = [](const std::string& words) {
        return expect_error(ErrorKind::Usage, [&] {
            PictureOptions options;
            CLI::App app{"", "test"};
            add_flags(app, options);
            app.parse(words);
            validate(options, false);
        });
    };
    EXPECT_THAT(refused("--size 0"), HasSubstr("--size 0"));
    EXPECT_THAT(refused("--quality 101"), HasSubstr("--quality 101 is out of range; wanted 1 to 100"));
    EXPECT_THAT(refused("--max-pixels 0"), HasSubstr("--max-pixels 0 is out of range; wanted 1 or more"));
    PictureOptions both;
    both.skip_existing = true;
    expect_error(ErrorKind::Usage, [&] { validate(both, true); });
    validate(PictureOptions{}, true);
}

TEST(Network, FlagsThatNeedEachOtherAreSaid) {
    NetworkOptions options;
    options.weights = "x.pth";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { validate(options); }), HasSubstr("--network"));
    options.network = "vgg19";
    validate(options);
    options.weights.clear();
    options.preprocessing = "caffe";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { validate(options); }), HasSubstr("--weights"));
}

TEST(Layers, TakeAWeightOfEitherSign) {
    EXPECT_EQ(parse_layers("layers", {"block10"})[0].tap, "block10");
    EXPECT_EQ(parse_layers("layers", {"block10"})[0].weight, 1.0);
    EXPECT_EQ(parse_layers("layers", {"features.22=-0.5"})[0].tap, "features.22");
    EXPECT_EQ(parse_layers("layers", {"features.22=-0.5"})[0].weight, -0.5);
    for (const char* text : {"", "=1", "a=", "a=x"}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [text] { parse_layers("layers", {text}); }), HasSubstr("--layers"));
    }
}

TEST(Dream, RecipeHoldsUntilAFlagIsGiven) {
    GivenOptions flags;
    flags.set("steps", {"3"});
    flags.set("layers", {"block2"});
    flags.set("color-basis", {"luma"});
    const DreamOptions recipe = dream_recipe("efficientnet_lite0");
    const DreamOptions options = dream_options(flags, "efficientnet_lite0", DreamInit::Content, 9);
    EXPECT_EQ(options.steps, 3);
    EXPECT_EQ(options.seed, 9U);
    ASSERT_EQ(options.layers.size(), 1U);
    EXPECT_EQ(options.layers[0].tap, "block2");
    EXPECT_EQ(options.color_basis, ColorBasis::Luma);
    EXPECT_EQ(options.octave_scale, recipe.octave_scale);
    EXPECT_EQ(options.detail, recipe.detail);
}

TEST(Dream, APresetHoldsUntilAFlagIsGivenAndTakesAnyOrder) {
    GivenOptions flags;
    flags.set("steps", {"3"});
    flags.set("detail", {"0.5"});
    flags.set("preset", {"gordic"});
    const DreamOptions recipe = dream_recipe("vgg16", DreamPreset::Gordic);
    const DreamOptions options = dream_options(flags, "vgg16", DreamInit::Content, 9);
    EXPECT_EQ(options.preset, DreamPreset::Gordic);
    EXPECT_EQ(options.steps, 3);
    EXPECT_EQ(options.detail, 0.5);
    EXPECT_EQ(options.layers, recipe.layers);
    EXPECT_EQ(options.step_size, recipe.step_size);
    EXPECT_EQ(options.formula.step, DreamFormula::Step::Deviation);
}

TEST(Dream, AStepIsAsLongAsThePresetsUnitAllows) {
    GivenOptions flags;
    flags.set("step-size", {"20"});
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { dream_options(flags, "vgg16", DreamInit::Content, 0); }),
                HasSubstr("--step-size"));
    flags.set("preset", {"chollet2e"});
    EXPECT_EQ(dream_options(flags, "vgg16", DreamInit::Content, 0).step_size, 20.0);
}

TEST(Dream, AParameterizationBringsWhatIsNotGiven) {
    GivenOptions flags;
    flags.set("parameterization", {"fourier"});
    flags.set("steps", {"7"});
    const DreamOptions options = dream_options(flags, "efficientnet_lite0", DreamInit::Noise, 9);
    EXPECT_EQ(options.steps, 7);
    EXPECT_EQ(options.laplacian, 0);
    EXPECT_EQ(options.robust, 1.0);
    EXPECT_EQ(options.detail, 0.0) << "of noise none comes back";
    EXPECT_EQ(options.layers, dream_recipe("efficientnet_lite0").layers);
}

TEST(Dream, AnUnknownPresetIsRefusedWithTheChoices) {
    GivenOptions given;
    given.set("preset", {"chollet3e"});
    EXPECT_THAT(
        expect_error(ErrorKind::Usage, [&] { dream_options(given, "vgg16", DreamInit::Content, 0); }),
        AllOf(HasSubstr("--preset"), HasSubstr("reverie, chollet2e, chollet1e, google, gordic or neural-dream")));
}

TEST(Dream, AListGoesOnToTheNextFlagAndIsReplacedByALaterOne) {
    const auto layers = [](std::vector<std::string> words) {
        GivenOptions given;
        CLI::App app{"", "test"};
        add_dream_flags(app, given);
        std::reverse(words.begin(), words.end());
        app.parse(words);
        return *given.find("layers");
    };
    EXPECT_THAT(layers({"--layers", "a=-1", "b,c", "--steps", "3"}), ElementsAre("a=-1", "b", "c"));
    EXPECT_THAT(layers({"--layers", "a", "b", "--steps", "3", "--layers=c"}), ElementsAre("c"));
}

/// Every flag's text in the settings gives back the same options: what --from relies on.
TEST(Dream, SettingsAreTheFlagsThatMadeThem) {
    for (const char* preset : {"reverie", "chollet2e", "chollet1e", "google", "gordic", "neural-dream"}) {
        SCOPED_TRACE(preset);
        GivenOptions flags;
        flags.set("preset", {preset});
        flags.set("layers", {"block2=-0.25", "block3"});
        flags.set("step-size", {"0.1"});
        if (std::string(preset) == "reverie") {
            flags.set("parameterization", {"maco"});
        }
        const DreamOptions options = dream_options(flags, "efficientnet_lite0", DreamInit::Content, 4);
        Settings settings;
        add_settings(settings, dream_option_table(), options);

        GivenOptions again;
        CLI::App app{"", "test"};
        add_dream_flags(app, again);
        fill_in(app, settings, "test", [](const std::string& name) { ADD_FAILURE() << name; });
        Settings second;
        add_settings(second, dream_option_table(), dream_options(again, "vgg19", DreamInit::Content, 4));
        EXPECT_EQ(settings.all(), second.all());
    }
}

}  // namespace
}  // namespace reverie
