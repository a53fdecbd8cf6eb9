// Colour profiles made by Little CMS, files that carry them, and what Little CMS makes of samples by them: one pixel at
// a time, in double precision.
#pragma once

#include <ATen/ATen.h>
#include <webp/mux.h>
#include <zlib.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "image/lcms.h"
#include "sample_pictures.h"

namespace reverie::test {

using FileBytes = std::vector<std::byte>;

inline FileBytes bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

inline FileBytes saved(cmsHPROFILE profile) {
    cmsUInt32Number length = 0;
    cmsSaveProfileToMem(profile, nullptr, &length);
    FileBytes bytes(length);
    EXPECT_NE(cmsSaveProfileToMem(profile, bytes.data(), &length), 0);
    return bytes;
}

inline constexpr cmsCIExyY kD65 = {0.3127, 0.3290, 1};
inline constexpr cmsCIExyYTRIPLE kP3 = {{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
inline constexpr cmsCIExyYTRIPLE kAdobe = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
inline constexpr cmsCIExyYTRIPLE kRec2020 = {{0.708, 0.292, 1}, {0.170, 0.797, 1}, {0.131, 0.046, 1}};
inline constexpr cmsCIExyYTRIPLE kSrgb = {{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}};

inline image::ToneCurve srgb_curve() {
    const std::array<double, 5> parameters = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    return image::ToneCurve(cmsBuildParametricToneCurve(nullptr, 4, parameters.data()));
}
inline image::ToneCurve gamma_curve(double gamma) { return image::ToneCurve(cmsBuildGamma(nullptr, gamma)); }

inline FileBytes matrix_profile(const cmsCIExyYTRIPLE& primaries, const image::ToneCurve& curve,
                                const cmsCIExyY& white = kD65, double version = 4.3) {
    const std::array<cmsToneCurve*, 3> curves = {curve.get(), curve.get(), curve.get()};
    const image::ColorProfile profile(cmsCreateRGBProfile(&white, &primaries, curves.data()));
    cmsSetProfileVersion(profile.get(), version);
    return saved(profile.get());
}
inline FileBytes display_p3() { return matrix_profile(kP3, srgb_curve()); }
inline FileBytes adobe_rgb() { return matrix_profile(kAdobe, gamma_curve(563.0 / 256), kD65, 2.1); }

inline FileBytes grey_profile(const image::ToneCurve& curve) {
    const cmsCIExyY white = *cmsD50_xyY();
    const image::ColorProfile profile(cmsCreateGrayProfile(&white, curve.get()));
    return saved(profile.get());
}

/// Paper under dots that spread by 20 % in the middle, darker than the number says.
inline image::ToneCurve dot_gain() {
    std::array<float, 64> light;
    for (std::size_t i = 0; i < light.size(); ++i) {
        const double ink = 1 - static_cast<double>(i) / 63;
        light[i] = static_cast<float>(1 - (ink + 0.8 * ink * (1 - ink)));
    }
    return image::ToneCurve(cmsBuildTabulatedToneCurveFloat(nullptr, light.size(), light.data()));
}

/// A profile that is a table of `side` points a channel: of `space`, to what `lab` says.
inline FileBytes table_profile(cmsColorSpaceSignature space, cmsUInt32Number side,
                               const std::function<cmsCIELab(const std::vector<double>&)>& lab) {
    const auto channels = static_cast<cmsUInt32Number>(cmsChannelsOf(space));
    const image::ColorProfile profile(cmsCreateProfilePlaceholder(nullptr));
    cmsSetProfileVersion(profile.get(), 4.3);
    cmsSetDeviceClass(profile.get(), cmsSigOutputClass);
    cmsSetColorSpace(profile.get(), space);
    cmsSetPCS(profile.get(), cmsSigLabData);
    cmsWriteTag(profile.get(), cmsSigMediaWhitePointTag, cmsD50_XYZ());
    cmsPipeline* pipeline = cmsPipelineAlloc(nullptr, channels, 3);
    cmsStage* table = cmsStageAllocCLut16bit(nullptr, side, channels, 3, nullptr);
    struct Sampler {
        cmsUInt32Number channels;
        const std::function<cmsCIELab(const std::vector<double>&)>* lab;
    } sampler = {channels, &lab};
    cmsStageSampleCLut16bit(
        table,
        [](const cmsUInt16Number* in, cmsUInt16Number* out, void* cargo) -> cmsInt32Number {
            const auto& self = *static_cast<Sampler*>(cargo);
            std::vector<double> samples(in, in + self.channels);
            for (double& sample : samples) {
                sample /= 65535;
            }
            const cmsCIELab color = (*self.lab)(samples);
            cmsFloat2LabEncoded(out, &color);
            return 1;
        },
        &sampler, 0);
    cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(nullptr, channels, nullptr));
    cmsPipelineInsertStage(pipeline, cmsAT_END, table);
    cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(nullptr, 3, nullptr));
    EXPECT_NE(cmsWriteTag(profile.get(), cmsSigAToB0Tag, pipeline), 0);
    cmsPipelineFree(pipeline);
    return saved(profile.get());
}

/// Some RGB device whose colours mix as no matrix says.
inline FileBytes rgb_table() {
    return table_profile(cmsSigRgbData, 7, [](const std::vector<double>& rgb) {
        const double light = 0.3 * rgb[0] + 0.5 * rgb[1] + 0.2 * rgb[2];
        return cmsCIELab{100 * light, 60 * (rgb[0] - rgb[1]) * (1 - 0.3 * light), 50 * (rgb[1] - rgb[2]) * light};
    });
}

/// A press: its black ink is no darker than L* 10, and its inks stain each other.
inline FileBytes press() {
    return table_profile(cmsSigCmykData, 5, [](const std::vector<double>& ink) {
        const double paper = 1 - ink[3];
        return cmsCIELab{10 + 90 * paper * (1 - 0.3 * ink[0]) * (1 - 0.45 * ink[1]) * (1 - 0.08 * ink[2]),
                         paper * (70 * ink[1] - 35 * ink[0] - 8 * ink[0] * ink[1]),
                         paper * (90 * ink[2] - 48 * ink[0] - 4 * ink[1])};
    });
}

/// [C,H,W] samples in [0,1] (CMYK: 1 is all ink) -> [3,H,W] of sRGB.
inline Tensor by_little_cms(const FileBytes& profile_bytes, const Tensor& samples) {
    const image::ColorProfile profile(
        cmsOpenProfileFromMem(profile_bytes.data(), static_cast<cmsUInt32Number>(profile_bytes.size())));
    const image::ColorProfile srgb(cmsCreate_sRGBProfile());
    const std::int64_t channels = samples.size(0);
    const image::ColorTransform transform(cmsCreateTransform(profile.get(),
                                                             channels == 1   ? TYPE_GRAY_DBL
                                                             : channels == 3 ? TYPE_RGB_DBL
                                                                             : TYPE_CMYK_DBL,
                                                             srgb.get(), TYPE_RGB_DBL, INTENT_RELATIVE_COLORIMETRIC,
                                                             cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOOPTIMIZE));
    const Tensor pixels =
        (samples.to(at::kDouble) * (channels == 4 ? 100 : 1)).permute({1, 2, 0}).contiguous().view({-1, channels});
    Tensor result = at::empty({pixels.size(0), 3}, at::kDouble);
    for (std::int64_t i = 0; i < pixels.size(0); ++i) {
        cmsDoTransform(transform.get(), pixels[i].data_ptr<double>(), result[i].data_ptr<double>(), 1);
    }
    return result.view({samples.size(1), samples.size(2), 3})
        .permute({2, 0, 1})
        .clamp(0, 1)
        .to(at::kFloat)
        .contiguous();
}

/// Many colours, all corners among them: [3,17,23].
inline Tensor many_colors() {
    // None of them lies in the middle between two steps of 8 bits, where rounding is a matter of taste.
    const Tensor levels = at::tensor({0.0F, 0.02F, 0.11F, 0.31F, 0.52F, 0.73F, 1.0F});
    const Tensor i = at::arange(17 * 23).view({17, 23});
    const auto level = [&](const Tensor& index) {
        return levels.index_select(0, index.remainder(7).flatten()).view_as(index);
    };
    return at::stack({level(i), level(i.div(7, "floor")), level(i.div(49, "floor") + i)}).contiguous();
}

/// A JPEG with its own profile, if any, replaced.
inline FileBytes jpeg_with_profile(const FileBytes& jpeg, const FileBytes& profile) {
    FileBytes result(jpeg.begin(), jpeg.begin() + 2);
    if (!profile.empty()) {
        const std::size_t length = profile.size() + 16;
        const FileBytes name = bytes_of(std::string_view("ICC_PROFILE\0\1\1", 14));
        result.insert(result.end(), {std::byte{0xff}, std::byte{0xe2}, static_cast<std::byte>(length >> 8),
                                     static_cast<std::byte>(length)});
        result.insert(result.end(), name.begin(), name.end());
        result.insert(result.end(), profile.begin(), profile.end());
    }
    std::size_t at = 2;
    while (jpeg[at + 1] != std::byte{0xda}) {
        const std::size_t length =
            2 + (std::to_integer<std::size_t>(jpeg[at + 2]) << 8 | std::to_integer<std::size_t>(jpeg[at + 3]));
        if (jpeg[at + 1] != std::byte{0xe2}) {
            result.insert(result.end(), jpeg.begin() + static_cast<std::ptrdiff_t>(at),
                          jpeg.begin() + static_cast<std::ptrdiff_t>(at + length));
        }
        at += length;
    }
    result.insert(result.end(), jpeg.begin() + static_cast<std::ptrdiff_t>(at), jpeg.end());
    return result;
}

using Chunk = std::pair<std::string, FileBytes>;

inline FileBytes big_endian(std::initializer_list<std::uint32_t> numbers) {
    FileBytes bytes;
    for (const std::uint32_t number : numbers) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            bytes.push_back(static_cast<std::byte>(number >> shift));
        }
    }
    return bytes;
}

inline Chunk profile_chunk(const FileBytes& profile) {
    FileBytes content = bytes_of(std::string_view("p\0\0", 3));
    uLongf length = compressBound(profile.size());
    content.resize(3 + length);
    compress(reinterpret_cast<Bytef*>(content.data() + 3), &length, reinterpret_cast<const Bytef*>(profile.data()),
             profile.size());
    content.resize(3 + length);
    return {"iCCP", content};
}

/// The types of a PNG's chunks and where each begins.
inline std::vector<std::pair<std::string, std::size_t>> chunks_of(const FileBytes& png) {
    std::vector<std::pair<std::string, std::size_t>> chunks;
    for (std::size_t at = 8; at + 12 <= png.size();) {
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            length = length << 8 | std::to_integer<std::size_t>(png[at + i]);
        }
        chunks.emplace_back(std::string(reinterpret_cast<const char*>(png.data() + at + 4), 4), at);
        at += 12 + length;
    }
    chunks.emplace_back("", png.size());
    return chunks;
}

/// A PNG with what it says about its colours replaced.
inline FileBytes png_with_chunks(const FileBytes& png, const std::vector<Chunk>& added) {
    FileBytes result(png.begin(), png.begin() + 33);  // signature and header
    for (const auto& [type, content] : added) {
        FileBytes named = bytes_of(type);
        named.insert(named.end(), content.begin(), content.end());
        const FileBytes length = big_endian({static_cast<std::uint32_t>(content.size())});
        const auto sum = crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()));
        const FileBytes sum_bytes = big_endian({static_cast<std::uint32_t>(sum)});
        for (const FileBytes& part : {length, named, sum_bytes}) {
            result.insert(result.end(), part.begin(), part.end());
        }
    }
    const auto chunks = chunks_of(png);
    for (std::size_t i = 1; i + 1 < chunks.size(); ++i) {
        const std::string& type = chunks[i].first;
        if (type != "sRGB" && type != "gAMA" && type != "cHRM" && type != "iCCP") {
            result.insert(result.end(), png.begin() + static_cast<std::ptrdiff_t>(chunks[i].second),
                          png.begin() + static_cast<std::ptrdiff_t>(chunks[i + 1].second));
        }
    }
    return result;
}

inline FileBytes webp_with_profile(const FileBytes& webp, const FileBytes& profile) {
    const auto data = [](const FileBytes& bytes) {
        return WebPData{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    };
    const WebPData file = data(webp);
    const WebPData chunk = data(profile);
    WebPMux* mux = WebPMuxCreate(&file, 1);
    EXPECT_EQ(WebPMuxSetChunk(mux, "ICCP", &chunk, 1), WEBP_MUX_OK);
    WebPData assembled = {};
    EXPECT_EQ(WebPMuxAssemble(mux, &assembled), WEBP_MUX_OK);
    FileBytes result(assembled.size);
    std::memcpy(result.data(), assembled.bytes, assembled.size);
    WebPDataClear(&assembled);
    WebPMuxDelete(mux);
    return result;
}

}  // namespace reverie::test
