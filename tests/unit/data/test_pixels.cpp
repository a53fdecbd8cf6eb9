#include <gtest/gtest.h>

#include "data/pixels.h"
#include "drawn_images.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"

namespace reverie {
namespace {

using data::crop_of;
using data::decode_pixels;

Tensor to_bytes(const Tensor& image) { return image.clamp(0, 1).mul(255).round().to(at::kByte); }

/// [C,H,W] in [0,1] -> uint8 [H,W,C].
Tensor interleaved(const Tensor& image) { return to_bytes(image).permute({1, 2, 0}).contiguous(); }

Tensor fitted(const Tensor& pixels, Size size, Fit fit, std::int64_t channels) {
    Tensor out = at::empty({channels, size.height, size.width}, at::kByte);
    data::fit_pixels(pixels, size, fit, channels, out.data_ptr<std::uint8_t>());
    return out;
}

int distance(const Tensor& a, const Tensor& b) {
    EXPECT_EQ(a.sizes(), b.sizes());
    return (a.to(at::kInt) - b.to(at::kInt)).abs().max().item<int>();
}

TEST(Pixels, AreResizedAsPillowDoes) {
    for (const Size from : {Size{17, 33}, Size{218, 178}, Size{64, 50}, Size{400, 31}}) {
        for (const Size to : {Size{16, 16}, Size{64, 64}, Size{48, 96}}) {
            for (const std::int64_t channels : {1, 3}) {
                const Tensor image = test::drawing(from).slice(0, 0, channels).contiguous();
                // resize() is compared with Pillow itself elsewhere. Weights in 16 bits and two roundings to bytes
                // instead of one: a level of difference, rarely two.
                const Tensor expected =
                    to_bytes(resize(interleaved(image).permute({2, 0, 1}).to(at::kFloat).div(255).contiguous(), to));
                EXPECT_LE(distance(fitted(interleaved(image), to, Fit::Stretch, channels), expected), 2)
                    << text_of(from) << " to " << text_of(to);
            }
        }
    }
}

TEST(Pixels, OfTheRightSizeAreKeptExactly) {
    const Tensor image = test::drawing({17, 33});
    EXPECT_TRUE(at::equal(fitted(interleaved(image), {17, 33}, Fit::Center, 3), to_bytes(image)));
}

TEST(Pixels, AreCutInTheMiddleToTheWantedShape) {
    const Tensor wide = at::zeros({17, 33, 3}, at::kByte);
    const auto crop = crop_of(wide, {64, 64}, Fit::Center);
    EXPECT_EQ(crop.size, (Size{17, 17}));
    EXPECT_EQ(crop.left, 8);
    EXPECT_EQ(crop.top, 0);
    const auto tall = crop_of(wide.transpose(0, 1).contiguous(), {16, 32}, Fit::Center);
    EXPECT_EQ(tall.size, (Size{9, 17}));  // 8.5 rounded up
    EXPECT_EQ(tall.top, 12);
    EXPECT_EQ(crop_of(wide, {64, 64}, Fit::Stretch).size, (Size{17, 33}));
    EXPECT_EQ(crop_of(at::zeros({1, 5000, 1}, at::kByte), {4096, 16}, Fit::Center).size, (Size{1, 1}));
}

TEST(Pixels, AreCutWhereTheDetailIs) {
    Tensor image = at::full({20, 60, 3}, 128, at::kByte);
    EXPECT_EQ(crop_of(image, {32, 32}, Fit::Smart).left, crop_of(image, {32, 32}, Fit::Center).left);
    for (std::int64_t x = 45; x < 55; ++x) {
        image.slice(0, 5, 15).select(1, x).fill_(x % 2 == 0 ? 0 : 255);
    }
    const auto crop = crop_of(image, {32, 32}, Fit::Smart);
    EXPECT_LE(crop.left, 44);
    EXPECT_GE(crop.left + crop.size.width, 55);
    const auto turned = crop_of(image.transpose(0, 1).contiguous(), {32, 32}, Fit::Smart);
    EXPECT_EQ(turned.top, crop.left);
}

TEST(Pixels, GetTheChannelsAskedFor) {
    const Tensor image = test::drawing({20, 20});
    const Tensor rgb = interleaved(image);
    const Tensor exact = rgb.permute({2, 0, 1}).to(at::kFloat).div(255).contiguous();
    EXPECT_LE(distance(fitted(rgb, {20, 20}, Fit::Center, 1), to_bytes(luma_of(exact))), 1);
    const Tensor rgba = fitted(rgb, {20, 20}, Fit::Center, 4);
    EXPECT_TRUE(at::equal(rgba.slice(0, 0, 3), to_bytes(image)));
    EXPECT_TRUE((rgba[3] == 255).all().item<bool>());
    const Tensor grey = rgb.slice(2, 0, 1).contiguous();
    const Tensor tripled = fitted(grey, {20, 20}, Fit::Center, 3);
    EXPECT_TRUE(at::equal(tripled[0], tripled[2]));
}

TEST(Pixels, TransparentColoursDoNotShineThrough) {
    // Left half opaque green, right half invisible red.
    Tensor image = at::zeros({32, 32, 4}, at::kByte);
    image.slice(1, 0, 16).select(2, 1).fill_(200);
    image.slice(1, 0, 16).select(2, 3).fill_(255);
    image.slice(1, 16, 32).select(2, 0).fill_(255);
    const Tensor rgba = fitted(image, {16, 16}, Fit::Center, 4);
    EXPECT_EQ(rgba[1][8][2].item<int>(), 200);
    EXPECT_EQ(rgba[3][8][2].item<int>(), 255);
    EXPECT_EQ(rgba[3][8][13].item<int>(), 0);
    EXPECT_EQ(at::where(rgba[3] > 0, rgba[0], 0).max().item<int>(), 0);  // no red where anything shows
    const Tensor rgb = fitted(image, {16, 16}, Fit::Center, 3);
    EXPECT_EQ(rgb[0][8][13].item<int>(), 255);  // white
    EXPECT_EQ(rgb[1][8][13].item<int>(), 255);
    EXPECT_EQ(rgb[0][8][2].item<int>(), 0);
    EXPECT_EQ(rgb[1][8][2].item<int>(), 200);
}

TEST(Pixels, OfAReducedJpegAreNearThoseOfTheWhole) {
    struct Case {
        Size stored;
        Size target;
        std::int64_t height;  // as decoded
    };
    for (const auto& [stored, target, height] :
         std::vector<Case>{{{640, 480}, {64, 48}, 80},   // an eighth
                           {{640, 480}, {65, 48}, 160},  // that would not be a quarter longer
                           {{643, 480}, {64, 48}, 161},  // nor may the last pixel be mostly air
                           {{640, 480}, {200, 100}, 320},
                           {{640, 480}, {320, 200}, 640},
                           {{640, 480}, {16, 300}, 640}}) {
        const std::string jpeg = test::encoded(resize(test::drawing({40, 30}), stored), PictureFormat::Jpeg);
        const auto bytes = test::bytes_of(jpeg);
        const Tensor whole = decode_pixels(bytes, "a.jpg", {.max_pixels = 1'000'000});
        EXPECT_EQ(whole.sizes(), (std::vector<std::int64_t>{stored.height, stored.width, 3}));
        const Tensor reduced = decode_pixels(bytes, "a.jpg", {.at_least = target, .max_pixels = 1'000'000});
        EXPECT_EQ(reduced.size(0), height) << text_of(target);
        // Of so smooth a drawing all ways of averaging make the same, but for rounding; a shift by half a pixel of the
        // smallest would give 4.
        EXPECT_LE((fitted(reduced, target, Fit::Stretch, 3).to(at::kFloat) -
                   fitted(whole, target, Fit::Stretch, 3).to(at::kFloat))
                      .abs()
                      .mean()
                      .item<double>(),
                  1)
            << text_of(target);
    }
}

TEST(Pixels, AreTurnedUprightBeforeTheyAreCut) {
    using namespace std::string_literals;
    const std::string block = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"s;
    std::string jpeg = test::encoded(test::drawing({80, 120}), PictureFormat::Jpeg);
    const Tensor stored = decode_pixels(test::bytes_of(jpeg), "a.jpg", {.max_pixels = 1'000'000});
    jpeg.insert(2, "\xff\xe1\x00"s + static_cast<char>(block.size() + 2) + block);
    const auto bytes = test::bytes_of(jpeg);
    EXPECT_TRUE(at::equal(decode_pixels(bytes, "a.jpg", {.max_pixels = 1'000'000}), stored.rot90(-1, {0, 1})));
    // The least size is that of the upright image.
    const Tensor reduced = decode_pixels(bytes, "a.jpg", {.at_least = Size{40, 30}, .max_pixels = 1'000'000});
    EXPECT_EQ(reduced.sizes(), (std::vector<std::int64_t>{60, 40, 3}));
}

TEST(Pixels, AreSrgbWhateverProfileTheFileCarries) {
    const auto folder = std::filesystem::path(REVERIE_TEST_DATA) / "unit/image/samples";
    const auto read = [&](const std::string& name) {
        return decode_pixels(read_file(folder / name), name, {.max_pixels = 1000});
    };
    for (const std::string name : {"adobe_rgb.jpg", "display_p3.png"}) {
        EXPECT_EQ(distance(read(name), interleaved(read_picture(folder / name).color)), 0) << name;
    }
    // The same samples without a profile.
    EXPECT_GT(distance(read("display_p3.png"), read("interlaced.png")), 20);
}

}  // namespace
}  // namespace reverie
