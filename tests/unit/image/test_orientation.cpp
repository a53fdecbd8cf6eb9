#include <gtest/gtest.h>

#include "image/exif.h"
#include "sample_pictures.h"

namespace reverie {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

/// An EXIF block with one orientation entry, in either byte order.
std::string exif_block(int orientation, bool little) {
    const auto digit = static_cast<char>(orientation);
    using namespace std::string_literals;
    return little ? "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"s + digit + "\0\0\0\0\0\0\0"s
                  : "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"s + digit + "\0\0\0\0\0\0"s;
}

/// Puts the block behind a JPEG's first two bytes.
std::vector<std::byte> with_exif(std::vector<std::byte> jpeg, const std::string& block) {
    const std::size_t length = block.size() + 2;
    const std::string segment =
        std::string("\xff\xe1") + static_cast<char>(length >> 8) + static_cast<char>(length & 0xff) + block;
    const auto bytes = bytes_of(segment);
    jpeg.insert(jpeg.begin() + 2, bytes.begin(), bytes.end());
    return jpeg;
}

TEST(Orientation, AllEightAreTurnedUpright) {
    const Tensor stored = test::smooth_picture(16, 24);
    const std::vector<std::byte> jpeg = test::encoded(stored, PictureFormat::Jpeg);
    // Where EXIF says the first row and first column lie: (top, left), (top, right), (bottom, right), (bottom, left),
    // (left, top), (right, top), (right, bottom), (left, bottom).
    const std::vector<Tensor> upright = {stored,
                                         stored.flip(2),
                                         stored.rot90(2, {1, 2}),
                                         stored.flip(1),
                                         stored.transpose(1, 2),
                                         stored.rot90(-1, {1, 2}),
                                         stored.rot90(2, {1, 2}).transpose(1, 2),
                                         stored.rot90(1, {1, 2})};
    for (int orientation = 1; orientation <= 8; ++orientation) {
        for (const bool little : {false, true}) {
            const Picture picture =
                decode_picture(with_exif(jpeg, exif_block(orientation, little)), std::to_string(orientation));
            EXPECT_LE(test::distance(picture.color, upright[static_cast<std::size_t>(orientation - 1)]), 4)
                << orientation;
            EXPECT_TRUE(picture.color.is_contiguous());
        }
    }
}

TEST(Orientation, NonsenseIsTakenAsUpright) {
    for (const int orientation : {0, 9, 100}) {
        EXPECT_EQ(image::parse_exif(bytes_of(exif_block(orientation, true))).orientation, std::nullopt);
    }
    EXPECT_EQ(image::parse_exif({}).orientation, std::nullopt);
    EXPECT_EQ(image::parse_exif(bytes_of("Exif")).orientation, std::nullopt);
}

TEST(Orientation, ALongNumberCountsAsAShortOneDoes) {
    using namespace std::string_literals;
    for (const std::string& block : {"II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0\0\0\0\0"s,
                                     "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06\0\0\0\0"s}) {
        EXPECT_EQ(image::parse_exif(bytes_of(block)).orientation, 6);
    }
}

TEST(Orientation, XmpCountsWhereExifSaysNothing) {
    const Tensor stored = test::smooth_picture(16, 24);
    const std::vector<std::byte> jpeg = test::encoded(stored, PictureFormat::Jpeg);
    const std::string xmp = std::string("http://ns.adobe.com/xap/1.0/\0", 29) + "<x tiff:Orientation=\"6\"/>";
    const auto with_both = with_exif(with_exif(jpeg, xmp), exif_block(3, true));
    EXPECT_LE(test::distance(decode_picture(with_exif(jpeg, xmp), "xmp").color, stored.rot90(-1, {1, 2})), 4);
    EXPECT_LE(test::distance(decode_picture(with_both, "both").color, stored.rot90(2, {1, 2})), 4);
}

TEST(Orientation, XmpMayBeAnAttributeOrAnElement) {
    const auto xmp = [](const std::string& packet) { return image::xmp_orientation(bytes_of(packet)); };
    EXPECT_EQ(xmp("<rdf:Description tiff:Orientation='8' x='2'/>"), 8);
    EXPECT_EQ(xmp("<tiff:Orientation> 6 </tiff:Orientation>"), 6);
    EXPECT_EQ(xmp("tiff:Orientation = \"3\""), 3);
    for (const std::string nothing :
         {"", "tiff:Orientation", "tiff:Orientation=", "tiff:Orientation=\"", "tiff:Orientation=\"9\"",
          "tiff:Orientation=\"16\"", "tiff:Orientation=\"0\"", "</tiff:Orientation>"}) {
        EXPECT_EQ(xmp(nothing), std::nullopt) << nothing;
    }
}

TEST(Exif, CutAnywhereItIsOnlyAbsent) {
    const std::string block = exif_block(6, false);
    for (std::size_t length = 0; length < block.size(); ++length) {
        const int orientation = image::parse_exif(bytes_of(block.substr(0, length))).orientation.value_or(1);
        EXPECT_TRUE(orientation == 1 || orientation == 6) << length;
    }
    EXPECT_EQ(image::parse_exif(bytes_of(block)).orientation, 6);
}

TEST(Exif, ADescriptionComesBack) {
    for (const std::string text : {"", "abc", "a longer description"}) {
        EXPECT_EQ(image::parse_exif(image::make_exif(text)).description, text);
    }
}

}  // namespace
}  // namespace reverie
