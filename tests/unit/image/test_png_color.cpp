#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "color_profiles.h"
#include "image/color_codes.h"

namespace reverie {
namespace {

using test::by_little_cms;
using test::Chunk;
using test::distance;
using test::encoded;
using test::FileBytes;
using test::many_colors;
using test::sample;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kSame = 0.25;  // 255ths; Little CMS is off by half of it

Chunk gamma(std::uint32_t value) { return {"gAMA", test::big_endian({value})}; }

Chunk colors(const cmsCIExyYTRIPLE& primaries) {
    const auto number = [](double value) { return static_cast<std::uint32_t>(std::lround(value * 100'000)); };
    return {"cHRM", test::big_endian({number(0.3127), number(0.3290), number(primaries.Red.x), number(primaries.Red.y),
                                      number(primaries.Green.x), number(primaries.Green.y), number(primaries.Blue.x),
                                      number(primaries.Blue.y)})};
}

Chunk codes(int primaries, int transfer, int full_range = 1, int matrix = 0) {
    return {"cICP",
            {static_cast<std::byte>(primaries), static_cast<std::byte>(transfer), static_cast<std::byte>(matrix),
             static_cast<std::byte>(full_range)}};
}

/// 16 bits, so that what is compared was not rounded before.
Picture read_with(const std::vector<Chunk>& chunks, const Tensor& image = many_colors()) {
    return decode_picture(test::png_with_chunks(encoded(image, PictureFormat::Png, {.bits = 16}), chunks), "x");
}

void expect_as(const std::vector<Chunk>& chunks, const FileBytes& profile) {
    const Picture picture = read_with(chunks);
    EXPECT_LE(distance(picture.color, by_little_cms(profile, many_colors())), kSame) << chunks.front().first;
    EXPECT_THAT(picture.notes, IsEmpty());
}

void expect_untouched(const std::vector<Chunk>& chunks) {
    const Picture picture = read_with(chunks);
    EXPECT_TRUE(at::equal(picture.color, read_with({}).color)) << chunks.front().first;
    EXPECT_THAT(picture.notes, IsEmpty());
}

double srgb_of(double light) { return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055; }

TEST(PngColor, GammaIsConverted) {
    const Tensor image = many_colors();
    const Tensor light = image.to(at::kDouble);
    const Tensor expected =
        at::where(light <= 0.0031308, 12.92 * light, 1.055 * light.pow(1 / 2.4) - 0.055).to(at::kFloat);
    EXPECT_LE(distance(read_with({gamma(100'000)}).color, expected), kSame);
    expect_as({gamma(55'556)}, test::matrix_profile(test::kSrgb, test::gamma_curve(1.8)));
    expect_as({gamma(45'455), colors(test::kP3)}, test::matrix_profile(test::kP3, test::gamma_curve(2.2)));
    expect_as({colors(test::kP3)}, test::display_p3());
    expect_as({gamma(100'000), colors(test::kRec2020)}, test::matrix_profile(test::kRec2020, test::gamma_curve(1)));
}

TEST(PngColor, GreyIsConvertedByGammaAlone) {
    const FileBytes png = read_file(sample("grey16.png"));
    const Tensor grey = load_image(sample("grey16.png"));
    const FileBytes profile = test::grey_profile(test::gamma_curve(1.0));
    EXPECT_LE(distance(decode_picture(test::png_with_chunks(png, {gamma(100'000), colors(test::kP3)}), "x").color,
                       by_little_cms(profile, grey.slice(0, 0, 1))),
              kSame);
}

TEST(PngColor, WhatMeansSrgbIsLeftAlone) {
    expect_untouched({gamma(45'455)});
    expect_untouched({gamma(45'454), colors(test::kSrgb)});
    expect_untouched({colors(test::kSrgb)});
    expect_untouched({codes(1, 13)});
    expect_untouched({codes(1, 1)});
    expect_untouched({Chunk{"sRGB", {std::byte{0}}}, gamma(100'000)});
}

TEST(PngColor, CodesComeFirstThenTheProfileThenSrgbThenGamma) {
    const Chunk srgb = {"sRGB", {std::byte{0}}};
    expect_as({gamma(100'000), srgb, test::profile_chunk(test::adobe_rgb()), codes(12, 13)}, test::display_p3());
    expect_as({gamma(100'000), srgb, test::profile_chunk(test::adobe_rgb())}, test::adobe_rgb());
    expect_untouched({gamma(100'000), colors(test::kP3), srgb});
}

TEST(PngColor, CodesOfStandardRangeAreConverted) {
    expect_as({codes(12, 13)}, test::display_p3());
    expect_as({codes(9, 14)}, test::matrix_profile(test::kRec2020, test::srgb_curve()));
    expect_as({codes(9, 4)}, test::matrix_profile(test::kRec2020, test::gamma_curve(2.2)));
    expect_as({codes(1, 8)}, test::matrix_profile(test::kSrgb, test::gamma_curve(1)));
}

TEST(PngColor, TheNarrowRangeIsStretched) {
    const Tensor image = many_colors();
    for (const int bits : {8, 16}) {
        const double unit = bits == 16 ? 256.0 / 65535 : 1.0 / 255;
        const FileBytes png = test::png_with_chunks(
            encoded(unit * (16 + 219 * image), PictureFormat::Png, {.bits = bits}), {codes(1, 13, 0)});
        EXPECT_LE(distance(decode_picture(png, "x").color, image), bits == 16 ? kSame : 0.7);
    }
}

TEST(PngColor, CodesForGreyPicturesCount) {
    const FileBytes png = test::png_with_chunks(read_file(sample("grey16.png")), {codes(1, 8)});
    const Tensor expected =
        by_little_cms(test::grey_profile(test::gamma_curve(1.0)), load_image(sample("grey16.png")).slice(0, 0, 1));
    EXPECT_LE(distance(decode_picture(png, "x").color, expected), kSame);
}

/// What one grey sample becomes.
double grey_through(const Chunk& chunk, double value) {
    return read_with({chunk}, at::full({3, 3, 5}, value, at::kFloat)).color.max().item<double>();
}

/// The sample of a light in candela per square metre by SMPTE ST 2084.
double pq_of(double light) {
    const double power = std::pow(light / 10'000, 0.1593017578125);
    return std::pow((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power), 78.84375);
}

TEST(PngColor, PqBelowHalfOfWhiteKeepsItsLightAndIsRolledOffAbove) {
    for (const double light : {0.5, 5.0, 26.0, 60.0, 100.0}) {
        EXPECT_NEAR(grey_through(codes(9, 16), pq_of(light)), srgb_of(light / 203), 0.5 / 255) << light;
    }
    double before = srgb_of(0.5);
    for (const double light : {150.0, 203.0, 400.0, 700.0, 990.0}) {
        const double shown = grey_through(codes(9, 16), pq_of(light));
        EXPECT_GT(shown, before + 2.0 / 255) << light;
        EXPECT_LT(shown, 1);
        before = shown;
    }
    EXPECT_NEAR(grey_through(codes(9, 16), pq_of(203)), 225.0 / 255, 2.0 / 255);
    EXPECT_NEAR(grey_through(codes(9, 16), pq_of(1000)), 1, 1.0 / 255);
    EXPECT_NEAR(grey_through(codes(9, 16), 1), 1, 1e-4);
    EXPECT_NEAR(grey_through(codes(9, 16), 0), 0, 1e-4);
}

TEST(PngColor, HlgIsShownAsOnADisplayOfThousandCandela) {
    // BT.2408: three quarters of the signal are the reference white.
    EXPECT_NEAR(grey_through(codes(9, 18), 0.75), grey_through(codes(9, 16), pq_of(203)), 1.0 / 255);
    EXPECT_NEAR(grey_through(codes(9, 18), 1), 1, 1.0 / 255);
    // A grey card at 0.38 of the signal: 26 candela.
    EXPECT_NEAR(grey_through(codes(9, 18), 0.38), srgb_of(26.0 / 203), 3.0 / 255);
}

TEST(PngColor, HdrKeepsItsHuesAndIsNoted) {
    for (const auto& [transfer, name] : {std::pair{16, "PQ"}, {18, "HLG"}}) {
        const Picture picture = read_with({codes(9, transfer)});
        EXPECT_THAT(picture.notes, ElementsAre(HasSubstr(std::string("is an HDR picture (") + name)));
        EXPECT_GT(distance(picture.color, many_colors()), 40);
        // A bright orange of BT.709 stays orange: red above green above blue, none of them washed out.
        const double red = pq_of(800);
        const double green = pq_of(400);
        const double blue = pq_of(80);
        const Tensor orange = at::tensor({red, green, blue}, at::kFloat).view({3, 1, 1}).expand({3, 3, 5});
        const Tensor shown = read_with({codes(1, 16)}, orange).color.select(2, 0).select(1, 0);
        const auto light = [&](int channel) { return std::pow((shown[channel].item<double>() + 0.055) / 1.055, 2.4); };
        EXPECT_NEAR(light(1) / light(0), 0.5, 0.02);
        EXPECT_NEAR(light(2) / light(0), 0.1, 0.02);
    }
}

TEST(PngColor, AProfileThatSaysItIsHdrIsReadByItsCodes) {
    const image::ColorProfile profile(
        cmsOpenProfileFromMem(test::display_p3().data(), static_cast<cmsUInt32Number>(test::display_p3().size())));
    const std::array<unsigned char, 12> tag = {'c', 'i', 'c', 'p', 0, 0, 0, 0, 9, 16, 0, 1};
    cmsWriteRawTag(profile.get(), static_cast<cmsTagSignature>(0x63696370), tag.data(), tag.size());
    const Picture picture = read_with({test::profile_chunk(test::saved(profile.get()))});
    EXPECT_TRUE(at::equal(picture.color, read_with({codes(9, 16)}).color));
    EXPECT_THAT(picture.notes, ElementsAre(HasSubstr("is an HDR picture (PQ)")));
}

TEST(PngColor, WhatCannotBeUsedIsNotedAndTheNextCounts) {
    const auto expect_note = [](const std::vector<Chunk>& chunks, const std::string& note, const Tensor& color) {
        const Picture picture = read_with(chunks);
        EXPECT_THAT(picture.notes, ElementsAre(HasSubstr(note)));
        EXPECT_LE(distance(picture.color, color), kSame);
    };
    const Tensor p3 = by_little_cms(test::display_p3(), many_colors());
    const Chunk p3_chunk = test::profile_chunk(test::display_p3());
    expect_note({codes(200, 13), p3_chunk}, "the codes 200 and 13, which are not known here", p3);
    expect_note({codes(1, 2), p3_chunk}, "the codes 1 and 2", p3);
    expect_note({codes(9, 16, 1, 9), p3_chunk}, "a cICP chunk that is damaged", p3);
    expect_note({Chunk{"iCCP", test::bytes_of("p")}}, "a damaged colour profile", many_colors());
    expect_note({test::profile_chunk(test::bytes_of("no profile"))}, "a damaged colour profile", many_colors());
    expect_note({gamma(0)}, "an impossible gamma", many_colors());
    expect_note({gamma(0x80000000)}, "an impossible gamma", many_colors());
    expect_note({Chunk{"cHRM", test::big_endian({0, 0, 0, 0, 0, 0, 0, 0})}}, "impossible colours", many_colors());
}

TEST(PngColor, AChunkWithAWrongSumIsDamaged) {
    FileBytes png = test::png_with_chunks(encoded(many_colors(), PictureFormat::Png), {codes(12, 13)});
    png[33 + 8] = std::byte{9};
    EXPECT_THAT(decode_picture(png, "x").notes, ElementsAre(HasSubstr("a cICP chunk that is damaged")));
}

TEST(ColorCodes, ATensorIsConvertedByItsCodes) {
    std::vector<std::string> notes;
    const Tensor image = many_colors();
    const Tensor p3 = image::codes_to_srgb_(image.clone(), {.primaries = 12, .transfer = 13}, "x", notes);
    EXPECT_LE(distance(p3, by_little_cms(test::display_p3(), image)), kSame);
    EXPECT_TRUE(at::equal(image::codes_to_srgb_(image.clone(), {.primaries = 1, .transfer = 13}, "x", notes), image));
    EXPECT_THAT(notes, IsEmpty());
    image::codes_to_srgb_(image.clone(), {.primaries = 2, .transfer = 2}, "x", notes);
    EXPECT_THAT(notes, ElementsAre(HasSubstr("'x' gives its colours by the codes 2 and 2")));
}

}  // namespace
}  // namespace reverie
