#include <gtest/gtest.h>

#include "reverie/models/style_net.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;

std::string refusal(const StyleNetOptions& options) {
    return expect_error(ErrorKind::Usage, [&] { validate(options); });
}

TEST(StyleNetOptions, RefuseNetsThatCannotBe) {
    const std::vector<std::string> one = {"night"};
    EXPECT_NE(refusal({.channels = {16, 32, 60}, .styles = one}).find("multiple of 8"), std::string::npos);
    EXPECT_NE(refusal({.channels = {0, 32, 64}, .styles = one}).find("8 to 1024"), std::string::npos);
    EXPECT_NE(refusal({.ends = 6, .styles = one}).find("odd"), std::string::npos);
    EXPECT_NE(refusal({.ends = 13, .styles = one}).find("3 to 11"), std::string::npos);
    EXPECT_NE(refusal({.blocks = 0, .styles = one}).find("blocks is 0"), std::string::npos);
    EXPECT_NE(refusal({}).find("no style"), std::string::npos);
    EXPECT_NE(refusal({.styles = {"a", ""}}).find("no name"), std::string::npos);
    EXPECT_NE(refusal({.styles = {"a", "b", "a"}}).find("'a'"), std::string::npos);
}

TEST(StyleNetOptions, SurviveTheirNotes) {
    // A file's name may hold anything.
    const StyleNetOptions options = {.channels = {24, 8, 40},
                                     .ends = 7,
                                     .blocks = 3,
                                     .styles = {"night, \"2\"", "wave\n", "caf\xe9", "\xc3\xa9t\xc3\xa9"},
                                     .adds_input = false};
    const StyleNetOptions found = style_net_options(to_metadata(options));
    EXPECT_EQ(found.channels, options.channels);
    EXPECT_EQ(found.ends, options.ends);
    EXPECT_EQ(found.blocks, options.blocks);
    EXPECT_EQ(found.styles, options.styles);
    EXPECT_EQ(found.adds_input, options.adds_input);
}

TEST(StyleNetOptions, NotesOfSomethingElseAreRefused) {
    const auto refused = [](const std::string& key, const std::string& text) {
        auto notes = to_metadata(StyleNetOptions{.styles = {"night"}});
        notes[key] = text;
        return expect_error(ErrorKind::Input, [&] { style_net_options(notes); });
    };
    EXPECT_NE(expect_error(ErrorKind::Input, [&] { style_net_options({}); }).find("no architecture"),
              std::string::npos);
    EXPECT_NE(refused("architecture", "vae").find("'vae'"), std::string::npos);
    EXPECT_NE(refused("ends", "5x").find("'ends'"), std::string::npos);
    EXPECT_NE(refused("channels_half", "12").find("cannot be"), std::string::npos);
    for (const char* list : {"", "night", "[1]", "{}", "[\"a\"", "[\"a\",\"a\"]", "[]"}) {
        refused("styles", list);
    }
}

}  // namespace
}  // namespace reverie
