#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

// After <cstdio>, which libjpeg's header needs and does not include.
#include <jpeglib.h>

#include "color_profiles.h"
#include "image/color_profile.h"
#include "image/exif.h"
#include "image/tiff_file.h"
#include "reverie/core/random.h"

namespace reverie {
namespace {

using test::by_little_cms;
using test::distance;
using test::encoded;
using test::FileBytes;
using test::many_colors;
using test::sample;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// In 255ths. Little CMS itself, told to make sRGB of sRGB, is off by half of it: profiles hold 16 bits behind the
/// point.
constexpr double kSame = 0.25;

Tensor rounded(const Tensor& image, int bits) {
    const double full = bits == 16 ? 65535 : 255;
    return (image * full).round() / full;
}

void expect_same(const FileBytes& file, const FileBytes& profile, const Tensor& samples, const std::string& what) {
    const Picture picture = decode_picture(file, what);
    EXPECT_LE(distance(picture.color, by_little_cms(profile, samples)), kSame) << what;
    EXPECT_THAT(picture.notes, IsEmpty()) << what;
    EXPECT_TRUE(picture.color.is_contiguous()) << what;
}

/// Every kind of file with RGB samples and a profile against Little CMS.
void expect_rgb_conversion(const FileBytes& profile, const std::string& what) {
    const Tensor image = many_colors();
    for (const int bits : {8, 16}) {
        const FileBytes png =
            test::png_with_chunks(encoded(image, PictureFormat::Png, {.bits = bits}), {test::profile_chunk(profile)});
        expect_same(png, profile, rounded(image, bits), what + ", PNG of " + std::to_string(bits) + " bits");
        EXPECT_EQ(decode_picture(png, "x").bits, bits);
    }
    // What these two lose is lost before the profile comes in.
    const FileBytes jpeg = encoded(image, PictureFormat::Jpeg);
    expect_same(test::jpeg_with_profile(jpeg, profile), profile, decode_picture(jpeg, "plain").color, what + ", JPEG");
    const FileBytes webp = encoded(image, PictureFormat::WebP);
    expect_same(test::webp_with_profile(webp, profile), profile, decode_picture(webp, "plain").color, what + ", WebP");
}

TEST(ColorProfile, MatricesConvertAsByLittleCms) {
    expect_rgb_conversion(test::display_p3(), "Display P3");
    expect_rgb_conversion(test::adobe_rgb(), "Adobe RGB");
    const cmsCIExyY d50 = *cmsD50_xyY();
    const cmsCIExyYTRIPLE wide = {{0.7347, 0.2653, 1}, {0.1596, 0.8404, 1}, {0.0366, 0.0001, 1}};
    expect_rgb_conversion(test::matrix_profile(wide, test::gamma_curve(1.8), d50), "ProPhoto");
    expect_rgb_conversion(test::matrix_profile(test::kSrgb, test::gamma_curve(2.2)),
                          "sRGB's colours with a plain gamma");
}

TEST(ColorProfile, ConvertingChangesWhatIsSeen) {
    const Tensor image = many_colors();
    EXPECT_GT(distance(by_little_cms(test::display_p3(), image), image), 20);
    EXPECT_GT(distance(by_little_cms(test::adobe_rgb(), image), image), 20);
}

TEST(ColorProfile, TablesConvertAsByLittleCms) { expect_rgb_conversion(test::rgb_table(), "a table"); }

TEST(ColorProfile, ABlackThatShinesIsCompensated) {
    const std::array<double, 4> lifted = {2.2, 0.95, 0.0, 0.08};  // (0.95 x)^2.2 + 0.08 from 0 on
    const image::ToneCurve curve(cmsBuildParametricToneCurve(nullptr, 3, lifted.data()));
    expect_rgb_conversion(test::matrix_profile(test::kSrgb, curve), "a lifted black");
}

TEST(ColorProfile, GreyConvertsByItsCurve) {
    const Tensor jpeg_grey = load_image(sample("grey.jpg"));
    const Tensor png_grey = load_image(sample("grey16.png"));
    const std::vector<std::pair<std::string, FileBytes>> profiles = {
        {"gamma 2.2", test::grey_profile(test::gamma_curve(2.2))},
        {"gamma 1.8", test::grey_profile(test::gamma_curve(1.8))},
        {"linear", test::grey_profile(test::gamma_curve(1.0))},
        {"dot gain", test::grey_profile(test::dot_gain())}};
    for (const auto& [what, profile] : profiles) {
        expect_same(test::jpeg_with_profile(read_file(sample("grey.jpg")), profile), profile, jpeg_grey.slice(0, 0, 1),
                    what);
        expect_same(test::png_with_chunks(read_file(sample("grey16.png")), {test::profile_chunk(profile)}), profile,
                    png_grey.slice(0, 0, 1), what);
    }
}

TEST(ColorProfile, GreyPicturesInAnRgbSpaceAreItsNeutralColours) {
    const Tensor grey = load_image(sample("grey.jpg"));
    expect_same(test::jpeg_with_profile(read_file(sample("grey.jpg")), test::adobe_rgb()), test::adobe_rgb(), grey,
                "grey in Adobe RGB");
}

/// The inks of a JPEG as libjpeg hands them out, upside down as Adobe stores them: [4,H,W], 1 is all ink.
Tensor inks_of(const FileBytes& jpeg) {
    jpeg_decompress_struct info = {};
    jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(jpeg.data()), jpeg.size());
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_CMYK;
    jpeg_start_decompress(&info);
    Tensor inks = at::empty({info.output_height, info.output_width, 4}, at::kByte);
    while (info.output_scanline < info.output_height) {
        auto* row = inks[info.output_scanline].data_ptr<std::uint8_t>();
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_destroy_decompress(&info);
    return ((255 - inks.permute({2, 0, 1}).to(at::kFloat)) / 255).contiguous();
}

TEST(ColorProfile, CmykJpegsOfEveryKindConvertAsByLittleCms) {
    const FileBytes press = test::press();
    for (const std::string name : {"cmyk_adobe.jpg", "cmyk_plain.jpg", "ycck.jpg"}) {
        const FileBytes file = read_file(sample(name));
        expect_same(test::jpeg_with_profile(file, press), press, inks_of(file), name);
        EXPECT_GT(distance(decode_picture(test::jpeg_with_profile(file, press), name).color,
                           decode_picture(file, name).color),
                  10);
    }
}

/// A TIFF of one strip.
FileBytes tiff_of(const Tensor& samples, int bits, int photometric, const FileBytes& profile) {
    image::TiffFile file(false);
    TIFF* tiff = file.handle();
    const Tensor numbers = (samples * (bits == 16 ? 65535 : 255)).round().to(at::kInt).permute({1, 2, 0}).contiguous();
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(samples.size(2)));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(samples.size(1)));
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(samples.size(0)));
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, photometric);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    if (!profile.empty()) {
        TIFFSetField(tiff, TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(profile.size()), profile.data());
    }
    FileBytes strip;
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
        const auto number = static_cast<std::uint16_t>(numbers.data_ptr<int>()[i]);
        std::array<std::byte, 2> bytes;
        std::memcpy(bytes.data(), &number, 2);
        strip.insert(strip.end(), bytes.begin(), bytes.begin() + (bits == 16 ? 2 : 1));
    }
    TIFFWriteEncodedStrip(tiff, 0, strip.data(), static_cast<tmsize_t>(strip.size()));
    TIFFWriteDirectory(tiff);
    return file.close();
}

TEST(ColorProfile, TiffsConvertAsByLittleCms) {
    const Tensor colors = many_colors();
    const Tensor inks = at::cat({colors, colors.flip(2).slice(0, 0, 1)});
    for (const int bits : {8, 16}) {
        expect_same(tiff_of(inks, bits, PHOTOMETRIC_SEPARATED, test::press()), test::press(), rounded(inks, bits),
                    "inks");
        expect_same(tiff_of(colors, bits, PHOTOMETRIC_RGB, test::display_p3()), test::display_p3(),
                    rounded(colors, bits), "RGB");
        expect_same(
            tiff_of(colors.slice(0, 0, 1), bits, PHOTOMETRIC_MINISBLACK, test::grey_profile(test::gamma_curve(1.8))),
            test::grey_profile(test::gamma_curve(1.8)), rounded(colors.slice(0, 0, 1), bits), "grey");
    }
}

/// A BMP with the longest header, which ends in where its profile is.
FileBytes bmp_with_profile(const FileBytes& bmp, const FileBytes& profile) {
    constexpr std::size_t kShort = 14 + 40;
    constexpr std::size_t kLong = 14 + 124;
    FileBytes result(bmp.begin(), bmp.begin() + kShort);
    result.resize(kLong);
    const auto put = [&](std::size_t at, std::size_t number) {
        for (std::size_t i = 0; i < 4; ++i) {
            result[at + i] = static_cast<std::byte>(number >> (8 * i));
        }
    };
    put(10, kLong);
    put(14, 124);
    put(70, 0x4d424544);
    put(126, bmp.size() - kShort + 124);
    put(130, profile.size());
    result.insert(result.end(), bmp.begin() + kShort, bmp.end());
    result.insert(result.end(), profile.begin(), profile.end());
    return result;
}

TEST(ColorProfile, BitmapsOfVersion5ConvertAsByLittleCms) {
    const FileBytes bmp = encoded(many_colors(), PictureFormat::Bmp);
    expect_same(bmp_with_profile(bmp, test::display_p3()), test::display_p3(), rounded(many_colors(), 8), "BMP");
    FileBytes cut = bmp_with_profile(bmp, test::display_p3());
    cut.resize(cut.size() - 400);
    EXPECT_THAT(decode_picture(cut, "x").notes, ElementsAre(HasSubstr("a damaged colour profile")));
}

TEST(ColorProfile, InksWithoutAProfileAreMultipliedWithANote) {
    const Tensor colors = many_colors();
    const Tensor inks = at::cat({colors, colors.flip(2).slice(0, 0, 1)});
    for (const int bits : {8, 16}) {
        const Picture picture = decode_picture(tiff_of(inks, bits, PHOTOMETRIC_SEPARATED, {}), "press");
        EXPECT_LE(distance(picture.color, (1 - inks.slice(0, 0, 3)) * (1 - inks.slice(0, 3, 4))), 1);
        EXPECT_THAT(picture.notes, ElementsAre(HasSubstr("CMYK picture, converted without a profile")));
    }
}

TEST(ColorProfile, WhatIsSrgbByContentIsLeftAloneToTheBit) {
    const FileBytes jpeg = encoded(many_colors(), PictureFormat::Jpeg);
    const Tensor plain = decode_picture(test::jpeg_with_profile(jpeg, {}), "plain").color;
    for (const FileBytes& profile : {test::matrix_profile(test::kSrgb, test::srgb_curve()),
                                     test::matrix_profile(test::kSrgb, test::srgb_curve(), test::kD65, 2.1)}) {
        const Picture picture = decode_picture(test::jpeg_with_profile(jpeg, profile), "x");
        EXPECT_TRUE(at::equal(picture.color, plain));
        EXPECT_THAT(picture.notes, IsEmpty());
    }
    // And its name alone makes none sRGB.
    const image::ColorProfile p3(
        cmsOpenProfileFromMem(test::display_p3().data(), static_cast<cmsUInt32Number>(test::display_p3().size())));
    cmsMLU* name = cmsMLUalloc(nullptr, 1);
    cmsMLUsetASCII(name, "en", "US", "sRGB IEC61966-2.1");
    cmsWriteTag(p3.get(), cmsSigProfileDescriptionTag, name);
    cmsMLUfree(name);
    expect_rgb_conversion(test::saved(p3.get()), "Display P3 by another name");
}

TEST(ColorProfile, DamagedOnesAreIgnoredWithANote) {
    const FileBytes jpeg = encoded(many_colors(), PictureFormat::Jpeg);
    const Tensor plain = decode_picture(jpeg, "plain").color;
    for (const FileBytes& profile : {test::display_p3(), test::rgb_table()}) {
        // At the end of a profile may lie what nobody needs.
        for (std::size_t length = 1; length < profile.size() / 2; length += 7) {
            const FileBytes cut(profile.begin(), profile.begin() + static_cast<std::ptrdiff_t>(length));
            const Picture picture = decode_picture(test::jpeg_with_profile(jpeg, cut), "x");
            ASSERT_THAT(picture.notes, ElementsAre("'x' carries a damaged colour profile; it is ignored")) << length;
            ASSERT_TRUE(at::equal(picture.color, plain));
        }
    }
}

TEST(ColorProfile, RandomBytesNeverCrash) {
    std::uint64_t counter = 0;
    for (const auto& [profile, colors] : {std::pair{test::display_p3(), 3},
                                          {test::rgb_table(), 3},
                                          {test::press(), 4},
                                          {test::grey_profile(test::dot_gain()), 1}}) {
        int converted = 0;
        for (int i = 0; i < 300; ++i) {
            FileBytes damaged = profile;
            for (int k = 0; k < 4; ++k) {
                damaged[random_bits(1, 1, counter) % damaged.size()] =
                    static_cast<std::byte>(random_bits(1, 2, counter));
                ++counter;
            }
            std::vector<std::string> notes;
            const image::Conversion conversion = image::profile_conversion(damaged, colors, "x", notes);
            if (conversion != nullptr) {
                const Tensor made = image::convert_to_srgb_(at::rand({colors, 3, 5}), *conversion);
                ASSERT_TRUE(((made >= 0) & (made <= 1)).all().item<bool>());
                ++converted;
            }
        }
        EXPECT_GT(converted, 0);
    }
}

TEST(ColorProfile, OneForAnotherKindOfPictureIsIgnoredWithANote) {
    const FileBytes jpeg = encoded(many_colors(), PictureFormat::Jpeg);
    for (const FileBytes& profile : {test::press(), test::grey_profile(test::gamma_curve(1.8))}) {
        const Picture picture = decode_picture(test::jpeg_with_profile(jpeg, profile), "x");
        EXPECT_THAT(picture.notes, ElementsAre(HasSubstr("which is not one for RGB pictures; it is ignored")));
        EXPECT_TRUE(at::equal(picture.color, decode_picture(jpeg, "plain").color));
    }
    const Picture inks =
        decode_picture(test::jpeg_with_profile(read_file(sample("ycck.jpg")), test::display_p3()), "inks");
    EXPECT_THAT(inks.notes,
                ElementsAre(HasSubstr("not one for CMYK pictures"), HasSubstr("converted without a profile")));
}

TEST(ColorProfile, AlphaStaysAsItIs) {
    Picture picture;
    picture.color = many_colors();
    picture.alpha = many_colors().slice(0, 0, 1).clone();
    const FileBytes png =
        test::png_with_chunks(encode_picture(picture, PictureFormat::Png), {test::profile_chunk(test::display_p3())});
    const Picture read = decode_picture(png, "x");
    EXPECT_LE(distance(read.alpha, picture.alpha), 0.51);
    EXPECT_LE(distance(read.color, by_little_cms(test::display_p3(), rounded(picture.color, 8))), kSame);
}

/// An EXIF block as cameras write it for DCF's option file, or with another index or colour space.
FileBytes camera_exif(std::string_view index, std::uint32_t space, std::string_view order) {
    const bool little = order == "II";
    std::string block = "Exif";
    block += std::string(2, '\0') + std::string(order);
    const auto put = [&](std::uint32_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) {
            block.push_back(static_cast<char>(value >> (8 * (little ? i : bytes - 1 - i))));
        }
    };
    const auto entry = [&](std::uint32_t tag, std::uint32_t type, std::uint32_t count) {
        put(tag, 2);
        put(type, 2);
        put(count, 4);
    };
    put(42, 2);
    put(8, 4);
    put(1, 2);  // directory 0, at 8
    entry(0x8769, 4, 1);
    put(26, 4);
    put(0, 4);
    put(2, 2);  // EXIF, at 26
    entry(0xa001, 3, 1);
    put(space, 2);
    put(0, 2);
    entry(0xa005, 4, 1);
    put(56, 4);
    put(0, 4);
    put(1, 2);  // interoperability, at 56
    entry(1, 2, 4);
    block += index;
    put(0, 1);
    put(0, 4);
    return test::bytes_of(block);
}

TEST(ColorProfile, CamerasMeanAdobeRgbByTheirExifBlock) {
    const FileBytes jpeg = test::jpeg_with_profile(encoded(many_colors(), PictureFormat::Jpeg), {});
    const auto with_exif = [&](const FileBytes& exif) {
        std::string file(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
        const std::string marker = {'\xff', '\xe1', '\0', static_cast<char>(exif.size() + 2)};
        file.insert(2, marker + std::string(reinterpret_cast<const char*>(exif.data()), exif.size()));
        return test::bytes_of(file);
    };
    const Tensor plain = decode_picture(jpeg, "plain").color;
    for (const std::string_view order : {"II", "MM"}) {
        const Picture adobe = decode_picture(with_exif(camera_exif("R03", 0xffff, order)), "x");
        EXPECT_LE(distance(adobe.color, by_little_cms(test::adobe_rgb(), plain)), kSame);
        EXPECT_THAT(adobe.notes, ElementsAre(HasSubstr("Adobe RGB by its EXIF block")));
        for (const FileBytes& exif : {camera_exif("R98", 0xffff, order), camera_exif("R03", 1, order)}) {
            const Picture srgb = decode_picture(with_exif(exif), "x");
            EXPECT_TRUE(at::equal(srgb.color, plain));
            EXPECT_THAT(srgb.notes, IsEmpty());
        }
        // A profile says more.
        const Picture both = decode_picture(
            test::jpeg_with_profile(with_exif(camera_exif("R03", 0xffff, order)), test::display_p3()), "x");
        EXPECT_LE(distance(both.color, by_little_cms(test::display_p3(), plain)), kSame);
    }
    const FileBytes exif = camera_exif("R03", 0xffff, "MM");
    for (std::size_t length = 0; length < exif.size(); ++length) {
        EXPECT_NO_THROW(image::means_adobe_rgb(std::span(exif).first(length)));
    }
}

}  // namespace
}  // namespace reverie
