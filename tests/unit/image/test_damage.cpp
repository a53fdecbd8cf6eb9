#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "reverie/core/random.h"
#include "sample_pictures.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::sample;

struct Victim {
    std::string name;
    std::vector<std::byte> bytes;
};

/// Small files of every kind and of every decoding path.
std::vector<Victim> victims() {
    std::vector<Victim> all;
    for (const std::string name : {"grey.jpg",           "progressive.jpg",  "adobe_rgb.jpg",
                                   "ycck.jpg",           "interlaced.png",   "palette_transparent.png",
                                   "rgba16.png",         "big_endian16.tif", "tiles.tif",
                                   "separate_tiles.tif", "lzw.tif",          "palette.tif",
                                   "bilevel.tif",        "jpeg.tif",         "lossless_alpha.webp",
                                   "lossy_alpha.webp",   "turned.webp",      "animated.webp",
                                   "index4.bmp",         "runs8.bmp",        "runs4.bmp",
                                   "masks565.bmp",       "alpha_used.bmp",   "still.gif",
                                   "transparent.gif",    "apple_alpha.png",  "turned_both.png",
                                   "thumbnail_below.tif"}) {
        all.push_back({name, read_file(sample(name))});
    }
    Picture picture;
    // Noise, so that the pixels are the larger part of each file.
    picture.color = at::empty({3, 24, 16}, at::kFloat);
    for (std::int64_t i = 0; i < picture.color.numel(); ++i) {
        picture.color.data_ptr<float>()[i] = static_cast<float>(random_uniform(1, 0, static_cast<std::uint64_t>(i)));
    }
    picture.text = {{"Comment", "text"}};
    for (const auto& [name, format] : {std::pair{"our.jpg", PictureFormat::Jpeg},
                                       {"our.png", PictureFormat::Png},
                                       {"our.tif", PictureFormat::Tiff},
                                       {"our.webp", PictureFormat::WebP},
                                       {"our.bmp", PictureFormat::Bmp}}) {
        all.push_back({name, encode_picture(picture, format)});
    }
    return all;
}

TEST(Damage, EveryTruncationIsAnErrorOrLeavesThePictureWhole) {
    for (const Victim& victim : victims()) {
        const Picture whole = decode_picture(victim.bytes, victim.name);
        std::size_t complete = 0;
        for (std::size_t length = 0; length < victim.bytes.size(); ++length) {
            try {
                const Picture picture = decode_picture(std::span(victim.bytes).first(length), victim.name);
                ASSERT_TRUE(at::equal(picture.color, whole.color)) << victim.name << " cut to " << length;
                ++complete;
            } catch (const Error& error) {
                ASSERT_EQ(error.kind(), ErrorKind::Input) << error.what();
            }
        }
        // What may be cut without loss is small: padding, a profile or the second frame behind the pixels.
        EXPECT_LE(complete, victim.bytes.size() / 2) << victim.name;
    }
}

TEST(Damage, AFileCutInItsPixelsIsCalledTruncated) {
    for (const Victim& victim : victims()) {
        if (victim.name.starts_with("our.")) {
            const auto half = std::span(victim.bytes).first(victim.bytes.size() / 2);
            EXPECT_THAT(expect_error(ErrorKind::Input, [&] { decode_picture(half, victim.name); }),
                        testing::HasSubstr("'" + victim.name + "' is truncated"));
        }
    }
}

TEST(Damage, BytesBehindThePictureAreIgnored) {
    for (const Victim& victim : victims()) {
        std::vector<std::byte> longer = victim.bytes;
        longer.resize(longer.size() + 1000, std::byte{0x5a});
        EXPECT_TRUE(
            at::equal(decode_picture(longer, victim.name).color, decode_picture(victim.bytes, victim.name).color))
            << victim.name;
    }
}

TEST(Damage, RandomBytesNeverCrashNorTakeWildMemory) {
    // Flipped sizes may claim huge pictures: the limit keeps honest ones small, the address space tells of dishonest
    // ones. The sanitizers need far more of it than any limit allows, and find worse by themselves.
#if !defined(__SANITIZE_ADDRESS__)
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
    rlimit limited = before;
    std::ifstream sizes("/proc/self/statm");
    rlim_t pages = 0;
    sizes >> pages;
    limited.rlim_cur = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (rlim_t{1} << 30);
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limited), 0);
#endif
    constexpr int kFlipsPerFile = 600;  // 2000 and more for each format
    const ReadLimits limits = {20'000'000};
    std::uint64_t counter = 0;
    std::uint64_t stream = 0;
    for (const Victim& victim : victims()) {
        ++stream;
        int refused = 0;
        for (int i = 0; i < kFlipsPerFile; ++i) {
            std::vector<std::byte> bytes = victim.bytes;
            const auto flips = random_integer(1, stream, counter++, 1, 3);
            for (std::int64_t k = 0; k < flips; ++k) {
                const auto at = random_integer(1, stream, counter++, 0, static_cast<std::int64_t>(bytes.size()) - 1);
                bytes[static_cast<std::size_t>(at)] = static_cast<std::byte>(random_bits(1, stream, counter++));
            }
            try {
                const Picture picture = decode_picture(bytes, victim.name, limits);
                ASSERT_LE(picture.color.numel() / 3, limits.max_pixels);
            } catch (const Error& error) {
                ASSERT_EQ(error.kind(), ErrorKind::Input) << victim.name << ": " << error.what();
                ASSERT_THAT(error.what(), testing::Not(testing::HasSubstr("free memory"))) << victim.name;
                ++refused;
            }
        }
        EXPECT_GT(refused, 0) << victim.name;
    }
#if !defined(__SANITIZE_ADDRESS__)
    ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
#endif
}

TEST(Damage, AHugeClaimCostsNothingBeforeItFails) {
    // 30000 x 30000 pixels in a few bytes: within the limit, so only the missing data refuses it.
    std::vector<std::byte> jpeg = test::encoded(test::smooth_picture(16, 16), PictureFormat::Jpeg);
    const std::array<std::byte, 2> marker = {std::byte{0xff}, std::byte{0xc0}};
    const auto frame = std::search(jpeg.begin(), jpeg.end(), marker.begin(), marker.end());
    ASSERT_NE(frame, jpeg.end());
    for (const int at : {5, 7}) {  // height and width
        frame[at] = std::byte{0x75};
        frame[at + 1] = std::byte{0x30};
    }
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    expect_error(ErrorKind::Input, [&] { decode_picture(jpeg, "huge.jpg"); });
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
#if !defined(__SANITIZE_ADDRESS__)                           // whose own memory counts too
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 100'000);  // kB
#endif
}

}  // namespace
}  // namespace reverie
