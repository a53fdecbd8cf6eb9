#include "reverie/core/option_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::ElementsAre;
using testing::HasSubstr;

enum class Shape { Round, Square };

struct Cake {
    std::int64_t layers = 3;
    double height = 0.5;
    Shape shape = Shape::Round;
    bool iced = false;
    std::optional<Size> plate;
    std::int64_t candles = 0;
};

OptionTable<Cake> table() {
    return {
        {.name = "layers",
         .heading = "Cake",
         .placeholder = "N",
         .help = "of sponge",
         .field = option_field<Cake>(&Cake::layers),
         .range = {1, 7},
         .then = [](Cake& now, const Cake& before,
                    const GivenOptions& given) { now.height = given.has("height") ? -1.0 : before.height * 2.0; },
         .followers = {"height"}},
        {.name = "height",
         .heading = "Cake",
         .placeholder = "M",
         .help = "in metres",
         .field = option_field<Cake>([](auto& cake) -> auto& { return cake.height; }),
         .range = {0, 2, "0 to 2 metres"}},
        {.name = "shape",
         .heading = "Cake",
         .placeholder = "",
         .help = "from above",
         .field =
             option_choice<Cake>(&Cake::shape, Choices<Shape>{{"round", Shape::Round}, {"square", Shape::Square}})},
        {.name = "iced",
         .heading = "Cake",
         .placeholder = "",
         .help = "all over",
         .field = option_field<Cake>(&Cake::iced),
         .from_recipe = false},
        {.name = "plate",
         .heading = "Cake",
         .placeholder = "WxH",
         .help = "below",
         .field = option_field<Cake>(&Cake::plate),
         .shapes_result = false},
    };
}

GivenOptions given(std::initializer_list<std::pair<const char*, const char*>> all) {
    GivenOptions options;
    for (const auto& [name, text] : all) {
        options.set(name, {text});
    }
    return options;
}

TEST(OptionTable, WhatIsGivenIsPutOverARecipe) {
    Cake recipe;
    recipe.candles = 80;
    const Cake cake = with_given(recipe, table(), given({{"shape", "square"}, {"iced", "true"}, {"plate", "40x30"}}));
    EXPECT_EQ(cake.shape, Shape::Square);
    EXPECT_TRUE(cake.iced);
    EXPECT_EQ(cake.plate, (Size{30, 40}));
    EXPECT_EQ(cake.layers, 3);
    EXPECT_EQ(cake.candles, 80);
}

TEST(OptionTable, ARowMayBringAnotherOptionAlongButNotOverOneThatIsGiven) {
    EXPECT_EQ(with_given(Cake(), table(), given({{"layers", "5"}})).height, 1.0);
    EXPECT_EQ(with_given(Cake(), table(), given({{"height", "0.75"}, {"layers", "5"}})).height, 0.75);
}

TEST(OptionTable, EveryFieldGivesTheTextThatSetsIt) {
    Cake cake{.layers = 4, .height = 0.1, .shape = Shape::Square, .iced = true, .plate = Size{3, 5}};
    GivenOptions all;
    for (const OptionRow<Cake>& row : table()) {
        all.set(row.name, row.field.texts(cake));
    }
    const Cake same = with_given(Cake(), table(), all);
    EXPECT_EQ(same.layers, cake.layers);
    EXPECT_EQ(same.height, cake.height);
    EXPECT_EQ(same.shape, cake.shape);
    EXPECT_EQ(same.iced, cake.iced);
    EXPECT_EQ(same.plate, cake.plate);
}

TEST(OptionTable, TextsThatAreNoValueAreRefusedByName) {
    const auto refused = [](const char* name, const char* text) {
        return expect_error(ErrorKind::Usage, [&] { with_given(Cake(), table(), given({{name, text}})); });
    };
    EXPECT_EQ(refused("layers", "many"), "--layers 'many' is not a whole number");
    EXPECT_EQ(refused("height", "nan"), "--height 'nan' is not a number");
    EXPECT_EQ(refused("shape", "squar"),
              "--shape 'squar' is not known; wanted round or square; did you mean 'square'?");
    EXPECT_THAT(refused("plate", "40x"), HasSubstr("is not a size in pixels (64) or width x height (64x48)"));
}

TEST(OptionTable, ValuesOutsideTheirRangeAreRefused) {
    const auto refused = [](const Cake& cake) {
        return expect_error(ErrorKind::Usage, [&] { require_in_range(table(), cake); });
    };
    EXPECT_EQ(refused({.layers = 8}), "--layers 8 is out of range; wanted 1 to 7");
    EXPECT_EQ(refused({.height = 2.5}), "--height 2.5 is out of range; wanted 0 to 2 metres");
    EXPECT_THAT(refused({.height = std::numeric_limits<double>::quiet_NaN()}), HasSubstr("--height nan"));
    require_in_range(table(), Cake{.layers = 7, .height = 2.0});
}

TEST(OptionTable, NamesAreSortedByWhatTheRowsSay) {
    EXPECT_THAT(option_names(table(), &OptionRow<Cake>::from_recipe),
                ElementsAre("layers", "height", "shape", "plate"));
    EXPECT_THAT(option_names(table(), &OptionRow<Cake>::shapes_result),
                ElementsAre("layers", "height", "shape", "iced"));
}

TEST(ErrorSentence, NamesOptionsWithoutDashesAndFlagsWithThem) {
    const Error error(ErrorKind::Usage, "{--octave-scale} is 0.5; wanted more, or no {--octaves}; '{a}' stays");
    EXPECT_STREQ(error.what(), "octave-scale is 0.5; wanted more, or no octaves; '{a}' stays");
    EXPECT_EQ(with_flag_names(error.sentence()), "--octave-scale is 0.5; wanted more, or no --octaves; '{a}' stays");
    const Error copy = error;  // NOLINT(performance-unnecessary-copy-initialization): that is what is tested
    EXPECT_STREQ(copy.sentence(), error.sentence());
    EXPECT_STREQ(Error(ErrorKind::Input, "plain {--").sentence(), "plain {--");
}

TEST(OptionText, NumbersComeBackAsTheyWere) {
    for (const double value : {0.1, 1e-7, 3.0, -2.5e300}) {
        double same = 0.0;
        EXPECT_TRUE(parse_value(number_text(value), same));
        EXPECT_EQ(same, value);
    }
    std::uint64_t whole = 0;
    EXPECT_TRUE(parse_value("18446744073709551615", whole));
    EXPECT_FALSE(parse_value("-1", whole));
    std::int64_t signed_whole = 0;
    EXPECT_FALSE(parse_value("3.5", signed_whole));
    EXPECT_FALSE(parse_value("", signed_whole));
}

}  // namespace
}  // namespace reverie
