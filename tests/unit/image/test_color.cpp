#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "reverie/image/color.h"
#include "sample_pictures.h"
#include "support/closed_formula.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

Tensor picture(const std::string& name, std::int64_t height = 23, std::int64_t width = 31) {
    return test::formula_image(height, width, name).squeeze(0);
}
Tensor of_pixels(const std::vector<float>& values) {
    return at::tensor(values).view({-1, 3}).t().contiguous().unsqueeze(1);  // [3,1,N]
}
double largest(const Tensor& difference) { return difference.abs().max().item<double>(); }

/// Colours all over the cube, its corners too.
Tensor saturated(const std::string& name) {
    Tensor image = ((picture(name, 41, 53) - 0.5) * 2.5 + 0.5).clamp(0.0, 1.0);
    image.narrow(1, 0, 1).copy_((image.narrow(1, 0, 1) > 0.5).to(at::kFloat));
    return image;
}

TEST(Color, LabEqualsTheStandards) {
    std::ifstream file(std::filesystem::path(REVERIE_TEST_DATA) / "parity/references/color.json");
    std::vector<float> rgb;
    std::vector<float> lab;
    for (const auto& row : nlohmann::json::parse(file)) {
        for (const std::size_t c : {0, 1, 2}) {
            rgb.push_back(row.at("rgb")[c]);
            lab.push_back(row.at("lab")[c]);
        }
    }
    ASSERT_EQ(rgb.size(), 3 * 42);
    // float32's 1e-7, by cube roots of slope up to 8 and factors of 500.
    EXPECT_LE(largest(rgb_to_lab(of_pixels(rgb)) - of_pixels(lab)), 1e-3);
    EXPECT_LE(largest(lab_to_rgb(of_pixels(lab)) - of_pixels(rgb)), 1e-5);
    // Textbooks' two decimals: red, green and blue.
    const Tensor primaries = of_pixels({1, 0, 0, 0, 1, 0, 0, 0, 1});
    const Tensor known = of_pixels({53.24F, 80.09F, 67.20F, 87.74F, -86.18F, 83.18F, 32.30F, 79.19F, -107.86F});
    EXPECT_LE(largest(rgb_to_lab(primaries) - known), 0.01);
}

TEST(Color, LabComesBack) {
    for (const Tensor& image : {picture("a"), saturated("b"), at::zeros({3, 1, 1}), at::ones({3, 2, 1}),
                                picture("c", 701, 602) /* more than a band */, picture("d") * 0.01}) {
        EXPECT_LT(largest(lab_to_rgb(rgb_to_lab(image)) - image), 1e-5);
    }
    const Tensor beyond = of_pixels({1.2F, -0.1F, 0.4F, -0.3F, 0.5F, 1.1F});
    EXPECT_LT(largest(lab_to_rgb(rgb_to_lab(beyond)) - beyond), 1e-5);
}

TEST(Color, SixteenBitLevelsStayApart) {
    const Tensor levels = (at::arange(65536, at::kDouble) / 65535.0).to(at::kFloat).expand({3, 1, 65536}).contiguous();
    const Tensor back = lab_to_rgb(rgb_to_lab(levels));
    EXPECT_TRUE(at::equal((back * 65535.0).round(), (levels * 65535.0).round()));
    EXPECT_LE(largest(rgb_to_lab(levels).narrow(0, 1, 2)), 1e-3) << "greys have no chroma";
}

TEST(Color, ImagesInAnyLayoutGiveTheSame) {
    const Tensor image = picture("layout");
    const Tensor last = image.permute({1, 2, 0}).contiguous().permute({2, 0, 1});
    EXPECT_TRUE(at::equal(rgb_to_lab(last), rgb_to_lab(image)));
    EXPECT_TRUE(at::equal(with_chroma_of(last, last), with_chroma_of(image, image)));
}

TEST(Color, LumaIsRec709OfTheValues) {
    const Tensor luma = luma_of(of_pixels({1, 0, 0, 0, 1, 0, 0, 0, 1, 0.5F, 0.5F, 0.5F}));
    EXPECT_EQ(luma.sizes(), (at::IntArrayRef{1, 1, 4}));
    EXPECT_LE(largest(luma.flatten() - at::tensor({0.2126F, 0.7152F, 0.0722F, 0.5F})), 1e-7);
}

TEST(Color, ChromaOfOthersKeepsLightnessAndHue) {
    for (const auto& [image, colors] :
         {std::pair{picture("lightness"), picture("chroma")}, std::pair{saturated("lightness"), saturated("chroma")}}) {
        const Tensor result = with_chroma_of(image, colors);
        EXPECT_GE(result.min().item<double>(), 0.0);
        EXPECT_LE(result.max().item<double>(), 1.0);
        const Tensor lab = rgb_to_lab(result);
        const Tensor wanted = rgb_to_lab(colors);
        EXPECT_LE(largest(lab[0] - rgb_to_lab(image)[0]), 1e-2);
        const Tensor chroma = lab.narrow(0, 1, 2).norm(2, at::IntArrayRef{0});
        const Tensor full = wanted.narrow(0, 1, 2).norm(2, at::IntArrayRef{0});
        EXPECT_LE((chroma - full).max().item<double>(), 1e-2) << "chroma is only taken away";
        // No component across the hue wanted, and none against it.
        EXPECT_LE(largest(lab[1] * wanted[2] - lab[2] * wanted[1]), 1e-2 * (full.max().item<double>() + 1.0));
        EXPECT_GE((lab[1] * wanted[1] + lab[2] * wanted[2]).min().item<double>(), -1e-2);
        // What loses chroma lies on the border of sRGB, else it would have kept more.
        const Tensor reduced = (chroma < 0.99 * full) & (full > 1.0);
        const Tensor to_border = at::minimum(result, 1.0 - result).amin(0);
        EXPECT_LE(at::where(reduced, to_border, 0.0).max().item<double>(), 1e-3);
    }
    EXPECT_LT(largest(with_chroma_of(saturated("self"), saturated("self")) - saturated("self")), 1e-3);
}

TEST(Color, ChromaOfGreyMakesGrey) {
    const Tensor image = picture("grey");
    const Tensor result = with_chroma_of(image, at::full_like(image, 0.2));
    EXPECT_LE(largest(result[0] - result[1]), 1e-5);
    EXPECT_LE(largest(rgb_to_lab(result)[0] - rgb_to_lab(image)[0]), 1e-2);
    for (const double end : {0.0, 1.0}) {
        const Tensor flat = at::full_like(image, end);
        // A millionth may be missing from a channel; blue, of 7 % of the light, makes up for it, times the curve's 13.
        EXPECT_LE(largest(with_chroma_of(flat, image) - flat), 2e-4) << "black and white hold no chroma";
    }
}

TEST(Color, DifferencesAreThoseOfTheColours) {
    for (const Tensor& colors : {picture("colours", 41, 53), saturated("colours")}) {
        const Tensor luma = luma_of(saturated("luma"));
        const Tensor result = with_differences_of(luma, colors);
        EXPECT_GE(result.min().item<double>(), 0.0);
        EXPECT_LE(result.max().item<double>(), 1.0);
        // A few roundings of numbers up to 1.
        EXPECT_LE(largest((result - luma_of(result)) - (colors - luma_of(colors))), 5e-7);
        // The level is the one asked for unless a channel has reached an end on its side.
        const Tensor missing = luma - luma_of(result);
        EXPECT_LE(at::where(missing > 1e-6, 1.0 - result.amax(0, true), 0.0).max().item<double>(), 1e-6);
        EXPECT_LE(at::where(missing < -1e-6, result.amin(0, true), 0.0).max().item<double>(), 1e-6);
        EXPECT_LE(largest(with_differences_of(luma_of(colors), colors) - colors), 5e-7);
    }
}

TEST(Color, OnePixelPicturesWork) {
    const Tensor red = of_pixels({0.8F, 0.1F, 0.2F});
    const Tensor blue = of_pixels({0.1F, 0.1F, 0.9F});
    EXPECT_EQ(with_chroma_of(red, blue).sizes(), red.sizes());
    EXPECT_LE(largest(with_differences_of(luma_of(blue), blue) - blue), 1e-6);
}

TEST(Color, PicturesOfTwoSizesAreNotCombined) {
    using test::expect_error;
    expect_error(ErrorKind::Usage, [] { with_chroma_of(picture("a"), picture("b", 23, 30)); });
    expect_error(ErrorKind::Usage, [] { with_differences_of(at::zeros({1, 30, 23}), picture("b", 23, 30)); });
    expect_error(ErrorKind::Usage, [] { rgb_to_lab(at::zeros({1, 4, 4})); });
}

}  // namespace
}  // namespace reverie
