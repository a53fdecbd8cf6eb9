#include "image/rgb_light.h"

#include <lcms2_plugin.h>

#include <algorithm>
#include <cmath>

#include "image/curve_table.h"
#include "image/lcms.h"

namespace reverie::image {
namespace {

double light_to_srgb(double light) {
    return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

float encode(float light) {
    static const CurveTable kTable(kEncodeSteps, light_to_srgb);
    // Written so that what is no number becomes 0.
    return kTable(light > 0 ? std::min(light, 1.0F) : 0.0F);
}

cmsMAT3 as_lcms(const LightMatrix& matrix) {
    cmsMAT3 result;
    for (std::size_t row = 0; row < 3; ++row) {
        std::copy_n(matrix[row].begin(), 3, result.v[row].n);
    }
    return result;
}

/// Light of one kind to linear sRGB.
std::array<std::array<float, 3>, 3> to_srgb_light(const LightMatrix& to_xyz) {
    static const cmsMAT3 kFromXyz = [] {
        const cmsMAT3 srgb = as_lcms(*light_matrix(kSrgbColors));
        cmsMAT3 inverse;
        _cmsMAT3inverse(&srgb, &inverse);
        return inverse;
    }();
    const cmsMAT3 source = as_lcms(to_xyz);
    cmsMAT3 product;
    _cmsMAT3per(&product, &kFromXyz, &source);
    std::array<std::array<float, 3>, 3> result;
    for (std::size_t row = 0; row < 3; ++row) {
        std::copy_n(product.v[row].n, 3, result[row].begin());
    }
    return result;
}

class RgbConversion : public ColorConversion {
  public:
    explicit RgbConversion(const RgbLight& light)
        : curves_{{{kDecodeSteps, light.curves[0]}, {kDecodeSteps, light.curves[1]}, {kDecodeSteps, light.curves[2]}}},
          matrix_(to_srgb_light(light.to_xyz)),
          peak_(static_cast<float>(light.peak)),
          of_scene_(light.of_scene) {}

    bool sound() const {
        const bool finite = std::all_of(curves_.begin(), curves_.end(), [](const CurveTable& c) { return c.finite(); });
        const std::array<float, 3> white = light_of(1, 1, 1);
        return finite && std::all_of(white.begin(), white.end(), [](float light) { return light > 0.2F; });
    }

    void convert(const float* const* in, float* const* out, std::int64_t count) const override {
        for (std::int64_t i = 0; i < count; ++i) {
            std::array<float, 3> light = light_of(in[0][i], in[1][i], in[2][i]);
            if (peak_ > 1) {
                // By one factor, which keeps the hue.
                const float most = std::max({light[0], light[1], light[2]});
                const float factor = most > 0 ? roll_off(most, peak_) / most : 1.0F;
                for (float& channel : light) {
                    channel *= factor;
                }
            }
            for (std::size_t channel = 0; channel < 3; ++channel) {
                out[channel][i] = encode(light[channel]);
            }
        }
    }

  private:
    std::array<float, 3> light_of(float red, float green, float blue) const {
        red = curves_[0](red);
        green = curves_[1](green);
        blue = curves_[2](blue);
        if (of_scene_) {
            // The gamma of 1.2 of a display that reaches the peak.
            const float luminance = 0.2627F * red + 0.6780F * green + 0.0593F * blue;
            const float factor = static_cast<float>(kHdrPeak / kReferenceWhite) * std::pow(luminance, 0.2F);
            red *= factor;
            green *= factor;
            blue *= factor;
        }
        std::array<float, 3> light;
        for (std::size_t row = 0; row < 3; ++row) {
            light[row] = matrix_[row][0] * red + matrix_[row][1] * green + matrix_[row][2] * blue;
        }
        return light;
    }

    std::array<CurveTable, 3> curves_;
    std::array<std::array<float, 3>, 3> matrix_;
    float peak_;
    bool of_scene_;
};

}  // namespace

double srgb_to_light(double sample) {
    return sample <= 0.04045 ? sample / 12.92 : std::pow((sample + 0.055) / 1.055, 2.4);
}

float roll_off(float light, float peak) {
    constexpr float kKnee = 0.5F;  // linear: 188 of 255
    if (light <= kKnee) {
        return light;
    }
    // Reinhard's curve with a white (2002, equation 4) from the knee on.
    const float above = (light - kKnee) / (1 - kKnee);
    const float most = (peak - kKnee) / (1 - kKnee);
    return std::min(kKnee + (1 - kKnee) * above * (1 + above / (most * most)) / (1 + above), 1.0F);
}

std::optional<LightMatrix> light_matrix(cmsHPROFILE profile) {
    LightMatrix matrix;
    constexpr std::array kTags = {cmsSigRedColorantTag, cmsSigGreenColorantTag, cmsSigBlueColorantTag};
    for (std::size_t column = 0; column < 3; ++column) {
        const auto* color = static_cast<const cmsCIEXYZ*>(cmsReadTag(profile, kTags[column]));
        if (color == nullptr) {
            return std::nullopt;
        }
        matrix[0][column] = color->X;
        matrix[1][column] = color->Y;
        matrix[2][column] = color->Z;
    }
    return matrix;
}

std::optional<LightMatrix> light_matrix(const Chromaticities& colors) {
    const auto point = [](const std::array<double, 2>& xy) { return cmsCIExyY{xy[0], xy[1], 1}; };
    const cmsCIExyY white = point(colors.white);
    const cmsCIExyYTRIPLE primaries = {point(colors.red), point(colors.green), point(colors.blue)};
    for (const cmsCIExyY& each : {white, primaries.Red, primaries.Green, primaries.Blue}) {
        // Every y divides; of imaginary primaries (ACES) blue's is below zero.
        if (!(std::abs(each.y) > 1e-3 && std::abs(each.x) <= 2 && std::abs(each.y) <= 2)) {
            return std::nullopt;
        }
    }
    const ToneCurve line(cmsBuildGamma(nullptr, 1));
    const std::array<cmsToneCurve*, 3> curves = {line.get(), line.get(), line.get()};
    const ColorProfile profile(cmsCreateRGBProfile(&white, &primaries, curves.data()));
    return profile == nullptr ? std::nullopt : light_matrix(profile.get());
}

Conversion rgb_conversion(const RgbLight& light) {
    auto conversion = std::make_shared<const RgbConversion>(light);
    return conversion->sound() ? conversion : nullptr;
}

}  // namespace reverie::image
