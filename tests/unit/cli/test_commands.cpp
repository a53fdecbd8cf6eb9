#include "reverie/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reverie/cli/data_flags.h"
#include "reverie/cli/flags.h"
#include "reverie/cli/train_flags.h"

namespace reverie {
namespace {

class Named : public Program {
  public:
    Named(std::string name, std::string about) : name_(std::move(name)), about_(std::move(about)) {}
    std::string name() const override { return name_; }
    std::string description() const override { return about_; }
    std::string examples() const override { return ""; }
    void add_flags(CLI::App& /*app*/) override {}
    int run(Session& /*session*/) override { return 0; }

  private:
    std::string name_;
    std::string about_;
};

TEST(Commands, AreListedWithALineEach) {
    CommandSet set;
    set.name = "tool";
    set.description = "Does things.";
    set.examples = "examples:\n  tool make a\n";
    set.commands.push_back(std::make_unique<Named>("tool make", "Makes one."));
    set.commands.push_back(std::make_unique<Named>("tool unmake",
                                                   "Takes it apart again, which is said here at such a length that it "
                                                   "goes on in a second line."));
    EXPECT_EQ(command_list(set, 60),
              "Does things.\n"
              "\n"
              "usage: tool COMMAND ... [flags]\n"
              "\n"
              "Commands (tool COMMAND --help has the flags):\n"
              "  make    Makes one.\n"
              "  unmake  Takes it apart again, which is said here at such a\n"
              "          length that it goes on in a second line.\n"
              "\n"
              "examples:\n"
              "  tool make a\n");
}

/// Exits with a code of its own, and counts the words it was given.
class Numbered : public Named {
  public:
    Numbered(std::string name, int code) : Named(std::move(name), "Does one thing."), code_(code) {}
    std::string output_help() const override { return ""; }
    void add_flags(CLI::App& app) override { FlagGroup(app, "Input").add_positional("WORD", words_, "words"); }
    int run(Session& /*session*/) override { return 10 * code_ + static_cast<int>(words_.size()); }

  private:
    int code_;
    std::vector<std::string> words_;
};

TEST(Commands, AProgramMayDoSomethingWithoutOne) {
    const auto exit_code = [](std::vector<std::string> words) {
        CommandSet set;
        set.name = "tool";
        set.commands.push_back(std::make_unique<Numbered>("tool make", 7));
        set.otherwise = std::make_unique<Numbered>("tool", 8);
        words.insert(words.begin(), "tool");
        std::vector<char*> arguments;
        for (std::string& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        return run_commands(static_cast<int>(words.size()), arguments.data(), set);
    };
    EXPECT_EQ(exit_code({"make", "a", "b"}), 72);
    EXPECT_EQ(exit_code({"./make", "a"}), 82);
    EXPECT_EQ(exit_code({"a", "make"}), 82);
    EXPECT_EQ(exit_code({}), 80);
}

TEST(TrainFlags, TimesHaveUnits) {
    const auto seconds = [](const std::string& text) {
        GivenOptions given;
        given.set("time", {text});
        return with_given(TrainOptions(), train_option_table(), given).seconds;
    };
    EXPECT_EQ(seconds("90s"), 90.0);
    EXPECT_EQ(seconds("1h30m"), 5400.0);
    EXPECT_EQ(seconds("0.5d"), 43200.0);
    for (const char* bad : {"", "30", "m", "30x", "-5m", "1h30", "0s", "nanm", "1e3s"}) {
        EXPECT_THROW(seconds(bad), Error) << bad;
    }
}

TEST(TrainFlags, StepsAndEpochsReplaceEachOther) {
    TrainOptions recipe;
    recipe.steps = 700;
    const auto options = [&](const TrainFlags& flags) {
        validate(flags);
        return train_options(flags, recipe, CommonOptions(), Runtime());
    };
    EXPECT_EQ(options({}).steps, 700);
    TrainFlags epochs;
    epochs.options.set("epochs", {"2.5"});
    EXPECT_EQ(options(epochs).steps, 0);
    EXPECT_EQ(options(epochs).epochs, 2.5);
    epochs.options.set("steps", {"0"});  // as an earlier run's options say it
    EXPECT_EQ(options(epochs).epochs, 2.5);
    epochs.options.set("steps", {"3"});
    EXPECT_THROW(validate(epochs), Error);
    TrainFlags none;
    none.options.set("steps", {"0"});
    EXPECT_THROW(validate(none), Error);
}

TEST(TrainFlags, TimePlansUnlessSomethingElseSaysHowLong) {
    const auto plans = [](const std::vector<std::pair<std::string, std::string>>& given) {
        TrainFlags flags;
        for (const auto& [name, text] : given) {
            flags.options.set(name, {text});
        }
        return time_plans(flags);
    };
    EXPECT_FALSE(plans({}));
    EXPECT_TRUE(plans({{"time", "30m"}}));
    EXPECT_FALSE(plans({{"time", "30m"}, {"steps", "10"}}));
    EXPECT_FALSE(plans({{"time", "30m"}, {"epochs", "2"}}));
    EXPECT_FALSE(plans({{"time", "30m"}, {"steps", "10"}, {"epochs", "0"}})) << "as an earlier run's options say it";
}

TEST(DataFlags, SizesAreWidthByHeight) {
    const auto size = [](const std::string& text) {
        GivenOptions given;
        given.set("size", {text});
        return with_given(DataOptions(), data_option_table(), given).size;
    };
    EXPECT_EQ(size("64"), (Size{64, 64}));
    EXPECT_EQ(size("64x48"), (Size{48, 64}));
    for (const char* bad : {"", "x", "64x", "x64", "64x48x3", "big", "64 x 48"}) {
        EXPECT_THROW(size(bad), Error) << bad;
    }
    DataFlags flags;
    flags.options.set("cache-mb", {"-1"});
    EXPECT_THROW(data_options(flags, Environment()), Error);
}

}  // namespace
}  // namespace reverie
