#include "image/color_codes.h"

#include <algorithm>
#include <cmath>

namespace reverie::image {
namespace {

constexpr std::array<double, 2> kD65 = {0.3127, 0.3290};
constexpr std::array<double, 2> kC = {0.310, 0.316};

/// Table 2 of H.273.
std::optional<Chromaticities> primaries_of(int code) {
    switch (code) {
        case 1:  // BT.709, sRGB
            return kSrgbColors;
        case 4:  // BT.470 M
            return Chromaticities{{0.67, 0.33}, {0.21, 0.71}, {0.14, 0.08}, kC};
        case 5:  // BT.470 B, G; BT.601 with 625 lines
            return Chromaticities{{0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}, kD65};
        case 6:  // BT.601 with 525 lines
        case 7:  // SMPTE 240M
            return Chromaticities{{0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}, kD65};
        case 8:  // film
            return Chromaticities{{0.681, 0.319}, {0.243, 0.692}, {0.145, 0.049}, kC};
        case 9:  // BT.2020
            return Chromaticities{{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}, kD65};
        case 11:  // DCI-P3
            return Chromaticities{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, {0.314, 0.351}};
        case 12:  // P3 with D65: Display P3
            return Chromaticities{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}, kD65};
        case 22:  // EBU 3213
            return Chromaticities{{0.630, 0.340}, {0.295, 0.605}, {0.155, 0.077}, kD65};
        default:
            return std::nullopt;
    }
}

constexpr int kPq = 16;
constexpr int kHlg = 18;

/// SMPTE ST 2084, in units of the reference white.
double pq_light(double sample) {
    constexpr double kM1 = 2610.0 / 16384;
    constexpr double kM2 = 2523.0 / 4096 * 128;
    constexpr double kC1 = 3424.0 / 4096;
    constexpr double kC2 = 2413.0 / 4096 * 32;
    constexpr double kC3 = 2392.0 / 4096 * 32;
    const double root = std::pow(sample, 1 / kM2);
    return 10'000 / kReferenceWhite * std::pow(std::max(root - kC1, 0.0) / (kC2 - kC3 * root), 1 / kM1);
}

/// The light of the scene by BT.2100, 1 at most.
double hlg_light(double sample) {
    constexpr double kA = 0.17883277;
    const double b = 1 - 4 * kA;
    const double c = 0.5 - kA * std::log(4 * kA);
    return sample <= 0.5 ? sample * sample / 3 : (std::exp((sample - c) / kA) + b) / 12;
}

/// Table 3 of H.273.
LightCurve curve_of(int code) {
    switch (code) {
        case 1:   // BT.709
        case 6:   // BT.601
        case 7:   // SMPTE 240M
        case 11:  // xvYCC
        case 12:  // BT.1361
        case 13:  // sRGB
        case 14:  // BT.2020 with 10 bits
        case 15:  // BT.2020 with 12 bits
            return srgb_to_light;
        case 4:
            return [](double x) { return std::pow(x, 2.2); };
        case 5:
            return [](double x) { return std::pow(x, 2.8); };
        case 8:
            return [](double x) { return x; };
        case 9:  // of a range of 100:1
            return [](double x) { return x > 0 ? std::pow(10, 2 * (x - 1)) : 0.0; };
        case 10:  // of a range of 316:1
            return [](double x) { return x > 0 ? std::pow(10, 2.5 * (x - 1)) : 0.0; };
        case kPq:
            return pq_light;
        case 17:  // SMPTE ST 428
            return [](double x) { return 52.37 / 48 * std::pow(x, 2.6); };
        case kHlg:
            return hlg_light;
        default:
            return nullptr;
    }
}

}  // namespace

bool is_known(const ColorCodes& codes) { return primaries_of(codes.primaries) && curve_of(codes.transfer) != nullptr; }

bool is_hdr(const ColorCodes& codes) { return codes.transfer == kPq || codes.transfer == kHlg; }

Conversion codes_conversion(const ColorCodes& codes) {
    const LightCurve curve = curve_of(codes.transfer);
    const LightCurve stretched = [&](double x) {
        return curve(std::clamp((x - codes.black) / (codes.white - codes.black), 0.0, 1.0));
    };
    return rgb_conversion({.curves = {stretched, stretched, stretched},
                           .to_xyz = *light_matrix(*primaries_of(codes.primaries)),
                           .peak = is_hdr(codes) ? kHdrPeak / kReferenceWhite : 1,
                           .of_scene = codes.transfer == kHlg});
}

Conversion codes_conversion(const ColorCodes& codes, int colors, const std::string& name,
                            std::vector<std::string>& notes) {
    if (!is_known(codes)) {
        notes.push_back("'" + name + "' gives its colours by the codes " + std::to_string(codes.primaries) + " and " +
                        std::to_string(codes.transfer) + ", which are not known here; it is read as sRGB");
        return nullptr;
    }
    if (is_hdr(codes)) {
        notes.push_back("'" + name + "' " + hdr_note(codes));
    }
    return fit_conversion(codes_conversion(codes), colors);
}

Tensor codes_to_srgb_(const Tensor& rgb, const ColorCodes& codes, const std::string& name,
                      std::vector<std::string>& notes) {
    const Conversion conversion = codes_conversion(codes, 3, name, notes);
    return conversion == nullptr ? rgb : convert_to_srgb_(rgb, *conversion);
}

std::string hdr_note(const ColorCodes& codes) {
    return std::string("is an HDR picture (") + (codes.transfer == kPq ? "PQ" : "HLG") +
           "); what is brighter than sRGB's white is brought below it";
}

Conversion adobe_rgb_conversion() {
    static const Conversion kAdobe = [] {
        const LightCurve curve = [](double x) { return std::pow(x, 563.0 / 256); };
        const Chromaticities colors = {{0.64, 0.33}, {0.21, 0.71}, {0.15, 0.06}, kD65};
        return rgb_conversion({.curves = {curve, curve, curve}, .to_xyz = *light_matrix(colors)});
    }();
    return kAdobe;
}

}  // namespace reverie::image
