#include <gtest/gtest.h>

#include "image/comment.h"
#include "image/icc.h"
#include "reverie/core/random.h"
#include "sample_pictures.h"

namespace reverie {
namespace {

std::vector<std::byte> profile_of(const std::string& name) {
    // The profile lies behind its JPEG marker's name and two sequence numbers.
    const std::vector<std::byte> file = read_file(test::sample(name));
    const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
    const std::size_t at = text.find(std::string_view("ICC_PROFILE\0", 12)) + 14;
    const std::size_t length =
        std::to_integer<std::size_t>(file[at + 2]) << 8 | std::to_integer<std::size_t>(file[at + 3]);
    return {file.begin() + static_cast<std::ptrdiff_t>(at), file.begin() + static_cast<std::ptrdiff_t>(at + length)};
}

TEST(Icc, ForeignProfilesAreNamedAndSrgbIsToldByItsNumbers) {
    EXPECT_EQ(image::foreign_profile(profile_of("adobe_rgb.jpg")), "Adobe RGB (1998)");
    EXPECT_EQ(image::foreign_profile(profile_of("srgb_unnamed.jpg")), std::nullopt);
}

TEST(Icc, AnotherToneCurveOverSrgbColoursIsForeign) {
    std::vector<std::byte> profile = profile_of("srgb_unnamed.jpg");
    const std::string_view text(reinterpret_cast<const char*>(profile.data()), profile.size());
    // The three curves are equal, and the middle one is green's.
    const std::size_t at = text.find("curv", text.find("curv") + 1);
    profile[at + 12] = std::byte{1};  // gamma 1.2
    EXPECT_EQ(image::foreign_profile(profile), "like the web");
}

TEST(Icc, DamagedProfilesAreOnlyUnnamed) {
    const std::vector<std::byte> profile = profile_of("adobe_rgb.jpg");
    for (std::size_t length = 0; length < profile.size(); ++length) {
        EXPECT_TRUE(image::foreign_profile(std::span(profile).first(length)).has_value());
    }
    for (std::uint64_t i = 0; i < 5000; ++i) {
        std::vector<std::byte> damaged = profile;
        damaged[random_bits(1, 1, i) % damaged.size()] = static_cast<std::byte>(random_bits(1, 2, i));
        EXPECT_NO_THROW(image::foreign_profile(damaged));
    }
}

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
