#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "reverie/optimize/total_variation.h"
#include "support/closed_formula.h"

namespace reverie {
namespace {

/// Pixel number i is uniform("variation", i), in float64.
Tensor noise(std::int64_t height, std::int64_t width) {
    const test::FormulaStream uniform("variation");
    Tensor image = at::empty({3, height, width}, at::kDouble);
    auto* data = image.data_ptr<double>();
    for (std::int64_t i = 0; i < image.numel(); ++i) {
        data[i] = uniform(static_cast<std::uint64_t>(i));
    }
    return image;
}

const std::map<std::string, Variation> kKinds = {
    {"squared", Variation::Squared}, {"absolute", Variation::Absolute}, {"power", Variation::Power}};

double variation(const std::string& kind, const Tensor& image, double range, double factor, Tensor& gradient) {
    const Tensor value = kind == "split" ? add_variation_(image, 3.0 * factor, 0.5 * factor, gradient)
                                         : add_variation_(image, kKinds.at(kind), factor, range, gradient);
    EXPECT_EQ(value.scalar_type(), at::kDouble);
    EXPECT_EQ(value.dim(), 0);
    return value.item<double>();
}

TEST(TotalVariation, EqualsAutogradOnThePublishedFormulas) {
    std::ifstream file(std::filesystem::path(REVERIE_TEST_DATA) / "parity/references/variation.json");
    int compared = 0;
    for (const auto& row : nlohmann::json::parse(file)) {
        const Tensor image = noise(row.at("height"), row.at("width"));
        auto numbers = row.at("gradient").get<std::vector<double>>();
        const Tensor expected = at::from_blob(numbers.data(), image.sizes(), at::kDouble);
        const double value = row.at("value");
        const auto largest = expected.abs().max().item<double>();
        // Sums of few numbers: rounding of the type, a few times over.
        for (const auto& [type, rounding] : {std::pair{at::kDouble, 1e-13}, std::pair{at::kFloat, 2e-6}}) {
            Tensor gradient = at::zeros(image.sizes(), type);
            EXPECT_NEAR(variation(row.at("kind"), image.to(type), row.at("range"), 1.0, gradient), value,
                        rounding * value)
                << row.at("kind") << " " << image.sizes();
            EXPECT_LE((gradient - expected).abs().max().item<double>(), rounding * largest)
                << row.at("kind") << " " << image.sizes();
        }
        ++compared;
    }
    EXPECT_EQ(compared, 25);
}

TEST(TotalVariation, AddsTheFactorTimesTheGradient) {
    const Tensor image = noise(9, 6);
    for (const std::string kind : {"squared", "absolute", "power", "split"}) {
        Tensor once = at::zeros_like(image);
        const double value = variation(kind, image, 2.0, 1.0, once);
        const Tensor before = noise(9, 6) - 0.3;
        Tensor sum = before.clone();
        const double weighted = variation(kind, image, 2.0, -7.0, sum);
        // The split value has its factors in it, the others' are the caller's.
        EXPECT_NEAR(weighted, kind == "split" ? -7.0 * value : value, 1e-12 * value) << kind;
        EXPECT_LE((sum - (before - 7.0 * once)).abs().max().item<double>(), 1e-12 * once.abs().max().item<double>());
    }
}

TEST(TotalVariation, GradientsAreFiniteDifferencesAcrossBands) {
    const Tensor image = noise(701, 603);  // a band is a million values: it ends with row 578
    const Tensor anywhere = noise(701, 603).flip({1, 2}) - 0.5;
    for (const std::string kind : {"squared", "absolute", "power", "split"}) {
        Tensor gradient = at::zeros_like(image);
        variation(kind, image, 1.0, 1.0, gradient);
        for (const auto& [first, count] : {std::pair{0, 1}, std::pair{577, 4}, std::pair{700, 1}}) {
            Tensor direction = at::zeros_like(image);
            direction.narrow(1, first, count).copy_(anywhere.narrow(1, first, count));
            const auto value_at = [&](double step) {
                Tensor unused = at::zeros_like(image);
                return variation(kind, image + direction * step, 1.0, 1.0, unused);
            };
            constexpr double kStep = 1e-6;
            const double slope = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
            // Small enough that no absolute difference changes its sign, large enough for values of a million.
            EXPECT_NEAR(slope, (gradient * direction).sum().item<double>(), 1e-3 * std::abs(slope))
                << kind << " from row " << first;
        }
    }
}

TEST(TotalVariation, FlatPicturesHaveNone) {
    for (const std::string kind : {"squared", "absolute", "power", "split"}) {
        const Tensor image = at::full({3, 12, 7}, 0.3);
        Tensor gradient = at::zeros_like(image);
        EXPECT_EQ(variation(kind, image, 255.0, 1.0, gradient), 0.0) << kind;
        EXPECT_EQ(gradient.abs().max().item<double>(), 0.0) << kind;  // and no 0 to the power of less than 1
    }
}

TEST(TotalVariation, LightnessAndColourWeighApart) {
    const Tensor grey = noise(8, 11)[0].expand({3, 8, 11}).contiguous();
    Tensor gradient = at::zeros_like(grey);
    const auto whole = add_variation_(grey, Variation::Squared, 1.0, 1.0, gradient).item<double>();
    EXPECT_NEAR(add_variation_(grey, 1.0, 0.0, gradient).item<double>(), whole, 1e-12);
    EXPECT_NEAR(add_variation_(grey, 0.0, 1.0, gradient).item<double>(), 0.0, 1e-12);
    // Pixels of one lightness: red alone makes 0.2126, green takes it back.
    Tensor equal = at::full({3, 8, 11}, 0.5, at::kDouble);
    equal[0] += 0.7152 * (grey[0] - 0.5);
    equal[1] -= 0.2126 * (grey[0] - 0.5);
    EXPECT_NEAR(add_variation_(equal, 1.0, 0.0, gradient).item<double>(), 0.0, 1e-12);
    EXPECT_GT(add_variation_(equal, 0.0, 1.0, gradient).item<double>(), 0.1 * whole);
}

}  // namespace
}  // namespace reverie
