#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "cli/frame/help.h"
#include "cli/frame/table.h"
#include "reverie/cli/flags.h"

namespace reverie {
namespace {

TEST(Help, WrapsBetweenWords) {
    EXPECT_EQ(wrap_text("one two three four", 9, 2), "one two\n  three\n  four");
    EXPECT_EQ(wrap_text("unbreakable", 5, 0), "unbreakable");
    EXPECT_EQ(wrap_text("one\ntwo three", 7, 1), "one\n two\n three");
    EXPECT_EQ(wrap_text("", 5, 0), "");
}

TEST(Help, GroupsFlagsUnderHeadingsWithDefaults) {
    CLI::App app("Does things.", "tool");
    app.set_help_flag();
    app.footer("examples:\n  tool a\n");
    std::vector<std::string> inputs;
    double ratio = 1.5;
    std::string output;
    bool loud = false;
    FlagGroup first(app, "First");
    first.add("-o,--output", output, "OUT", "file to write");
    first.add_positional("INPUT", inputs, "pictures");
    FlagGroup second(app, "Second");
    second.add("--ratio", ratio, "R", "of one to the next");
    second.add("--a-flag-with-quite-a-long-name", loud, "shout");
    EXPECT_EQ(help_text(app, 80),
              "Does things.\n"
              "\n"
              "usage: tool INPUT... -o OUT [flags]\n"
              "\n"
              "First:\n"
              "  INPUT...                    pictures\n"
              "  -o, --output OUT            file to write\n"
              "\n"
              "Second:\n"
              "      --ratio R               of one to the next (default: 1.5)\n"
              "      --a-flag-with-quite-a-long-name\n"
              "                              shout\n"
              "\n"
              "Of a flag given twice the last value counts, of a list the last list.\n"
              "\n"
              "examples:\n"
              "  tool a\n");
}

TEST(Table, AlignsColumns) {
    EXPECT_EQ(render_table({"A", "LONG", "C"}, {{"xyz", "1", ""}, {"x", "2", "3"}}),
              "A    LONG  C\n"
              "xyz  1\n"
              "x    2     3");
}

}  // namespace
}  // namespace reverie
