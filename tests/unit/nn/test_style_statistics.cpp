#include "reverie/nn/style_statistics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/closed_formula.h"

namespace reverie {
namespace {

using nlohmann::json;

constexpr StyleStatistic kStatistics[] = {StyleStatistic::W2, StyleStatistic::Gram, StyleStatistic::MeanStd};

/// As in tests/parity/make_style_references.py: correlated, many zeros, [positions,channels].
Tensor activations(std::int64_t positions, std::int64_t channels, const std::string& name) {
    const test::FormulaStream uniform(name);
    Tensor rows = at::empty({positions, channels}, at::kFloat);
    auto* data = rows.data_ptr<float>();
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
        const auto one = static_cast<float>(uniform(static_cast<std::uint64_t>(i)));
        const auto next = static_cast<float>(uniform(static_cast<std::uint64_t>(i + 1)));
        data[i] = std::max(0.0F, (next + one) - 0.8F);
    }
    return rows;
}

/// Sums in float64, without the class under test.
Moments exact_sums(const Tensor& rows, const Tensor& weights = {}) {
    const Tensor x = rows.to(at::kDouble);
    const Tensor w = weights.defined() ? weights.to(at::kDouble) : at::ones({x.size(0)}, x.options());
    const Tensor weighted = x * w.unsqueeze(1);
    return {weighted.sum(0), weighted.t().mm(x), w.sum().item<double>()};
}

Moments exact_means(const Tensor& rows) { return exact_sums(rows).means(); }

double relative(const Tensor& found, const Tensor& wanted) {
    return ((found - wanted).norm() / wanted.norm()).item<double>();
}

TEST(StyleStatistics, RowsArePositionsInEveryMemoryLayout) {
    const Tensor features = at::arange(2 * 3 * 5, at::kFloat).view({1, 2, 3, 5});
    const Tensor last = features.contiguous(at::MemoryFormat::ChannelsLast);
    for (const Tensor& map : {features, last}) {
        const Tensor rows = rows_of(map);
        ASSERT_EQ(rows.sizes(), (at::IntArrayRef{15, 2}));
        EXPECT_EQ(rows[7][1].item<float>(), features[0][1][1][2].item<float>());
        EXPECT_TRUE(rows.is_alias_of(map));
    }
    // A part of a map, as tiles cut it.
    const Tensor part = features.narrow(2, 1, 2).narrow(3, 1, 3);
    EXPECT_TRUE(at::equal(rows_of(part), rows_of(part.contiguous())));
}

TEST(StyleStatistics, SumsAreExactOverManyPositions) {
    // More than one block of rows, and not a whole number of them. Float32 alone would be wrong by 1e-4.
    const Tensor rows = activations(70'001, 7, "long");
    const Tensor weights = activations(70'001, 1, "weights").squeeze(1).clamp(0.0, 1.0);
    for (const Tensor& w : {Tensor(), weights}) {
        Moments sums;
        sums.add(rows, w);
        const Moments wanted = exact_sums(rows, w);
        EXPECT_LT(relative(sums.first, wanted.first), 1e-6);
        EXPECT_LT(relative(sums.second, wanted.second), 1e-6);
        EXPECT_NEAR(sums.weight, wanted.weight, 1e-9 * wanted.weight);
    }
}

TEST(StyleStatistics, SumsOverTilesAreTheSumsOverTheWhole) {
    const Tensor rows = activations(1001, 6, "tiles");
    Moments whole;
    whole.add(rows);
    Moments tiles;
    for (const auto& [start, count] : {std::pair{0, 333}, {333, 1}, {334, 667}}) {
        tiles.add(rows.narrow(0, start, count));
    }
    EXPECT_EQ(tiles.weight, whole.weight);
    EXPECT_LT(relative(tiles.first, whole.first), 1e-6);
    EXPECT_LT(relative(tiles.second, whole.second), 1e-6);
}

TEST(StyleStatistics, PositionsOfWeightZeroDoNotCount) {
    const Tensor rows = activations(90, 4, "masked");
    Tensor weights = at::zeros({90});
    weights.narrow(0, 20, 31).fill_(1.0);
    Moments masked;
    masked.add(rows, weights);
    const Moments wanted = exact_sums(rows.narrow(0, 20, 31));
    EXPECT_EQ(masked.weight, 31);
    EXPECT_LT(relative(masked.second, wanted.second), 1e-6);
    Moments none;
    none.add(rows, at::zeros({90}));
    EXPECT_TRUE(none.empty());
    EXPECT_TRUE(none.means().empty());
}

TEST(StyleStatistics, BlendsAreLinearInTheMeans) {
    const Moments a = exact_means(activations(50, 4, "a"));
    const Moments b = exact_means(activations(70, 4, "b"));
    Moments blend;
    blend.blend(a, 0.25);
    blend.blend(b, 0.75);
    blend.blend(Moments{}, 0.5);
    EXPECT_DOUBLE_EQ(blend.weight, 1.0);
    EXPECT_LT(relative(blend.first, 0.25 * a.first + 0.75 * b.first), 1e-14);
    EXPECT_LT(relative(blend.second, 0.25 * a.second + 0.75 * b.second), 1e-14);
}

TEST(StyleStatistics, DistancesAndGradientsEqualIndependentFloat64) {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/style_statistics.json");
    const json references = json::parse(file);
    const std::map<std::string, StyleStatistic> statistics = {
        {"w2", kStatistics[0]}, {"gram", kStatistics[1]}, {"mean_std", kStatistics[2]}};
    ASSERT_EQ(references["cases"].size(), 12U);
    for (const json& c : references["cases"]) {
        SCOPED_TRACE(c["statistic"].get<std::string>() + " of " + c["channels"].dump() + " channels times " +
                     c["factor"].dump());
        const double factor = c["factor"];
        const Tensor own = activations(c["own"], c["channels"], "own").to(at::kDouble) * factor;
        const Tensor style = activations(c["style"], c["channels"], "style").to(at::kDouble) * factor;
        const StyleTarget target(statistics.at(c["statistic"]), exact_means(style), c["scale"], c["ridge"]);
        const StyleDistance distance = target.distance(exact_means(own));
        const double value = c["value"];
        // Where it is singular and huge the ridge is below the rounding errors of float64, and so is any root's answer.
        const double tolerance = c["gradient"].empty() ? 1e-6 : 1e-9;
        EXPECT_NEAR(distance.value.item<double>(), value, tolerance * value);

        const auto total = static_cast<double>(own.size(0));
        Tensor gradient = at::empty(own.sizes(), at::kFloat);
        add_rows_gradient_(gradient, own.to(at::kFloat), {}, distance, 1.0 / total, false);
        const auto size = gradient.abs().max().item<double>();
        for (const json& place : c["gradient"]) {
            const auto found = gradient[place[0].get<std::int64_t>()][place[1].get<std::int64_t>()].item<double>();
            EXPECT_NEAR(found, place[2].get<double>(), 1e-5 * size) << place;
        }
    }
}

/// Derivatives by the moments themselves: central differences along a direction of both.
TEST(StyleStatistics, DerivativesEqualFiniteDifferences) {
    const Moments style = exact_means(activations(200, 6, "style"));
    const Moments own = exact_means(activations(150, 6, "own"));
    Tensor along_second = activations(6, 6, "direction").to(at::kDouble);
    along_second = along_second + along_second.t();
    const Tensor along_first = activations(6, 1, "direction").squeeze(1).to(at::kDouble);
    const auto check = [&](StyleStatistic statistic, double share) {
        const StyleTarget target(statistic, style, 1.3, 1e-4, share);
        const StyleDistance distance = target.distance(own);
        EXPECT_TRUE(at::equal(distance.second, distance.second.t()));
        constexpr double kStep = 1e-6;
        const auto value_at = [&](double t) {
            return target.distance({own.first + t * along_first, own.second + t * along_second, 1.0})
                .value.item<double>();
        };
        const double slope = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
        const auto closed = (distance.first.dot(along_first) + (distance.second * along_second).sum()).item<double>();
        EXPECT_NEAR(closed, slope, 1e-6 * std::abs(slope)) << static_cast<int>(statistic) << " " << share;
    };
    for (const StyleStatistic statistic : kStatistics) {
        check(statistic, 1.0);
    }
    check(StyleStatistic::W2, 0.9);
    check(StyleStatistic::W2, 0.0);
}

TEST(StyleStatistics, AStyleIsAtDistanceZeroOfItself) {
    for (const StyleStatistic statistic : kStatistics) {
        const Moments style = exact_means(activations(200, 9, "style"));
        const StyleDistance distance = StyleTarget(statistic, style, 1.0, 1e-4).distance(style);
        EXPECT_NEAR(distance.value.item<double>(), 0.0, 1e-12);
        EXPECT_LT(distance.first.abs().max().item<double>(), 1e-7);
        EXPECT_LT(distance.second.abs().max().item<double>(), 1e-7);
    }
}

TEST(StyleStatistics, W2OfTheMainDirectionsIsABoundThatRisesToTheWholeDistance) {
    const Moments style = exact_means(activations(200, 9, "style"));
    const Moments own = exact_means(activations(150, 9, "own"));
    const double whole = StyleTarget(StyleStatistic::W2, style, 1.0, 1e-4).distance(own).value.item<double>();
    double before = 0.0;
    for (const double share : {0.0, 0.5, 0.9, 0.999}) {
        const StyleTarget target(StyleStatistic::W2, style, 1.0, 1e-4, share);
        const auto value = target.distance(own).value.item<double>();
        EXPECT_GE(value, before - 1e-12) << share;
        EXPECT_LE(value, whole + 1e-12) << share;
        before = value;
        EXPECT_NEAR(target.distance(style).value.item<double>(), 0.0, 1e-12) << share;
        EXPECT_LT(target.distance(style).second.abs().max().item<double>(), 1e-7) << share;
    }
    EXPECT_GT(before, 0.5 * whole);
}

TEST(StyleStatistics, StaysFiniteForDegenerateCovariances) {
    const Tensor ordinary = activations(40, 6, "ordinary");
    const Tensor degenerate[] = {
        at::zeros({40, 6}),                                           // dead
        at::full({40, 6}, 3.0F),                                      // flat
        activations(1, 6, "one"),                                     // a single position
        ordinary * at::tensor({1.0F, 0.0F, 1.0F, 0.0F, 1.0F, 0.0F}),  // dead channels
        ordinary * 1e6F,                                              // covariances of 1e12
        ordinary * at::tensor({1e6F, 1.0F, 1e-6F, 1e6F, 1.0F, 1e-6F}),
        ordinary,
    };
    const std::pair<StyleStatistic, double> kinds[] = {{StyleStatistic::W2, 1.0},
                                                       {StyleStatistic::W2, 0.9},
                                                       {StyleStatistic::Gram, 1.0},
                                                       {StyleStatistic::MeanStd, 1.0}};
    for (const auto& [statistic, share] : kinds) {
        for (const double ridge : {0.0, 1e-4}) {
            for (std::size_t of = 0; of < std::size(degenerate); ++of) {
                const StyleTarget target(statistic, exact_means(degenerate[of]), 1.0, ridge, share);
                for (std::size_t from = 0; from < std::size(degenerate); ++from) {
                    const StyleDistance distance = target.distance(exact_means(degenerate[from]));
                    const bool finite = distance.value.isfinite().item<bool>() &&
                                        distance.first.isfinite().all().item<bool>() &&
                                        distance.second.isfinite().all().item<bool>();
                    EXPECT_TRUE(finite) << static_cast<int>(statistic) << " " << of << " " << from << " " << ridge;
                    const auto size = distance.first.abs().max().item<double>();
                    EXPECT_LT(size, 1e15) << static_cast<int>(statistic) << " " << of << " " << from << " " << ridge;
                }
            }
        }
    }
}

TEST(StyleStatistics, ScaleActsAsOnTheActivations) {
    const Tensor own = activations(60, 5, "own");
    const Tensor style = activations(80, 5, "style");
    for (const StyleStatistic statistic : kStatistics) {
        const StyleDistance scaled = StyleTarget(statistic, exact_means(style), 2.5, 1e-4).distance(exact_means(own));
        const StyleDistance wanted =
            StyleTarget(statistic, exact_means(style * 2.5), 1.0, 1e-4).distance(exact_means(own * 2.5));
        EXPECT_NEAR(scaled.value.item<double>(), wanted.value.item<double>(), 1e-6 * wanted.value.item<double>());
        EXPECT_LT(relative(scaled.second, wanted.second * 6.25), 1e-5);
    }
}

TEST(StyleStatistics, RowsGradientIsThatOfAWeightedMean) {
    const Tensor rows = activations(30, 4, "rows");
    const Tensor weights = activations(30, 1, "w").squeeze(1).clamp(0.0, 1.0);
    const StyleTarget target(StyleStatistic::Gram, exact_means(activations(50, 4, "style")), 1.0, 0.0);
    const Moments sums = exact_sums(rows, weights);
    Tensor found = at::empty_like(rows);
    add_rows_gradient_(found, rows, weights, target.distance(sums.means()), 1.0 / sums.weight, false);
    ASSERT_EQ(found.scalar_type(), at::kFloat);
    constexpr double kStep = 1e-4;
    const auto value_at = [&](double t) {
        Tensor moved = rows.to(at::kDouble);
        moved[3][2].add_(t);
        return target.distance(exact_sums(moved, weights).means()).value.item<double>();
    };
    const double slope = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
    EXPECT_NEAR(found[3][2].item<double>(), slope, 1e-5 * std::abs(slope));
    EXPECT_EQ((found.abs().sum(1) == 0).sum().item<std::int64_t>(), (weights == 0).sum().item<std::int64_t>());
}

}  // namespace
}  // namespace reverie
