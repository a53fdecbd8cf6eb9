// What is written says that it is sRGB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "color_profiles.h"
#include "image/color_profile.h"
#include "image/srgb_profile.h"

namespace reverie {
namespace {

using test::encoded;
using test::FileBytes;
using test::smooth_picture;

TEST(Tagged, PngHoldsSrgbAndWhatOldReadersKnowBeforeItsPixels) {
    const FileBytes png = encoded(smooth_picture(7, 13), PictureFormat::Png);
    std::vector<std::string> types;
    for (const auto& [type, at] : test::chunks_of(png)) {
        types.push_back(type);
    }
    EXPECT_THAT(types, testing::IsSupersetOf({"sRGB", "gAMA", "cHRM"}));
    EXPECT_EQ(std::find(types.begin(), types.end(), "IDAT") - types.begin(), 4);
}

TEST(Tagged, JpegTiffAndWebPHoldASmallProfile) {
    const image::Bytes profile = image::srgb_profile();
    EXPECT_LT(profile.size(), 1000U);
    for (const PictureFormat format : {PictureFormat::Jpeg, PictureFormat::Tiff, PictureFormat::WebP}) {
        const FileBytes file = encoded(smooth_picture(7, 13), format);
        EXPECT_NE(std::search(file.begin(), file.end(), profile.begin(), profile.end()), file.end());
        EXPECT_TRUE(decode_picture(file, "written").notes.empty());
    }
}

TEST(Tagged, TheProfileIsSrgbToLittleCmsAndToUs) {
    const image::Bytes bytes = image::srgb_profile();
    const FileBytes profile(bytes.begin(), bytes.end());
    EXPECT_LE(test::distance(test::by_little_cms(profile, test::many_colors()), test::many_colors()), 0.25);
    std::vector<std::string> notes;
    EXPECT_EQ(image::profile_conversion(profile, 3, "x", notes), nullptr);
    EXPECT_TRUE(notes.empty());
}

TEST(Tagged, TheProfileHoldsNoTimeOfDay) {
    const image::Bytes profile = image::srgb_profile();
    const FileBytes date(profile.begin() + 24, profile.begin() + 36);
    EXPECT_EQ(date, test::bytes_of(std::string_view("\x07\xcf\0\x0a\0\x12\0\0\0\0\0\0", 12)));
}

}  // namespace
}  // namespace reverie
