#include <gtest/gtest.h>

#include "reverie/core/text.h"

namespace reverie {

TEST(Text, SuggestsTheNearestNamesOnly) {
    const std::vector<std::string> names = {"relu4_2", "relu4_1", "relu5_1", "Mixed_6c"};
    EXPECT_EQ(nearest_names("relu4_3", names, 2), (std::vector<std::string>{"relu4_2", "relu4_1"}));
    EXPECT_EQ(nearest_names("mixed_6c", names).front(), "Mixed_6c");
    EXPECT_EQ(did_you_mean("Mixed_6x", names), "; did you mean 'Mixed_6c'?");
    EXPECT_EQ(did_you_mean("completely different", names), "");
}

TEST(Text, JoinsWithALastSeparator) {
    EXPECT_EQ(join({}), "");
    EXPECT_EQ(join({"a"}), "a");
    EXPECT_EQ(join({"a", "b", "c"}), "a, b and c");
}

TEST(Text, KeepsNamesOnOneLine) {
    EXPECT_EQ(one_line("two\nlines\x1b[31m"), "two\\nlines\\x1b[31m");
    EXPECT_EQ(path_word("it's \\ plain \xc3\xa4.png"), "it's \\ plain \xc3\xa4.png");
    EXPECT_EQ(path_word("it's\n\\.png"), "$'it\\'s\\n\\\\.png'");
}

TEST(Text, SaysBytesAndSecondsAsPeopleDo) {
    EXPECT_EQ(human_bytes(0), "0 B");
    EXPECT_EQ(human_bytes(1536), "1.5 kB");
    EXPECT_EQ(human_bytes(574673361), "575 MB");
    EXPECT_EQ(human_seconds(7.44), "7.4 s");
    EXPECT_EQ(human_seconds(95), "1 min 35 s");
    EXPECT_EQ(human_seconds(7300), "2 h 1 min");
}

}  // namespace reverie
