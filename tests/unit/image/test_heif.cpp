#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>

#include "core/plugin.h"
#include "image/av1_frames.h"
#include "image/color_codes.h"
#include "reverie/core/random.h"
#include "sample_pictures.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::distance;
using test::expect_error;
using test::sample;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// The pattern of make_samples.py's heifs().
Tensor pattern() {
    const Tensor x = at::arange(32, at::kFloat).view({1, 1, 32}).expand({1, 24, 32});
    const Tensor y = at::arange(24, at::kFloat).view({1, 24, 1}).expand({1, 24, 32});
    return at::cat({8 * x, 10 * y, 4 * (x + y)}) / 255;
}
Tensor alpha() { return (255 - 7 * at::arange(32, at::kFloat).view({1, 1, 32}).expand({1, 24, 32})) / 255; }

constexpr double kLossy = 12;  // of 255, at quality 95

TEST(ReadHeif, HeicAndAvifAreReadWithAlpha) {
    const Picture heic = read_picture(sample("alpha.heic"));
    EXPECT_LE(distance(heic.alpha, alpha()), kLossy);
    const Picture avif = read_picture(sample("alpha.avif"));
    EXPECT_LE(distance(avif.color, pattern()), kLossy);
    EXPECT_LE(distance(avif.alpha, alpha()), kLossy);
    EXPECT_EQ(avif.bits, 8);
    EXPECT_THAT(avif.notes, IsEmpty());
}

TEST(ReadHeif, ColoursAreConvertedByTheirProfileOrTheirCodes) {
    std::vector<std::string> notes;
    const image::ColorCodes p3 = {.primaries = 12, .transfer = 4};  // the gamma of the sample's profile
    const Tensor expected = image::codes_to_srgb_(pattern().contiguous(), p3, "expected", notes);
    ASSERT_GT(distance(expected, pattern()), 20);
    const Picture heic = read_picture(sample("alpha.heic"));
    EXPECT_LE((255 * (heic.color - expected)).abs().mean().item<double>(), 2);
    EXPECT_THAT(heic.notes, IsEmpty());
    EXPECT_THAT(read_picture(sample("pq.avif")).notes, Contains(HasSubstr("HDR picture (PQ)")));
}

TEST(ReadHeif, ContentDecidesAndSizesComeFromTheHeader) {
    EXPECT_EQ(read_picture_size(sample("alpha.heic")), (Size{24, 32}));
    EXPECT_THAT(expect_error(ErrorKind::Input, [] { read_picture(sample("alpha.avif"), {767}); }),
                HasSubstr("raise --max-pixels"));
}

TEST(ReadHeif, TenBitsUseTheWholeRange) {
    const Picture picture = read_picture(sample("deep.heic"));
    EXPECT_EQ(picture.bits, 16);
    EXPECT_LE(distance(picture.color, pattern()), kLossy);
    EXPECT_GT(picture.color[1].max().item<float>(), 0.88F);
}

TEST(ReadHeif, TheFilesOwnTurnCountsAndItsExifDoesNot) {
    // libheif turns by the file's irot; what EXIF says of it is a copy, or stale.
    EXPECT_EQ(read_picture_size(sample("turned.avif")), (Size{32, 24}));
    EXPECT_LE(distance(read_picture(sample("turned.avif")).color, pattern().rot90(-1, {1, 2})), kLossy);
    EXPECT_LE(distance(read_picture(sample("exif.heic")).color, pattern()), kLossy);
}

TEST(ReadHeif, OfSeveralPicturesTheMainOneIsUsedWithANote) {
    EXPECT_THAT(read_picture(sample("several.heic")).notes, Contains(HasSubstr("holds several pictures")));
}

TEST(ReadHeif, CutAnywhereOrFlippedItIsAnErrorOrAPicture) {
    for (const std::string name : {"alpha.heic", "alpha.avif"}) {
        const std::vector<std::byte> whole = read_file(sample(name));
        const auto attempt = [&](const std::vector<std::byte>& bytes) {
            try {
                decode_picture(bytes, name, {1'000'000});
            } catch (const Error& error) {
                ASSERT_EQ(error.kind(), ErrorKind::Input) << error.what();
            }
        };
        for (std::size_t length = 0; length < whole.size(); length += 7) {
            attempt({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        }
        for (std::uint64_t i = 0; i < 200; ++i) {
            std::vector<std::byte> bytes = whole;
            bytes[random_bits(1, 1, i) % bytes.size()] = static_cast<std::byte>(random_bits(1, 2, i));
            attempt(bytes);
        }
        const auto first_box = std::to_integer<std::size_t>(whole[3]);
        // In its pixels, in its boxes, behind the first of them.
        for (const std::size_t length : {whole.size() - 20, std::size_t{200}, first_box}) {
            const std::span cut(whole.data(), length);
            EXPECT_THAT(expect_error(ErrorKind::Input, [&] { decode_picture(cut, name); }), HasSubstr("is truncated"));
        }
    }
}

TEST(ReadHeif, AGridThatSaysAnotherSizeThanThePictureGetsNoMemoryForIt) {
    std::vector<std::byte> bytes = read_file(sample("alpha.heic"));
    constexpr std::array kSize = {std::byte{0}, std::byte{32}, std::byte{0}, std::byte{24}};  // of the grid: 32x24
    const auto idat = std::as_bytes(std::span("idat", 4));
    const auto data = std::search(bytes.begin(), bytes.end(), idat.begin(), idat.end());
    const auto size = std::search(data, bytes.end(), kSize.begin(), kSize.end());
    ASSERT_NE(size, bytes.end());
    size[0] = size[2] = std::byte{0x7f};
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { decode_picture(bytes, "grid.heic"); }),
                HasSubstr("exceeds the maximum image size"));
}

/// A file of one item, whose stream begins with a sequence header that claims 20000x30000 pixels.
std::string lying_avif() {
    const auto box = [](const std::string& type, const std::string& content) {
        const auto size = static_cast<unsigned char>(content.size() + 8);
        return std::string(3, '\0') + static_cast<char>(size) + type + content;
    };
    // Profile, still picture, reduced, level; then 16 bits for either side, and the sides less 1.
    const std::string bits =
        "000"
        "1"
        "1"
        "00000"
        "1111"
        "1111"
        "0100111000011111"
        "0111010100101111"
        "000000";
    std::string header;
    for (std::size_t at = 0; at < bits.size(); at += 8) {
        header += static_cast<char>(std::stoi(bits.substr(at, 8), nullptr, 2));
    }
    const std::string stream = std::string("\x12\0\x0a", 3) + static_cast<char>(header.size()) + header;
    const std::string location =
        std::string("\1\0\0\0\x44\0\0\1\0\1\0\1\0\0\0\1\0\0\0\0\0\0\0", 23) + static_cast<char>(stream.size());
    return box("ftyp", "avif") + box("meta", std::string(4, '\0') + box("iloc", location) + box("idat", stream));
}

TEST(Av1Frames, AreAsLargeAsTheirStreamsSay) {
    EXPECT_EQ(image::largest_av1_frame(read_file(sample("alpha.avif"))), 32 * 24);
    EXPECT_EQ(image::largest_av1_frame(read_file(sample("turned.avif"))), 32 * 24);
    EXPECT_EQ(image::largest_av1_frame(read_file(sample("alpha.heic"))), 0);
    const std::string lying = lying_avif();
    const std::span bytes = std::as_bytes(std::span(lying.data(), lying.size()));
    EXPECT_EQ(image::largest_av1_frame(bytes), 20'000 * 30'000);
    for (std::size_t length = 0; length < lying.size(); ++length) {
        EXPECT_LE(image::largest_av1_frame(bytes.first(length)), 20'000 * 30'000) << "read beyond " << length;
    }
}

TEST(ReadHeif, AStreamThatClaimsAnotherSizeThanThePictureIsNotDecoded) {
    std::vector<std::byte> bytes = read_file(sample("alpha.avif"));
    const std::string lying = lying_avif();
    const auto claim = std::as_bytes(std::span(lying.data() + lying.size() - 11, 11));  // its two OBUs
    constexpr std::array kBegin = {std::byte{0x12}, std::byte{0}, std::byte{0x0a}};
    const auto stream = std::ranges::search(bytes, kBegin).begin();
    ASSERT_GE(bytes.end() - stream, 11);
    std::ranges::copy(claim, stream);
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { decode_picture(bytes, "lying.avif"); }),
                HasSubstr("claims another size than the picture has"));
}

TEST(Plugin, WhatIsMissingIsSaid) {
    try {
        plugin_function("libreverie_none.so", "nothing");
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("libreverie_none.so"));
    }
}

}  // namespace
}  // namespace reverie
