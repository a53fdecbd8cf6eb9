#include "image/color_profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <list>
#include <mutex>
#include <utility>

#include "image/byte_reader.h"
#include "image/color_codes.h"
#include "image/lcms.h"

namespace reverie::image {
namespace {

/// What was found in a profile.
struct Finding {
    Conversion conversion;
    std::string fault;  ///< why it is ignored, empty: it is not
    std::string note;   ///< what is to be said of its conversion
};

/// Whatever a profile holds, by Little CMS, in floats: nothing is rounded on the way, and light beyond sRGB is cut only
/// at the end.
class TransformConversion : public ColorConversion {
  public:
    TransformConversion(ColorTransform transform, int colors) : transform_(std::move(transform)), colors_(colors) {}

    void convert(const float* const* in, float* const* out, std::int64_t count) const override {
        constexpr std::int64_t kChunk = 256;
        std::array<float, 4 * kChunk> from;
        std::array<float, 3 * kChunk> to;
        const float full = colors_ == 4 ? 100.0F : 1.0F;  // its inks are per cent
        for (std::int64_t start = 0; start < count; start += kChunk) {
            const std::int64_t here = std::min(kChunk, count - start);
            for (int channel = 0; channel < colors_; ++channel) {
                for (std::int64_t i = 0; i < here; ++i) {
                    from[static_cast<std::size_t>(i * colors_ + channel)] = in[channel][start + i] * full;
                }
            }
            cmsDoTransform(transform_.get(), from.data(), to.data(), static_cast<cmsUInt32Number>(here));
            for (int channel = 0; channel < (colors_ == 1 ? 1 : 3); ++channel) {
                for (std::int64_t i = 0; i < here; ++i) {
                    // Written so that what is no number becomes 0.
                    const float value = to[static_cast<std::size_t>(3 * i + channel)];
                    out[channel][start + i] = value > 0 ? std::min(value, 1.0F) : 0.0F;
                }
            }
        }
    }

  private:
    ColorTransform transform_;
    int colors_;
};

Conversion transform_conversion(cmsHPROFILE profile, int colors) {
    const ColorProfile srgb(cmsCreate_sRGBProfile());
    const cmsUInt32Number from = colors == 1 ? TYPE_GRAY_FLT : colors == 3 ? TYPE_RGB_FLT : TYPE_CMYK_FLT;
    // Without the cache a transform may be used by several threads; the optimiser would put coarse tables in the way.
    ColorTransform transform(
        cmsCreateTransform(profile, from, srgb.get(), TYPE_RGB_FLT, INTENT_RELATIVE_COLORIMETRIC,
                           cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE | cmsFLAGS_NOOPTIMIZE));
    if (transform == nullptr) {
        return nullptr;
    }
    auto conversion = std::make_shared<const TransformConversion>(std::move(transform), colors);
    // White comes out white of every sound profile; this also finds tables of nothing.
    const float white = colors == 4 ? 0.0F : 1.0F;
    std::array<float, 3> shown = {};
    const std::array<const float*, 4> in = {&white, &white, &white, &white};
    const std::array<float*, 3> out = {&shown[0], &shown[1], &shown[2]};
    conversion->convert(in.data(), out.data(), 1);
    const auto end = shown.begin() + (colors == 1 ? 1 : 3);
    return std::all_of(shown.begin(), end, [](float value) { return value > 0.5F; }) ? conversion : nullptr;
}

/// A profile of three curves and three colours, which is what cameras, phones and screens have: several times faster
/// than by Little CMS, with the same result. None for all others.
Conversion matrix_conversion(cmsHPROFILE profile) {
    for (const cmsTagSignature table : {cmsSigAToB0Tag, cmsSigAToB1Tag, cmsSigDToB0Tag, cmsSigDToB1Tag}) {
        if (cmsIsTag(profile, table) != 0) {
            return nullptr;
        }
    }
    const auto matrix = light_matrix(profile);
    if (!matrix) {
        return nullptr;
    }
    RgbLight light = {.curves = {}, .to_xyz = *matrix};
    constexpr std::array kTags = {cmsSigRedTRCTag, cmsSigGreenTRCTag, cmsSigBlueTRCTag};
    for (std::size_t channel = 0; channel < 3; ++channel) {
        const auto* curve = static_cast<const cmsToneCurve*>(cmsReadTag(profile, kTags[channel]));
        // Black that shines needs its point compensated.
        if (curve == nullptr || !(std::abs(cmsEvalToneCurveFloat(curve, 0)) < 1e-4F)) {
            return nullptr;
        }
        light.curves[channel] = [curve](double x) { return cmsEvalToneCurveFloat(curve, static_cast<float>(x)); };
    }
    return rgb_conversion(light);
}

/// A profile of a high dynamic range says so by the codes of H.273; its tables only hold what an old reader is to make
/// of it.
std::optional<ColorCodes> hdr_codes(cmsHPROFILE profile) {
    std::array<std::uint8_t, 12> tag = {};
    if (cmsReadRawTag(profile, static_cast<cmsTagSignature>(0x63696370), tag.data(), tag.size()) != tag.size()) {
        return std::nullopt;
    }
    const ColorCodes codes = {.primaries = tag[8], .transfer = tag[9]};
    return is_hdr(codes) ? std::optional(codes) : std::nullopt;
}

std::string description(cmsHPROFILE profile) {
    std::array<char, 128> text = {};
    cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text.data(), text.size() - 1);
    std::string result = text.data();
    std::replace_if(
        result.begin(), result.end(), [](char c) { return c < 0x20 || c == 0x7f; }, '?');
    return result.empty() ? "without a name" : "'" + result + "'";
}

Finding read_profile(Bytes bytes, int colors) {
    const std::string damaged = "a damaged colour profile";
    if (bytes.size() > std::numeric_limits<cmsUInt32Number>::max()) {
        return {.fault = damaged};
    }
    const ColorProfile profile(cmsOpenProfileFromMem(bytes.data(), static_cast<cmsUInt32Number>(bytes.size())));
    if (profile == nullptr) {
        return {.fault = damaged};
    }
    // Not by Little CMS, whose enumerations cannot hold all that a file says there.
    const ByteReader header(bytes, false);
    const std::uint32_t kind = header.u32(12).value_or(0);
    const std::uint32_t space = header.u32(16).value_or(0);
    const int wanted = space == cmsSigGrayData ? 1 : space == cmsSigRgbData ? 3 : space == cmsSigCmykData ? 4 : 0;
    if (kind == cmsSigLinkClass || kind == cmsSigAbstractClass || kind == cmsSigNamedColorClass ||
        !(wanted == colors || (wanted == 3 && colors == 1))) {
        const std::string holds = colors == 1 ? "grey" : colors == 3 ? "RGB" : "CMYK";
        return {.fault = "the colour profile " + description(profile.get()) + ", which is not one for " + holds +
                         " pictures"};
    }
    if (const auto codes = hdr_codes(profile.get()); codes && wanted == 3) {
        Finding finding = {.note = hdr_note(*codes)};
        finding.conversion = fit_conversion(codes_conversion(*codes), colors);
        return finding;
    }
    Conversion conversion = wanted == 3 ? matrix_conversion(profile.get()) : nullptr;
    if (conversion == nullptr) {
        conversion = transform_conversion(profile.get(), wanted);
    }
    if (conversion == nullptr) {
        return {.fault = damaged};
    }
    if (wanted == 4) {
        return {.conversion = std::move(conversion)};
    }
    if (wanted == 1) {
        conversion = grey_conversion(*conversion, 1);
        return {.conversion = changes_nothing(*conversion, 1) ? nullptr : std::move(conversion)};
    }
    return {.conversion = fit_conversion(std::move(conversion), colors)};
}

/// The findings of the last profiles: a camera puts the same one into every picture, and to look at it takes as long as
/// to decode a small one.
class Findings {
  public:
    Finding of(Bytes bytes, int colors) {
        {
            const std::lock_guard lock(mutex_);
            const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
                return known.colors == colors &&
                       std::equal(bytes.begin(), bytes.end(), known.profile.begin(), known.profile.end());
            });
            if (found != known_.end()) {
                known_.splice(known_.begin(), known_, found);
                return found->finding;
            }
        }
        Finding finding = read_profile(bytes, colors);
        constexpr std::size_t kLongest = 4 << 20;  // the largest that printers have; a longer one is somebody's joke
        if (bytes.size() > kLongest) {
            return finding;
        }
        const std::lock_guard lock(mutex_);
        known_.push_front({{bytes.begin(), bytes.end()}, colors, finding});
        constexpr std::size_t kMost = 8;
        if (known_.size() > kMost) {
            known_.pop_back();
        }
        return finding;
    }

  private:
    struct Known {
        std::vector<std::byte> profile;
        int colors;
        Finding finding;
    };
    std::mutex mutex_;
    std::list<Known> known_;
};

}  // namespace

Conversion profile_conversion(Bytes profile, int colors, const std::string& name, std::vector<std::string>& notes) {
    if (profile.empty()) {
        return nullptr;
    }
    static Findings findings;
    Finding finding = findings.of(profile, colors);
    if (!finding.fault.empty()) {
        notes.push_back("'" + name + "' carries " + finding.fault + "; it is ignored");
    }
    if (!finding.note.empty()) {
        notes.push_back("'" + name + "' " + finding.note);
    }
    return std::move(finding.conversion);
}

}  // namespace reverie::image
