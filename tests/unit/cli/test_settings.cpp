#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "reverie/cli/flags.h"
#include "reverie/cli/settings.h"
#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

struct Tool {
    std::int64_t steps = 10;
    double ratio = 0.1;
    std::string name = "auto";
    bool loud = false;
    std::vector<std::string> layers;
    std::string output;
    CLI::App app{"", "tool"};

    Tool() {
        FlagGroup group(app, "Things");
        group.add("--steps", steps, "N", "");
        group.add("--ratio", ratio, "R", "");
        group.add("--name", name, "NAME", "");
        group.add("--loud", loud, "");
        group.add_list("--layers", layers, "NAME", "");
        not_configurable(group.add("--output", output, "OUT", ""));
    }
    void parse(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end());
        app.parse(words);
    }
};

void refuse(const std::string& name) { ADD_FAILURE() << "unknown: " << name; }

Settings example() {
    Settings settings;
    settings.set("program", "tool");
    settings.set("steps", std::int64_t{16});
    settings.set("ratio", 0.1);
    settings.set_list("layers", {"a=-0.5", "b"});
    settings.set("seed", "18446744073709551615");
    settings.set("name", "1e3");
    return settings;
}

TEST(Settings, JsonKeepsOrderAndTextsAndComesBack) {
    const std::string json = to_json(example());
    EXPECT_EQ(json, R"({"program":"tool","steps":16,"ratio":0.1,"layers":["a=-0.5","b"],"seed":"18446744073709551615",)"
                    R"("name":"1e3"})");
    EXPECT_EQ(settings_of({{kSettingsKey, json}}, "x.png").all(), example().all());
}

TEST(Settings, PicturesWithoutThemAreRefused) {
    EXPECT_THAT(expect_error(ErrorKind::Input,
                             [] {
                                 settings_of({{"Comment", "hello"}}, "x.png");
                             }),
                HasSubstr("'x.png' carries no settings"));
    for (const char* damaged : {"", "{", "[1]", "12"}) {
        expect_error(ErrorKind::Input, [damaged] { settings_of({{kSettingsKey, damaged}}, "x.png"); });
    }
    const std::string deep = "{\"steps\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
    EXPECT_THAT(expect_error(ErrorKind::Input,
                             [&deep] {
                                 settings_of({{kSettingsKey, deep}}, "x.png");
                             }),
                HasSubstr("lists within lists"));
}

TEST(Settings, FillOnlyWhatIsOpenAndTheFirstLayerWins) {
    Tool tool;
    tool.parse({"--steps", "3"});
    Settings first;
    first.set("steps", std::int64_t{4});
    first.set("name", "first");
    Settings second;
    second.set("name", "second");
    second.set("ratio", 0.5);
    second.set("loud", "true");
    second.set_list("layers", {"a", "b"});
    fill_in(tool.app, first, "first", refuse);
    fill_in(tool.app, second, "second", refuse);
    EXPECT_EQ(tool.steps, 3);
    EXPECT_EQ(tool.name, "first");
    EXPECT_EQ(tool.ratio, 0.5);
    EXPECT_TRUE(tool.loud);
    EXPECT_THAT(tool.layers, ElementsAre("a", "b"));
}

TEST(Settings, UnknownNamesAreHeardAndBadValuesNameTheSource) {
    Tool tool;
    tool.parse({});
    Settings settings;
    settings.set("setps", "3");
    settings.set("output", "x.png");
    std::vector<std::string> unknown;
    fill_in(tool.app, settings, "how.toml", [&](const std::string& name) { unknown.push_back(name); });
    EXPECT_THAT(unknown, ElementsAre("setps", "output"));
    EXPECT_EQ(tool.output, "");

    for (const auto& [name, value] : {std::pair{"steps", "many"}, {"loud", "perhaps"}}) {
        Tool fresh;
        fresh.parse({});
        Settings bad;
        bad.set(name, value);
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { fill_in(fresh.app, bad, "how.toml", refuse); }),
                    testing::AllOf(HasSubstr("how.toml"), HasSubstr(name)));
    }
}

TEST(Config, ComesBackAsItWasWritten) {
    const TemporaryFolder folder;
    Tool tool;
    tool.parse(
        {"--name", "with \"blanks\" # and, signs", "--loud", "--layers", "a=1", "b", "007", ".5", "--output", "x.png"});
    Settings resolved;
    resolved.set("steps", std::int64_t{16});
    write_config(folder / "how.toml", tool.app, resolved);

    Tool again;
    again.parse({});
    fill_in(again.app, read_config(folder / "how.toml"), "how.toml", refuse);
    EXPECT_EQ(again.steps, 16);
    EXPECT_EQ(again.name, "with \"blanks\" # and, signs");
    EXPECT_TRUE(again.loud);
    EXPECT_THAT(again.layers, ElementsAre("a=1", "b", "007", ".5"));
    EXPECT_EQ(again.output, "");
}

TEST(Config, UnderstandsTheTomlThatPeopleWrite) {
    const TemporaryFolder folder;
    write_file(folder / "how.toml", std::string_view("# a comment\n\n"
                                                     "steps=12 # twelve\r\n"
                                                     "\"name\" = 'C:\\x # y'\n"
                                                     "layers = [ \"a,b\", # first\n  \"c\", ]\n"
                                                     "loud = true"));
    Settings wanted;
    wanted.set("steps", "12");
    wanted.set("name", "C:\\x # y");
    wanted.set_list("layers", {"a,b", "c"});
    wanted.set("loud", "true");
    EXPECT_EQ(read_config(folder / "how.toml").all(), wanted.all());
}

TEST(Config, FilesThatAreNoneAreRefused) {
    const TemporaryFolder folder;
    expect_error(ErrorKind::Usage, [&] { read_config(folder / "missing.toml"); });
    for (const char* text : {"just some words", "[section]\nsteps = 3\n", "steps = 3\nsteps = 4", "steps = ",
                             "steps = three", "name = \"open", "name = \"a\" \"b\"", "layers = [\"a\" \"b\"]",
                             "layers = [\"a\"", "steps = 3 4", "= 3", "\"a\\q\" = 3", "\xff\xfe"}) {
        write_file(folder / "how.toml", std::string_view(text));
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { read_config(folder / "how.toml"); }), HasSubstr("line "))
            << text;
    }
}

}  // namespace
}  // namespace reverie
