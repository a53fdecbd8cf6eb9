// What is told by content: kinds that are not read, families of one container, names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/content.h"
#include "sample_pictures.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using namespace std::string_literals;
using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

image::Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string message_for(const std::string& content) {
    return expect_error(ErrorKind::Input, [&] { decode_picture(bytes_of(content), "x"); });
}

TEST(Kinds, WhatIsKnownAndNotReadIsNamedWithWhatToDo) {
    const std::vector<std::pair<std::string, std::string>> kinds = {
        {"\xff\x0a\x01"s, "a JPEG XL picture"},
        {"\0\0\0\x0cJXL \r\n\x87\n"s, "a JPEG XL picture"},
        {"\0\0\0\x0cjP  \r\n\x87\n"s, "a JPEG 2000 picture"},
        {"8BPS\0\1"s, "a Photoshop document"},
        {"%PDF-1.4"s, "a PDF document"},
        {"<svg xmlns='x'>"s, "an SVG drawing"},
        {"\xef\xbb\xbf<?xml version='1.0'?>\n<svg>"s, "an SVG drawing"},
        {"<!DOCTYPE html><html>404"s, "a web page, not a picture"},
        {"II*\0\x10\0\0\0CR\x02\0"s, "a Canon raw file (CR2)"},
        {"\0\0\0\x18"
         "ftypcrx \0\0\0\1crx isom"s,
         "a Canon raw file (CR3)"},
        {"FUJIFILMCCD-RAW 0201"s, "a Fujifilm raw file (RAF)"},
        {"IIU\0\x18\0\0\0"s, "a Panasonic raw file (RW2)"},
        {"\x76\x2f\x31\x01"s, "an OpenEXR picture"},
        {"P6\n2 2\n255\n"s, "a PNM picture"},
        {"\0\0\1\0\1\0"s, "an icon (ICO)"},
        {"version https://git-lfs.github.com/spec/v1\n"s, "a Git LFS pointer"}};
    for (const auto& [content, what] : kinds) {
        EXPECT_THAT(message_for(content), AllOf(HasSubstr("'x' is " + what + ", which Reverie does not read; "),
                                                Not(HasSubstr("damaged")), Not(HasSubstr("intact copy"))));
        EXPECT_FALSE(image::picture_content(bytes_of(content)).has_value()) << what;
    }
}

TEST(Kinds, AFilmIsNoPicture) {
    const std::string film =
        "\0\0\0\x18"
        "ftypisom\0\0\0\1isomavif"s;
    EXPECT_THAT(message_for(film), HasSubstr("'x' is a film (MP4), where a picture was wanted; deepdream and "
                                             "styletransfer paint a film that is their only input"));
    EXPECT_FALSE(image::picture_content(bytes_of(film)).has_value());
}

TEST(Kinds, AvifAndHeicAreToldByTheirBrands) {
    const auto kind = [](const std::string& brands) {
        const std::string box = "\0\0\0"s + static_cast<char>(8 + brands.size()) + "ftyp" + brands;
        EXPECT_EQ(image::picture_content(bytes_of(box)), image::Content::Heif) << brands;
        return image::heif_kind(bytes_of(box));
    };
    EXPECT_EQ(kind("heic\0\0\0\0mif1heic"s), "a HEIC");
    EXPECT_EQ(kind("mif1\0\0\0\0mif1heic"s), "a HEIC");
    EXPECT_EQ(kind("avif\0\0\0\0avifmif1miaf"s), "an AVIF");
    EXPECT_EQ(kind("mif1\0\0\0\0avifmiaf"s), "an AVIF");
    EXPECT_EQ(kind("mif1\0\0\0\0miaf"s), "a HEIF");
    EXPECT_EQ(kind("heic\0\0\0\0mif1heicavif"s), "a HEIC");
}

TEST(Kinds, TheNameOfAnUnfinishedAvifIsRight) {
    std::string file =
        "\0\0\0\x18"
        "ftypmif1\0\0\0\0avifmiaf"s;
    file.resize(224);
    EXPECT_THAT(message_for(file), HasSubstr("an AVIF"));
}

TEST(Kinds, CompressionsOfTiffThatAreNotReadAreNamed) {
    for (const auto& read : {std::function([](const std::string& name) { read_picture(test::sample(name)); }),
                             std::function([](const std::string& name) { read_picture_size(test::sample(name)); })}) {
        const auto message = [&](const std::string& name) {
            return expect_error(ErrorKind::Input, [&] { read(name); });
        };
        EXPECT_THAT(message("jpeg2000.tif"),
                    HasSubstr("holds a TIFF compressed as JPEG 2000, which Reverie does not read; convert"));
        EXPECT_THAT(message("unheard_of.tif"),
                    HasSubstr("a TIFF compressed as number 40000, which Reverie does not read"));
        EXPECT_THAT(message("raw.dng"), HasSubstr("raw data of a camera's sensor"));
    }
}

TEST(Kinds, EveryEndingThatIsReadIsTakenInAnyCase) {
    for (const std::string ending : {"jpg", "jpeg", "jpe", "jif", "jfif", "png", "apng", "tif", "tiff", "webp", "bmp",
                                     "dib", "gif", "heic", "heif", "hif", "avif"}) {
        EXPECT_TRUE(has_picture_extension("x." + ending)) << ending;
    }
    EXPECT_TRUE(has_picture_extension("IMG_0001.HEIC"));
    EXPECT_FALSE(has_picture_extension("x.svg"));
}

TEST(Kinds, EndingsThatAreOnlyReadAreNoOutput) {
    EXPECT_EQ(format_for("x.JFIF"), PictureFormat::Jpeg);
    EXPECT_EQ(format_for("x.dib"), PictureFormat::Bmp);
    for (const std::string name : {"x.heic", "x.gif", "x.avif"}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { format_for(name); }),
                    HasSubstr("which is read and not written"));
    }
}

}  // namespace
}  // namespace reverie
