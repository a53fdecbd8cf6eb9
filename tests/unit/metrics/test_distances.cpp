#include "reverie/metrics/distances.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "support/closed_formula.h"
#include "support/expect_error.h"
#include "support/latent_samples.h"

namespace reverie {
namespace {

using test::formula_normal;

/// As in tests/parity/make_distance_references.py: correlated, many zeros.
Tensor pooled_activations(std::int64_t count, std::int64_t dimensions, const std::string& name) {
    const test::FormulaStream uniform(name);
    Tensor rows = at::empty({count, dimensions}, at::kFloat);
    auto* data = rows.data_ptr<float>();
    for (std::int64_t i = 0; i < rows.numel(); ++i) {
        const auto one = static_cast<float>(uniform(static_cast<std::uint64_t>(i)));
        const auto next = static_cast<float>(uniform(static_cast<std::uint64_t>(i + 1)));
        data[i] = std::max(0.0F, (next + one) - 0.8F);
    }
    return rows.to(at::kDouble);
}

/// Rows whose mean is exactly 0 and whose covariance is exactly the identity.
Tensor whitened(std::int64_t count, std::int64_t dimensions, const std::string& name) {
    const Tensor rows = formula_normal(count, dimensions, name).to(at::kDouble);
    const Tensor orthonormal = std::get<0>(at::linalg_qr(rows - rows.mean(0)));
    return orthonormal * std::sqrt(static_cast<double>(count - 1));
}

Tensor rotation(std::int64_t dimensions) {
    return std::get<0>(at::linalg_qr(formula_normal(dimensions, dimensions, "rotation").to(at::kDouble)));
}

double distance(const Tensor& a, const Tensor& b) { return std::sqrt((a - b).square().sum().item<double>()); }

TEST(Frechet, AgreesWithThePublishedFormula) {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/frechet_distance.json");
    const nlohmann::json references = nlohmann::json::parse(file)["cases"];
    ASSERT_EQ(references.size(), 6U);
    for (const auto& reference : references) {
        const std::int64_t dimensions = reference["dimensions"];
        const Tensor a = pooled_activations(reference["n"], dimensions, "reals");
        const Tensor b = pooled_activations(reference["m"], dimensions, "fakes") * 1.25;
        const double wanted = reference["value"];
        // the reference itself is good to about 1e-7: its general eigenvalues of a singular product are not real
        EXPECT_NEAR(frechet_distance(a, b), wanted, 1e-6 * wanted) << reference.dump();
        EXPECT_NEAR(frechet_distance(b, a), wanted, 1e-6 * wanted) << reference.dump();
    }
}

TEST(Frechet, OfGaussiansIsTheClosedForm) {
    constexpr std::int64_t kDimensions = 13;
    const Tensor deviations_a = at::linspace(0.5, 3.0, kDimensions, at::kDouble);
    const Tensor deviations_b = at::linspace(2.0, 0.1, kDimensions, at::kDouble);
    const Tensor shift = at::linspace(-1.0, 1.5, kDimensions, at::kDouble);
    const auto wanted = ((deviations_a - deviations_b).square().sum() + shift.square().sum()).item<double>();
    const Tensor turn = rotation(kDimensions);
    const Tensor a = (whitened(61, kDimensions, "a") * deviations_a).matmul(turn);
    const Tensor b = (whitened(47, kDimensions, "b") * deviations_b + shift).matmul(turn);
    EXPECT_NEAR(frechet_distance(a, b), wanted, 1e-9 * wanted);
    const auto covariance = [&](const Tensor& deviations) {
        return turn.t().matmul(deviations.square().diag()).matmul(turn);
    };
    EXPECT_NEAR(frechet_distance(at::zeros({kDimensions}, at::kDouble), covariance(deviations_a), shift.matmul(turn),
                                 covariance(deviations_b)),
                wanted, 1e-9 * wanted);
}

TEST(Frechet, OfFewerRowsThanDimensionsNeedsNoFullCovariance) {
    const Tensor a = formula_normal(16, 600, "few");
    const auto trace = (a.to(at::kDouble).var(0, true)).sum().item<double>();
    // twice as wide: Tr(S + 4 S - 2 * 2 S)
    const Tensor wider = (a - a.mean(0)) * 2.0 + a.mean(0);
    EXPECT_NEAR(frechet_distance(a, wider), trace, 1e-5 * trace);  // float32 features
    const Tensor moved = a.to(at::kDouble) + 0.25;
    EXPECT_NEAR(frechet_distance(a, moved), 600 * 0.0625, 1e-9 * trace);
    EXPECT_NEAR(frechet_distance(a, a), 0.0, 1e-9 * trace);
    EXPECT_GE(frechet_distance(a, a), 0.0);
}

TEST(Frechet, OfConstantFeaturesIsTheShift) {
    const Tensor a = at::full({40, 7}, 0.5);
    EXPECT_NEAR(frechet_distance(a, a + 1.0), 7.0, 1e-9);
    EXPECT_NEAR(frechet_distance(a.narrow(0, 0, 3), a + 1.0), 7.0, 1e-9);
}

TEST(Frechet, RefusesOneRowAndBrokenFeatures) {
    const Tensor a = formula_normal(5, 3, "a");
    const std::string few = test::expect_error(ErrorKind::Input, [&] { frechet_distance(a, a.narrow(0, 0, 1)); });
    EXPECT_NE(few.find("at least 2 pictures on either side and found 1"), std::string::npos) << few;
    Tensor broken = a.clone();
    broken[2][1] = std::numeric_limits<float>::quiet_NaN();
    test::expect_error(ErrorKind::Input, [&] { frechet_distance(broken, a); });
}

/// The definition, one pair after another.
double kernel_oracle(const Tensor& a, const Tensor& b) {
    const auto k = [&](const Tensor& x, const Tensor& y) {
        const auto product = (x.to(at::kDouble) * y.to(at::kDouble)).sum().item<double>();
        return std::pow(product / static_cast<double>(a.size(1)) + 1.0, 3);
    };
    const auto mean = [&](const Tensor& x, const Tensor& y, bool same) {
        double sum = 0.0;
        for (std::int64_t i = 0; i < x.size(0); ++i) {
            for (std::int64_t j = 0; j < y.size(0); ++j) {
                sum += same && i == j ? 0.0 : k(x[i], y[j]);
            }
        }
        return sum / static_cast<double>(x.size(0) * (y.size(0) - (same ? 1 : 0)));
    };
    return mean(a, a, true) + mean(b, b, true) - 2.0 * mean(a, b, false);
}

TEST(KernelDistance, OfWholeSetsIsTheDefinition) {
    const Tensor a = formula_normal(9, 5, "a");
    const Tensor b = formula_normal(9, 5, "b") * 1.5 + 0.5;
    const KernelDistance whole = kernel_distance(a, b);
    EXPECT_NEAR(whole.value, kernel_oracle(a, b), 1e-9);
    EXPECT_EQ(whole.deviation, 0.0);
}

TEST(KernelDistance, OverSubsetsIsUnbiasedAndKeyedOnItsSeed) {
    const Tensor a = formula_normal(61, 4, "a");
    const Tensor b = formula_normal(83, 4, "b") + 0.75;
    const KernelDistance some = kernel_distance(a, b, 400, 20, 7);
    const KernelDistance again = kernel_distance(a, b, 400, 20, 7);
    EXPECT_EQ(some.value, again.value);
    EXPECT_EQ(some.deviation, again.deviation);
    EXPECT_NE(some.value, kernel_distance(a, b, 400, 20, 8).value);
    EXPECT_GT(some.deviation, 0.0);
    // the subsets' mean has the whole's expectation: five of its standard errors
    EXPECT_NEAR(some.value, kernel_oracle(a, b), 5.0 * some.deviation / 20.0);
}

TEST(KernelDistance, TakesNoMoreRowsThanThereAre) {
    const Tensor a = formula_normal(6, 4, "a");
    const Tensor b = formula_normal(11, 4, "b");
    EXPECT_GT(kernel_distance(a, b, 50, 1000, 0).deviation, 0.0);  // 6 of the 11
    test::expect_error(ErrorKind::Usage, [&] { kernel_distance(a, b, 0); });
    test::expect_error(ErrorKind::Usage, [&] { kernel_distance(a, b, 10, 1); });
}

double share_oracle(const Tensor& rows, const Tensor& centers, std::size_t k) {
    std::int64_t within = 0;
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
        bool found = false;
        for (std::int64_t j = 0; j < centers.size(0) && !found; ++j) {
            std::vector<double> others;
            for (std::int64_t l = 0; l < centers.size(0); ++l) {
                if (l != j) {
                    others.push_back(distance(centers[j], centers[l]));
                }
            }
            std::ranges::sort(others);
            found = distance(rows[i], centers[j]) <= others[k - 1];
        }
        within += found ? 1 : 0;
    }
    return static_cast<double>(within) / static_cast<double>(rows.size(0));
}

TEST(PrecisionRecall, IsTheDefinition) {
    const Tensor reals = formula_normal(23, 3, "reals").to(at::kDouble);
    const Tensor fakes = formula_normal(31, 3, "fakes").to(at::kDouble) * 0.6 + 0.7;
    for (const std::size_t k : {1, 3, 5}) {
        const PrecisionRecall found = precision_recall(reals, fakes, static_cast<std::int64_t>(k));
        EXPECT_EQ(found.precision, share_oracle(fakes, reals, k)) << k;
        EXPECT_EQ(found.recall, share_oracle(reals, fakes, k)) << k;
        EXPECT_NE(found.precision, found.recall) << "the sets should tell the two apart";
    }
}

TEST(PrecisionRecall, TellsMissingModesFromBadSamples) {
    const Tensor reals = at::cat({formula_normal(600, 2, "one"), formula_normal(600, 2, "other") + 50.0});
    const Tensor one_mode = formula_normal(600, 2, "more");
    const PrecisionRecall dropped = precision_recall(reals, one_mode);
    EXPECT_GT(dropped.precision, 0.9);
    EXPECT_NEAR(dropped.recall, 0.5, 0.05);
    const PrecisionRecall bad = precision_recall(reals, reals + 1000.0);
    EXPECT_EQ(bad.precision, 0.0);
    EXPECT_EQ(bad.recall, 0.0);
}

TEST(PrecisionRecall, CountsCopiesEvenAmongCopies) {
    // Every picture four times: the balls of three neighbours have no width, and rounding must not empty them.
    const Tensor reals = (formula_normal(50, 70, "reals") + 3.0).repeat({4, 1});
    const PrecisionRecall same = precision_recall(reals, reals.flip(0));
    EXPECT_EQ(same.precision, 1.0);
    EXPECT_EQ(same.recall, 1.0);
}

TEST(PrecisionRecall, NeedsMoreRowsThanNeighbours) {
    const Tensor a = formula_normal(9, 3, "a");
    test::expect_error(ErrorKind::Input, [&] { precision_recall(a, a.narrow(0, 0, 3)); });
    test::expect_error(ErrorKind::Usage, [&] { precision_recall(a, a, 0); });
}

}  // namespace
}  // namespace reverie
