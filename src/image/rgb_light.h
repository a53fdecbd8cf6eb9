// RGB by its physics: curves from samples to light, and the colours of that light.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "image/color_conversion.h"

namespace reverie::image {

/// From a sample in [0,1] to light; 1 is white, of pictures with a high dynamic range the white of a page.
using LightCurve = std::function<double(double)>;

/// What 1 is of pictures with a high dynamic range, and what they are taken to reach: candela per square metre, by
/// ITU-R BT.2408 and the display that BT.2100 describes.
inline constexpr double kReferenceWhite = 203;
inline constexpr double kHdrPeak = 1000;

/// CIE x and y.
struct Chromaticities {
    std::array<double, 2> red, green, blue, white;
};
inline constexpr Chromaticities kSrgbColors = {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}, {0.3127, 0.3290}};

/// Red, green and blue light to CIE XYZ under D50, where profiles meet; rows are X, Y and Z.
using LightMatrix = std::array<std::array<double, 3>, 3>;

struct RgbLight {
    std::array<LightCurve, 3> curves;
    LightMatrix to_xyz;
    /// The brightest light there can be. What is brighter than white is brought below it, and what is much darker is
    /// left alone.
    double peak = 1;
    /// HLG: the curves give the light of the scene, and a display adds contrast by brightness.
    bool of_scene = false;
};

/// Nothing when no colours can be had from it: curves without numbers, or a white that is nearly black.
Conversion rgb_conversion(const RgbLight& light);

/// Adapted from its white to D50. Nothing when the colours do not span a triangle.
std::optional<LightMatrix> light_matrix(const Chromaticities& colors);

double srgb_to_light(double sample);

/// How light brighter than a knee is rolled off, so that `peak` becomes 1: in value and slope continuous.
float roll_off(float light, float peak);

}  // namespace reverie::image
