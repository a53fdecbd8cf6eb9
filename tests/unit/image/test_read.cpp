#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sample_pictures.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::alpha_bytes;
using test::columns;
using test::deep;
using test::distance;
using test::expect_error;
using test::grey_bytes;
using test::rgb_bytes;
using test::rows;
using test::sample;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kExact = 1e-4;  // float rounding, in 255ths

void expect_color(const std::string& name, const Tensor& expected, double tolerance = kExact) {
    const Picture picture = read_picture(sample(name));
    EXPECT_LE(distance(picture.color, expected), tolerance) << name;
    EXPECT_TRUE(picture.color.is_contiguous()) << name;
}

void expect_color_and_alpha(const std::string& name, const Tensor& color, const Tensor& alpha,
                            double tolerance = kExact) {
    expect_color(name, color, tolerance);
    const Picture picture = read_picture(sample(name));
    ASSERT_TRUE(picture.alpha.defined()) << name;
    EXPECT_LE(distance(picture.alpha, alpha), kExact) << name;
}

TEST(ReadPng, EveryDepthAndKindIsExact) {
    expect_color("grey16.png", deep(grey_bytes()) / 65535);
    expect_color_and_alpha("rgba16.png", deep(rgb_bytes()) / 65535, deep(alpha_bytes()) / 65535);
    expect_color("interlaced.png", rgb_bytes() / 255);
    expect_color_and_alpha("grey_alpha.png", grey_bytes() / 255, alpha_bytes() / 255);
    for (const int bits : {1, 2, 4}) {
        const int levels = 1 << bits;
        expect_color("grey" + std::to_string(bits) + ".png",
                     columns().remainder(levels).expand({3, 9, 12}) / (levels - 1));
    }
}

TEST(ReadPng, PalettesBecomeColoursAndTheirTransparencyAlpha) {
    const Tensor colors = at::cat({columns(), 255 - columns(), (columns() / 2).floor()}) / 255;
    expect_color("palette.png", colors);
    EXPECT_FALSE(read_picture(sample("palette.png")).alpha.defined());
    expect_color_and_alpha("palette_transparent.png", colors, 20 * columns() / 255);
}

TEST(ReadPng, BitsTellTheFilesDepth) {
    EXPECT_EQ(read_picture(sample("rgba16.png")).bits, 16);
    EXPECT_EQ(read_picture(sample("grey1.png")).bits, 8);
}

TEST(ReadJpeg, GreyAndProgressiveAreRead) {
    expect_color("grey.jpg", grey_bytes() / 255, 6);
    expect_color("progressive.jpg", rgb_bytes() / 255, 40);  // its chroma is halved and the picture is tiny
}

TEST(ReadJpeg, CmykOfEveryKindMatchesPillowWithANote) {
    for (const std::string kind : {"cmyk_adobe", "cmyk_plain", "ycck"}) {
        const Picture picture = read_picture(sample(kind + ".jpg"));
        const Picture expected = read_picture(sample(kind + ".expected.png"));
        EXPECT_LE(distance(picture.color, expected.color), 3) << kind;
        EXPECT_THAT(picture.notes, ElementsAre(HasSubstr("CMYK picture, converted without a profile"))) << kind;
    }
}

TEST(ReadTiff, ByteOrdersPlanesAndTilesAreExact) {
    expect_color("big_endian16.tif", deep(rgb_bytes()) / 65535);
    expect_color("separate.tif", deep(rgb_bytes()) / 65535);
    expect_color("separate_tiles.tif", rgb_bytes() / 255);
    expect_color("lzw.tif", rgb_bytes() / 255);
    expect_color("white_is_zero.tif", grey_bytes() / 255);
    expect_color("bilevel.tif", columns().remainder(2).expand({3, 9, 12}));
    expect_color("palette.tif", at::cat({columns(), 255 - columns(), (columns() / 2).floor()}) / 255);
    expect_color("jpeg.tif", rgb_bytes() / 255, 40);
    EXPECT_EQ(read_picture(sample("separate.tif")).bits, 16);
}

TEST(ReadTiff, AlphaIsKeptAndUndoneWhereColoursWereMultipliedByIt) {
    expect_color_and_alpha("tiles.tif", rgb_bytes() / 255, alpha_bytes() / 255);
    expect_color_and_alpha("grey_alpha.tif", grey_bytes() / 255, alpha_bytes() / 255);
    // The smallest alpha is 35: rounding the product to 8 bits costs up to 255/35/2 levels.
    expect_color_and_alpha("premultiplied.tif", rgb_bytes() / 255, alpha_bytes() / 255, 3.7);
}

TEST(ReadTiff, AnUnnamedFourthChannelIsIgnoredWithANote) {
    const Picture picture = read_picture(sample("unknown_extra.tif"));
    EXPECT_LE(distance(picture.color, rgb_bytes() / 255), kExact);
    EXPECT_FALSE(picture.alpha.defined());
    EXPECT_THAT(picture.notes, ElementsAre(HasSubstr("of unknown meaning")));
}

TEST(ReadTiff, FloatingPointIsRefusedByName) {
    EXPECT_THAT(expect_error(ErrorKind::Input, [] { read_picture(sample("float.tif")); }),
                HasSubstr("32-bit floating-point samples, which Reverie does not read"));
}

TEST(ReadWebP, LosslessIsExactAndLossyIsClose) {
    expect_color_and_alpha("lossless_alpha.webp", rgb_bytes() / 255, alpha_bytes() / 255);
    expect_color_and_alpha("lossy_alpha.webp", rgb_bytes() / 255, alpha_bytes() / 255, 60);
}

TEST(ReadBmp, IndexedMaskedAndRunLengthCodedAreRead) {
    const auto grey = [](const Tensor& index) { return ((10 + 50 * index) / 255).expand({3, 9, 12}); };
    expect_color("index4.bmp", grey(columns().remainder(4)));
    expect_color("runs8.bmp", grey(columns().remainder(4)));
    expect_color("runs4.bmp", grey(columns().remainder(4)));
    expect_color("masks565.bmp", rgb_bytes() / 255, 8);  // five bits: steps of 8
}

TEST(ReadBmp, AlphaThatIsNowhereIsNone) {
    const Picture unused = read_picture(sample("alpha_unused.bmp"));
    EXPECT_LE(distance(unused.color, rgb_bytes() / 255), kExact);
    EXPECT_FALSE(unused.alpha.defined());
    expect_color_and_alpha("alpha_used.bmp", rgb_bytes() / 255, alpha_bytes() / 255);
}

TEST(ReadPng, ApplesOwnKindIsRead) {
    expect_color("apple.png", rgb_bytes() / 255);
    // The smallest alpha is 35: rounding the product to 8 bits costs up to 255/35/2 levels.
    expect_color_and_alpha("apple_alpha.png", rgb_bytes() / 255, alpha_bytes() / 255, 3.7);
    EXPECT_EQ(read_picture_size(sample("apple.png")), (Size{9, 12}));
}

TEST(ReadPng, OfApplesKindOnlyTheMarkMayBeLeft) {
    std::vector<std::byte> png = read_file(sample("interlaced.png"));
    const std::vector<std::byte> apple = read_file(sample("apple.png"));
    png.insert(png.begin() + 8, apple.begin() + 8, apple.begin() + 24);  // the mark's chunk
    EXPECT_LE(distance(decode_picture(png, "marked.png").color, rgb_bytes() / 255), kExact);
}

TEST(ReadGif, StillInterlacedAndTransparentAreExact) {
    expect_color("still.gif", rgb_bytes() / 255);
    EXPECT_FALSE(read_picture(sample("still.gif")).alpha.defined());
    Tensor alpha = at::ones({1, 9, 12});
    alpha[0][2][3] = 0;
    const Picture picture = read_picture(sample("transparent.gif"));
    EXPECT_LE(distance(picture.alpha, alpha), kExact);
    EXPECT_LE(distance(picture.color * alpha, rgb_bytes() / 255 * alpha), kExact);
}

TEST(ReadGif, WhatTheFirstFrameLeavesOfTheCanvasIsTransparent) {
    std::vector<std::byte> gif = read_file(sample("animated.gif"));
    gif[6] = std::byte{20};  // the canvas: 20 x 15
    gif[8] = std::byte{15};
    const auto frame = std::find(gif.begin() + 13 + 3 * 128, gif.end(), std::byte{0x2c});
    frame[1] = std::byte{5};  // the frame at 5, 4
    frame[3] = std::byte{4};
    const Picture picture = decode_picture(gif, "canvas.gif");
    ASSERT_EQ(size_of(picture.color), (Size{15, 20}));
    const auto inside = [](const Tensor& image) { return image.slice(1, 4, 13).slice(2, 5, 17); };
    EXPECT_LE(distance(inside(picture.color), rgb_bytes() / 255), kExact);
    EXPECT_EQ(picture.alpha.sum().item<float>(), 108);
    EXPECT_EQ(inside(picture.alpha).sum().item<float>(), 108);
}

TEST(ReadTiff, TheLargestPictureIsReadWhereTheFirstIsAThumbnail) {
    for (const auto& [name, place] :
         {std::pair{"thumbnail_below.tif", "below page 1"}, {"thumbnail_page.tif", "page 3"}}) {
        const Picture picture = read_picture(sample(name));
        const bool turned = std::string(name) == "thumbnail_below.tif";  // by what the first says, as it says nothing
        const Tensor pattern = rgb_bytes() / 255;
        EXPECT_LE(distance(picture.color, turned ? pattern.rot90(-1, {1, 2}) : pattern), kExact) << name;
        EXPECT_THAT(picture.notes, ElementsAre(testing::AllOf(HasSubstr("begins with a thumbnail"), HasSubstr(place))));
        EXPECT_EQ(read_picture_size(sample(name)), (turned ? Size{12, 9} : Size{9, 12}));
    }
    EXPECT_THAT(read_picture(sample("thumbnail_unsaid.tif")).notes,
                ElementsAre(HasSubstr("the first is used (4x3; the largest is 12x9)")));
}

TEST(ReadPicture, OrientationInXmpAndInImageMagicksTextIsApplied) {
    const Tensor pattern = rgb_bytes() / 255;
    for (const std::string name : {"turned_raw.png", "turned_xmp.png", "turned_both.png", "turned_xmp.webp"}) {
        expect_color(name, pattern.rot90(1, {1, 2}));
    }
    expect_color("turned_xmp.tif", pattern.rot90(-1, {1, 2}));
}

TEST(ReadPicture, OrientationInTiffPngAndWebPIsApplied) {
    // 6 lies on its right side: turned a quarter clockwise; 8 a quarter the other way.
    const Tensor pattern = rgb_bytes() / 255;
    expect_color("turned.tif", pattern.rot90(-1, {1, 2}));
    expect_color("turned.png", pattern.rot90(1, {1, 2}));
    expect_color("turned.webp", pattern.rot90(1, {1, 2}));
    for (const std::string name : {"turned.tif", "turned.png", "turned.webp"}) {
        EXPECT_EQ(read_picture_size(sample(name)), (Size{12, 9})) << name;
    }
}

TEST(ReadPicture, SizeComesFromTheHeaderOfEveryKind) {
    for (const std::string name :
         {"grey16.png", "grey.jpg", "tiles.tif", "lossy_alpha.webp", "index4.bmp", "animated.webp"}) {
        EXPECT_EQ(read_picture_size(sample(name)), (Size{9, 12})) << name;
    }
}

TEST(ReadPicture, TheFirstOfSeveralFramesOrPagesIsUsedWithANote) {
    for (const std::string name : {"animated.webp", "animated.png", "animated.gif", "pages.tif"}) {
        const Picture picture = read_picture(sample(name));
        EXPECT_LE(distance(picture.color, rgb_bytes() / 255), kExact) << name;
        EXPECT_THAT(picture.notes, ElementsAre(HasSubstr("of which the first is used"))) << name;
    }
}

TEST(ReadPicture, ContentDecidesAndNotTheName) {
    const test::TemporaryFolder folder;
    std::filesystem::copy_file(sample("grey1.png"), folder / "wrong.jpg");
    EXPECT_EQ(read_picture_size(folder / "wrong.jpg"), (Size{9, 12}));
    EXPECT_EQ(load_image(folder / "wrong.jpg").size(2), 12);
}

TEST(ReadPicture, WhatIsNoPictureIsSaidToBeNone) {
    const test::TemporaryFolder folder;
    const auto message = [&](std::string_view content) {
        write_file(folder / "x.jpg", content);
        expect_error(ErrorKind::Input, [&] { read_picture_size(folder / "x.jpg"); });
        return expect_error(ErrorKind::Input, [&] { read_picture(folder / "x.jpg"); });
    };
    EXPECT_THAT(message(""), HasSubstr("x.jpg' is empty"));
    EXPECT_THAT(message("hello, world"), HasSubstr("x.jpg' is not a picture of a known kind"));
    EXPECT_THAT(message("%PDF-1.4"), HasSubstr("x.jpg' is a PDF document, which Reverie does not read"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { read_picture(folder.path()); }), HasSubstr("is a folder"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { read_picture_size(folder / "none.png"); }),
                HasSubstr("does not exist"));
}

TEST(ReadPicture, BeyondTheLimitOfPixelsIsRefusedFromTheHeader) {
    for (const std::string name :
         {"grey16.png", "grey.jpg", "tiles.tif", "lossy_alpha.webp", "index4.bmp", "still.gif"}) {
        EXPECT_NO_THROW(read_picture(sample(name), {108})) << name;
        EXPECT_THAT(expect_error(ErrorKind::Input, [&] { read_picture(sample(name), {107}); }),
                    HasSubstr("12 x 9 pixels"));
        EXPECT_THAT(expect_error(ErrorKind::Input, [&] { read_picture_size(sample(name), {107}); }),
                    HasSubstr("raise --max-pixels"));
    }
}

}  // namespace
}  // namespace reverie
