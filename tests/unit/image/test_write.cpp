#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <limits>

#include "sample_pictures.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::distance;
using test::encoded;
using test::expect_error;
using test::smooth_picture;
using test::TemporaryFolder;
using testing::HasSubstr;

constexpr std::array kFormats = {PictureFormat::Jpeg, PictureFormat::Png, PictureFormat::Tiff, PictureFormat::WebP,
                                 PictureFormat::Bmp};
using Text = std::map<std::string, std::string>;

Picture with_text(const Text& text) {
    Picture picture;
    picture.color = smooth_picture(7, 13);
    picture.text = text;
    return picture;
}

Picture round_trip(const Picture& picture, PictureFormat format, const WriteOptions& options = {}) {
    return decode_picture(encode_picture(picture, format, options), "written");
}

TEST(WritePicture, EveryFormatComesBack) {
    const Tensor image = smooth_picture(37, 51);
    const auto error = [&](PictureFormat format) {
        return distance(decode_picture(encoded(image, format), "written").color, image);
    };
    EXPECT_LE(error(PictureFormat::Png), 0.501);  // rounded to 8 bits
    EXPECT_LE(error(PictureFormat::Tiff), 0.501);
    EXPECT_LE(error(PictureFormat::Bmp), 0.501);
    EXPECT_LE(error(PictureFormat::Jpeg), 4);
    EXPECT_LE(error(PictureFormat::WebP), 12);  // its chroma is always halved
}

TEST(WritePicture, SixteenBitsAreKeptAndReported) {
    Picture picture;
    picture.color = smooth_picture(37, 51);
    picture.bits = 16;
    for (const PictureFormat format : {PictureFormat::Png, PictureFormat::Tiff}) {
        const Picture back = round_trip(picture, format);
        EXPECT_EQ(back.bits, 16);
        EXPECT_LE(distance(back.color, picture.color), 0.51 / 257);
        EXPECT_EQ(round_trip(picture, format, {.bits = 8}).bits, 8);
    }
    EXPECT_EQ(round_trip(picture, PictureFormat::Jpeg).bits, 8);
}

TEST(WritePicture, ValuesAreClampedAndRoundedAndNanIsBlack) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Tensor image = at::tensor({-1.0F, 2.0F, nan, 0.4999F / 255, 0.5001F / 255, 1.0F}).view({1, 1, 6});
    const Tensor back =
        decode_picture(encoded(image.expand({3, 1, 6}), PictureFormat::Png), "written").color[0][0] * 255;
    EXPECT_TRUE(at::equal(back.round(), at::tensor({0.0F, 255.0F, 0.0F, 0.0F, 1.0F, 255.0F}))) << back;
}

TEST(WritePicture, AlphaIsKeptWhereItCanBeAndElseLaidOnWhite) {
    Picture picture;
    picture.color = smooth_picture(24, 32);
    picture.alpha = smooth_picture(24, 32).slice(0, 0, 1).clone();
    for (const PictureFormat format : {PictureFormat::Png, PictureFormat::Tiff, PictureFormat::WebP}) {
        const Picture back = round_trip(picture, format);
        ASSERT_TRUE(back.alpha.defined());
        EXPECT_LE(distance(back.alpha, picture.alpha), 0.501);
        EXPECT_LE(distance(back.color, picture.color), format == PictureFormat::WebP ? 16 : 0.501);
    }
    const Tensor on_white = picture.color * picture.alpha + (1 - picture.alpha);
    for (const PictureFormat format : {PictureFormat::Jpeg, PictureFormat::Bmp}) {
        const Picture back = round_trip(picture, format);
        EXPECT_FALSE(back.alpha.defined());
        EXPECT_LE(distance(back.color, on_white), 4);
    }
}

TEST(WritePicture, TextComesBackFromEveryFormatThatHoldsIt) {
    const std::vector<Text> texts = {{{"Comment", "plain words"}},
                                     {{"Comment", R"({"looks":"like ours"})"}},
                                     {{"Software", "Reverie 0.1.0"}, {"reverie", R"({"steps":"10","size":"\u00e9"})"}},
                                     {{"Author", "Zo\xc3\xab"}, {"Comment", "two\nlines"}},
                                     {{"long", std::string(100'000, 'x')}}};
    for (const PictureFormat format : kFormats) {
        for (const Text& text : texts) {
            EXPECT_EQ(round_trip(with_text(text), format).text, format == PictureFormat::Bmp ? Text() : text);
        }
        EXPECT_EQ(round_trip(with_text({}), format).text, Text());
    }
}

TEST(WritePicture, AKeyThatPngCannotHoldIsRefused) {
    for (const std::string& key : {std::string(), std::string(80, 'k'), std::string("Zo\xc3\xab")}) {
        expect_error(ErrorKind::Output, [&] { encode_picture(with_text({{key, "x"}}), PictureFormat::Png); });
    }
}

TEST(WritePicture, TheSamePictureGivesTheSameBytes) {
    for (const PictureFormat format : kFormats) {
        const Picture picture = with_text({{"b", "2"}, {"a", "1"}});
        EXPECT_EQ(encode_picture(picture, format), encode_picture(picture, format));
    }
}

TEST(WritePicture, QualityChangesTheBytes) {
    const Tensor image = at::rand({3, 40, 40});
    for (const PictureFormat format : {PictureFormat::Jpeg, PictureFormat::WebP}) {
        EXPECT_LT(encoded(image, format, {.quality = 20}).size(), encoded(image, format, {.quality = 95}).size());
    }
}

TEST(WritePicture, OptionsOutOfRangeAreUsageErrors) {
    const Tensor image = smooth_picture(4, 4);
    expect_error(ErrorKind::Usage, [&] { encoded(image, PictureFormat::Jpeg, {.quality = 0}); });
    expect_error(ErrorKind::Usage, [&] { encoded(image, PictureFormat::Png, {.bits = 12}); });
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { encoded(image, PictureFormat::Jpeg, {.bits = 16}); }),
                HasSubstr("write PNG or TIFF"));
}

TEST(WritePicture, TooLongForAFormatIsSaid) {
    const Tensor long_image = at::zeros({3, 1, 70'000});
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { encoded(long_image, PictureFormat::Jpeg); }),
                HasSubstr("70000 x 1"));
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { encoded(long_image, PictureFormat::WebP); }), HasSubstr("16383"));
    EXPECT_EQ(decode_picture(encoded(long_image, PictureFormat::Png), "long").color.size(2), 70'000);
}

TEST(WritePicture, WhatAFormatCannotHoldIsKnownBeforeThePictureIsThere) {
    EXPECT_EQ(longest_side(PictureFormat::WebP), 16'383);
    EXPECT_EQ(longest_side(PictureFormat::Jpeg), 65'500);
    EXPECT_THAT(expect_error(ErrorKind::Output,
                             [] {
                                 check_size(PictureFormat::WebP, {10, 16'384});
                             }),
                HasSubstr("16383"));
    EXPECT_THAT(expect_error(ErrorKind::Output,
                             [] {
                                 check_size(PictureFormat::Jpeg, {65'501, 10});
                             }),
                HasSubstr("65500"));
    EXPECT_THAT(expect_error(ErrorKind::Output,
                             [] {
                                 check_size(PictureFormat::Bmp, {40'000, 40'000});
                             }),
                HasSubstr("4 GB"));
    check_size(PictureFormat::WebP, {16'383, 16'383});
    check_size(PictureFormat::Jpeg, {65'500, 1});
    check_size(PictureFormat::Png, {100'000, 100'000});
    check_size(PictureFormat::Tiff, {100'000, 100'000});
    check_size(PictureFormat::Bmp, {30'000, 30'000});
}

TEST(WritePicture, OnePixelIsAPictureInEveryFormat) {
    for (const PictureFormat format : kFormats) {
        EXPECT_EQ(size_of(decode_picture(encoded(at::ones({3, 1, 1}), format), "dot").color), (Size{1, 1}));
    }
}

TEST(WritePicture, ExtensionsDecideTheFormatInAnyCase) {
    EXPECT_EQ(format_for("a.JPEG"), PictureFormat::Jpeg);
    EXPECT_EQ(format_for("a/b.Tif"), PictureFormat::Tiff);
    EXPECT_TRUE(has_picture_extension("x.WEBP"));
    EXPECT_FALSE(has_picture_extension("x.txt"));
    EXPECT_FALSE(has_picture_extension(".png"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { format_for("a.gif"); }),
                HasSubstr("'.gif', which is read and not written"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { format_for("a"); }), HasSubstr("no extension"));
}

TEST(WritePicture, FilesAreWrittenAndReadThroughTheWrappers) {
    const TemporaryFolder folder;
    const Tensor image = smooth_picture(8, 9);
    for (const std::string name : {"x.jpg", "x.png", "new/x.tif", "x.webp", "x.bmp"}) {
        save_image(folder / name, image);
        EXPECT_LE(distance(load_image(folder / name), image), name == "x.webp" ? 30 : 4) << name;
    }
}

/// Lets a file stand for one of the standard streams during a test.
class Redirected {
  public:
    Redirected(int stream, const std::filesystem::path& path, int flags) : stream_(stream), saved_(::dup(stream)) {
        std::fflush(stdout);
        const int file = ::open(path.c_str(), flags, 0600);
        ::dup2(file, stream);
        ::close(file);
    }
    ~Redirected() {
        ::dup2(saved_, stream_);
        ::close(saved_);
    }
    Redirected(const Redirected&) = delete;
    Redirected& operator=(const Redirected&) = delete;

  private:
    int stream_;
    int saved_;
};

TEST(WritePicture, ADashIsPngOnStandardOutputAndAnyKindOnStandardInput) {
    const TemporaryFolder folder;
    const Picture picture = with_text({{"Comment", "through a pipe"}});
    {
        const Redirected output(STDOUT_FILENO, folder / "out", O_WRONLY | O_CREAT);
        write_picture("-", picture);
    }
    EXPECT_EQ(read_file(folder / "out"), encode_picture(picture, PictureFormat::Png));
    const Redirected input(STDIN_FILENO, folder / "out", O_RDONLY);
    EXPECT_EQ(read_picture("-").text, picture.text);
    EXPECT_THAT(expect_error(ErrorKind::Input, [] { read_picture("-"); }), HasSubstr("standard input is empty"));
}

}  // namespace
}  // namespace reverie
