// JPEGs that deviate from the standard but hold every row, and those that lack some.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "sample_pictures.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::sample;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using File = std::vector<std::byte>;

File plain() { return test::encoded(test::smooth_picture(24, 40), PictureFormat::Jpeg); }

/// Where a marker 0xff, `code` lies.
File::iterator find_marker(File& jpeg, int code) {
    const std::array<std::byte, 2> marker = {std::byte{0xff}, static_cast<std::byte>(code)};
    const auto found = std::search(jpeg.begin(), jpeg.end(), marker.begin(), marker.end());
    EXPECT_NE(found, jpeg.end());
    return found;
}

File with_stray_bytes(File jpeg, std::ptrdiff_t at, std::size_t count) {
    jpeg.insert(jpeg.begin() + at, count, std::byte{0x12});
    return jpeg;
}

void expect_same_with_note(const File& odd, const File& intact, const std::string& note) {
    const Picture picture = decode_picture(odd, "odd.jpg");
    EXPECT_TRUE(at::equal(picture.color, decode_picture(intact, "intact.jpg").color)) << note;
    EXPECT_THAT(picture.notes, ElementsAre(HasSubstr(note)));
}

TEST(OddJpeg, StrayBytesInTheHeaderOrBeforeTheEndArePassedOverWithANote) {
    for (File jpeg : {plain(), read_file(sample("progressive.jpg"))}) {
        const std::ptrdiff_t tables = find_marker(jpeg, 0xdb) - jpeg.begin();
        expect_same_with_note(with_stray_bytes(jpeg, tables, 2), jpeg, "holds stray bytes");
        const auto end = static_cast<std::ptrdiff_t>(jpeg.size()) - 2;
        expect_same_with_note(with_stray_bytes(jpeg, end, 7), jpeg, "holds stray bytes");
    }
}

TEST(OddJpeg, AMissingEndMarkerIsNoted) {
    for (File jpeg : {plain(), read_file(sample("progressive.jpg")), read_file(sample("grey.jpg"))}) {
        const File intact = jpeg;
        for (int cut = 0; cut < 2; ++cut) {
            jpeg.pop_back();
            expect_same_with_note(jpeg, intact, "lacks its end marker");
        }
    }
}

TEST(OddJpeg, RubbishBehindTheLastRowIsNoted) {
    File jpeg = plain();
    const File intact = jpeg;
    jpeg.resize(jpeg.size() - 2);
    for (const int byte : {0xff, 0xd8, 0xff, 0xd8, 0xff, 0xd8}) {  // the start of another picture
        jpeg.push_back(static_cast<std::byte>(byte));
    }
    expect_same_with_note(jpeg, intact, "unreadable data behind its last row");
}

TEST(OddJpeg, WhatEndsBeforeTheLastRowIsTruncated) {
    const File jpeg = plain();
    for (const std::size_t missing : {std::size_t{5}, std::size_t{20}, jpeg.size() / 3}) {
        EXPECT_THAT(expect_error(ErrorKind::Input,
                                 [&] { decode_picture(std::span(jpeg).first(jpeg.size() - missing), "cut.jpg"); }),
                    HasSubstr("'cut.jpg' is truncated"));
    }
}

TEST(OddJpeg, AProgressiveFileCutBetweenTwoScansIsTruncated) {
    const File jpeg = read_file(sample("progressive.jpg"));
    int boundaries = 0;
    for (std::size_t at = 2; at + 1 < jpeg.size(); ++at) {
        const bool table = jpeg[at] == std::byte{0xff} && (jpeg[at + 1] == std::byte{0xc4});
        if (table) {  // each scan is led by its table
            ++boundaries;
            EXPECT_THAT(
                expect_error(ErrorKind::Input, [&] { decode_picture(std::span(jpeg).first(at), "coarse.jpg"); }),
                HasSubstr("'coarse.jpg' is truncated"))
                << at;
        }
    }
    EXPECT_GT(boundaries, 3);
}

TEST(OddJpeg, BrokenCodesStayDamage) {
    File jpeg = plain();
    const auto pixels = find_marker(jpeg, 0xda) + 14;
    std::fill(pixels, pixels + 40, std::byte{0xfe});
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { decode_picture(jpeg, "broken.jpg"); }),
                HasSubstr("'broken.jpg' is damaged"));
}

TEST(OddJpeg, KindsThisLibraryDoesNotReadAreNamed) {
    const auto message = [](const File& jpeg) {
        return expect_error(ErrorKind::Input, [&] { decode_picture(jpeg, "x.jpg"); });
    };
    File deep = plain();
    *(find_marker(deep, 0xc0) + 4) = std::byte{12};
    EXPECT_THAT(message(deep),
                HasSubstr("holds a JPEG with 12 bits per sample, which cannot be read; convert it to PNG"));
    File lossless = plain();
    *(find_marker(lossless, 0xc0) + 1) = std::byte{0xc3};
    EXPECT_THAT(message(lossless), HasSubstr("holds a lossless JPEG, which cannot be read"));
    File hierarchical = plain();
    *(find_marker(hierarchical, 0xc0) + 1) = std::byte{0xc5};
    EXPECT_THAT(message(hierarchical), HasSubstr("holds a hierarchical JPEG, which cannot be read"));
    File near_lossless = plain();
    *(find_marker(near_lossless, 0xc0) + 1) = std::byte{0xf7};
    EXPECT_THAT(message(near_lossless), HasSubstr("holds a JPEG-LS picture, which cannot be read"));
}

TEST(OddJpeg, ASoundFileHasNoNotes) { EXPECT_THAT(decode_picture(plain(), "sound.jpg").notes, IsEmpty()); }

}  // namespace
}  // namespace reverie
