#include <gtest/gtest.h>

#include "image/comment.h"

namespace reverie {
namespace {

TEST(Comment, OneCommentIsItselfAndMoreAreOneSortedObject) {
    EXPECT_EQ(image::to_comment({}), "");
    EXPECT_EQ(image::to_comment({{"Comment", "words"}}), "words");
    EXPECT_EQ(image::to_comment({{"b", "2"}, {"a", "1"}}), R"({"a":"1","b":"2"})");
}

TEST(Comment, ForeignTextIsAComment) {
    const auto comment = [](const std::string& text) { return image::Text{{"Comment", text}}; };
    EXPECT_EQ(image::from_comment(""), image::Text());
    EXPECT_EQ(image::from_comment("{not json"), comment("{not json"));
    EXPECT_EQ(image::from_comment(R"({"a":1})"), comment(R"({"a":1})"));
    EXPECT_EQ(image::from_comment(std::string("zero\0", 5)), comment("zero"));
    EXPECT_EQ(image::from_comment("caf\xe9"), comment("caf\xc3\xa9"));
    EXPECT_EQ(image::from_comment("caf\xc3\xa9"), comment("caf\xc3\xa9"));
}

}  // namespace
}  // namespace reverie
