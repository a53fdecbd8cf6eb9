#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "image/resample_axis.h"
#include "reverie/image/resample.h"
#include "sample_pictures.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::distance;

/// uniform(name, i) of tests/parity/closed_formula.py.
std::vector<float> uniform(const std::string& name, std::int64_t count, double scale) {
    std::uint64_t seed = 0xcbf29ce484222325ULL;
    for (const char c : name) {
        seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    std::vector<float> values;
    for (std::int64_t i = 1; i <= count; ++i) {
        std::uint64_t z = seed + static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        z ^= z >> 31;
        values.push_back(static_cast<float>(scale * (static_cast<double>(z >> 11) * 0x1p-53)));
    }
    return values;
}

nlohmann::json references() {
    std::ifstream file(std::filesystem::path(REVERIE_TEST_DATA) / "parity/references/resample.json");
    return nlohmann::json::parse(file);
}

TEST(Resize, EqualsPillowAndExactAreas) {
    const nlohmann::json file = references();
    const auto& input = file.at("input");
    const std::int64_t height = input.at("height");
    const std::int64_t width = input.at("width");
    std::vector<float> values = uniform(input.at("stream"), height * width, input.at("scale"));
    const Tensor image = at::from_blob(values.data(), {1, height, width}, at::kFloat);
    const std::map<std::string, Resample> filters = {
        {"bicubic", Resample::Bicubic}, {"lanczos", Resample::Lanczos}, {"area", Resample::Area}};
    int compared = 0;
    for (const auto& output : file.at("outputs")) {
        const auto filter = filters.find(output.at("filter"));
        if (filter == filters.end()) {
            continue;  // Pillow's box decides by the samples' centres; our area by what is covered
        }
        const Size size = {output.at("height"), output.at("width")};
        auto numbers = output.at("values").get<std::vector<float>>();
        const Tensor expected = at::from_blob(numbers.data(), {1, size.height, size.width}, at::kFloat);
        // References have four decimals on a scale of 255.
        EXPECT_LE((resize(image, size, filter->second) - expected).abs().max().item<double>(), 2e-4)
            << output.at("filter") << " " << size.width << " x " << size.height;
        ++compared;
    }
    EXPECT_EQ(compared, 21);
}

TEST(Resize, ConstantsStayConstant) {
    const Tensor image = at::full({3, 50, 40}, 0.7);
    for (const Resample filter : {Resample::Area, Resample::Bicubic, Resample::Lanczos}) {
        for (const Size size : {Size{13, 17}, Size{90, 71}, Size{1, 200}}) {
            EXPECT_LE(distance(resize(image, size, filter), at::full({3, size.height, size.width}, 0.7)), 1e-4);
        }
    }
}

TEST(Resize, BatchesAreTheirImages) {
    const Tensor batch = at::rand({2, 3, 19, 23});
    const Tensor resized = resize(batch, Size{11, 31});
    ASSERT_EQ(resized.sizes(), (std::vector<std::int64_t>{2, 3, 11, 31}));
    for (std::int64_t n = 0; n < 2; ++n) {
        EXPECT_TRUE(at::equal(resized[n], resize(batch[n], Size{11, 31})));
    }
}

TEST(Resize, StridedInputIsReadByItsStrides) {
    const Tensor image = at::rand({3, 20, 30});
    const Tensor turned = image.transpose(1, 2);
    EXPECT_TRUE(at::equal(resize(turned, Size{9, 8}), resize(turned.contiguous(), Size{9, 8})));
}

TEST(Resize, TheMatrixFormForOtherDevicesAgrees) {
    const Tensor batch = at::rand({2, 3, 19, 23});
    for (const Size size : {Size{11, 31}, Size{40, 23}}) {
        EXPECT_LE(distance(image::resize_by_matrices(batch, image::make_axis(19, size.height, Resample::Lanczos),
                                                     image::make_axis(23, size.width, Resample::Lanczos)),
                           resize(batch, size, Resample::Lanczos)),
                  1e-3);
    }
}

TEST(Resize, TheSameSizeIsTheImageItself) {
    const Tensor image = at::rand({3, 20, 30});
    EXPECT_TRUE(resize(image, Size{20, 30}).is_same(image));
}

TEST(Resize, AnImpossibleSizeIsRefused) {
    test::expect_error(ErrorKind::Usage, [] { resize(at::rand({3, 4, 4}), Size{0, 4}); });
}

TEST(FitLongest, KeepsTheAspectAndAtLeastOnePixel) {
    EXPECT_EQ(fit_longest({300, 400}, 200), (Size{150, 200}));
    EXPECT_EQ(fit_longest({400, 300}, 1000), (Size{1000, 750}));
    EXPECT_EQ(fit_longest({1, 20'000}, 100), (Size{1, 100}));
    EXPECT_EQ(fit_into({300, 400}, {200, 200}), (Size{150, 200}));
    EXPECT_EQ(fit_into({300, 400}, {90, 1000}), (Size{90, 120}));
}

}  // namespace
}  // namespace reverie
