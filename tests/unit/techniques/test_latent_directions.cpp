#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "support/latent_samples.h"
#include "support/temporary_folder.h"
#include "techniques/latent/logistic_regression.h"

namespace reverie {
namespace {

using test::formula_normal;

constexpr std::int64_t kDimensions = 24;

/// Latents of known factors. Factor 0 is the attribute: 1.5 with and -1.5 without it, deviation 0.5. Factor 1 comes
/// along with it by chance of the data (0.5 and -0.5, deviation 1). All others are noise. The space is rotated.
struct Factors {
    Tensor basis = std::get<0>(at::linalg_qr(formula_normal(kDimensions, kDimensions, "basis")));  ///< rows: factors

    Tensor latents(std::int64_t count, double sign, const std::string& name) const {
        Tensor factors = formula_normal(count, kDimensions, name);
        factors.select(1, 0).mul_(0.5).add_(1.5 * sign);
        factors.select(1, 1).add_(0.5 * sign);
        return factors.matmul(basis);
    }
    /// What factors a latent has.
    Tensor of(const Tensor& latent) const { return basis.matmul(latent); }
};

TEST(Direction, ByMeansIsTheDifferenceOfTheMeans) {
    const Factors factors;
    const Tensor with = factors.latents(400, 1.0, "with");
    const Tensor without = factors.latents(300, -1.0, "without");
    const Direction direction = learn_direction("smile", with, without, DirectionMethod::Mean, 1);
    EXPECT_EQ(direction.name, "smile");
    EXPECT_GT(direction.accuracy, 0.98);  // three deviations from the midpoint
    const Tensor effect = factors.of(direction.vector);
    EXPECT_NEAR(effect[0].item<double>(), 3.0, 0.2);
    EXPECT_NEAR(effect[1].item<double>(), 1.0, 0.4);  // the mean cannot tell what only comes along
}

TEST(Direction, ByClassifierLeavesOtherFactorsAlone) {
    const Factors factors;
    const Tensor with = factors.latents(400, 1.0, "with");
    const Tensor without = factors.latents(300, -1.0, "without");
    const Direction direction = learn_direction("smile", with, without, DirectionMethod::Classifier, 1);
    EXPECT_GT(direction.accuracy, 0.98);
    const Tensor effect = factors.of(direction.vector);
    EXPECT_NEAR(effect[0].item<double>(), 3.0, 0.6);
    const Tensor others = effect.narrow(0, 1, kDimensions - 1).abs();
    EXPECT_LT(others.max().item<double>(), 0.2 * effect[0].item<double>());
    // by 1.0 of it the mean without comes as far as the mean with, measured along it
    const auto along = (with.mean(0) - without.mean(0)).dot(direction.vector).item<double>();
    EXPECT_NEAR(along / direction.vector.square().sum().item<double>(), 1.0, 0.05);  // held-out rows count here too
}

TEST(Direction, AccuracyIsThatOfRowsHeldOut) {
    // No difference at all, fewer rows than dimensions: a classifier parts its own rows perfectly and no others.
    const Tensor with = formula_normal(60, 200, "with");
    const Tensor without = formula_normal(60, 200, "without");
    for (const DirectionMethod method : {DirectionMethod::Mean, DirectionMethod::Classifier}) {
        const double accuracy = learn_direction("nothing", with, without, method, 5).accuracy;
        EXPECT_NEAR(accuracy, 0.5, 0.31) << "24 rows held out: three standard errors";
    }
    // the same seed holds the same rows out
    const auto vector = [&](std::uint64_t seed) {
        return learn_direction("nothing", with, without, DirectionMethod::Mean, seed).vector;
    };
    EXPECT_TRUE(at::equal(vector(5), vector(5)));
    EXPECT_FALSE(at::equal(vector(5), vector(6)));
}

TEST(Direction, WeighsBothSidesTheSameInItsAccuracy) {
    // A constant verdict on 300 against 10 would be right 97 times of 100, and is worth nothing.
    const Tensor with = formula_normal(300, 20, "with");
    const Tensor without = formula_normal(10, 20, "without");
    EXPECT_LT(learn_direction("nothing", with, without, DirectionMethod::Classifier, 1).accuracy, 0.85);
}

TEST(Direction, NeedsTwoPicturesAndADifference) {
    const Tensor rows = formula_normal(5, 4, "rows");
    const std::string message = test::expect_error(
        ErrorKind::Input, [&] { learn_direction("smile", rows, rows.narrow(0, 0, 1), DirectionMethod::Mean, 0); });
    EXPECT_NE(message.find("'smile'"), std::string::npos) << message;
    EXPECT_NE(message.find("without"), std::string::npos) << message;
    EXPECT_NO_THROW(
        learn_direction("smile", rows.narrow(0, 0, 2), rows.narrow(0, 2, 2), DirectionMethod::Classifier, 0));
    const Tensor same = at::ones({4, 3});
    test::expect_error(ErrorKind::Input, [&] { learn_direction("smile", same, same, DirectionMethod::Mean, 0); });
}

TEST(LogisticRegression, EndsWhereItsObjectiveIsLowest) {
    const Tensor with = formula_normal(37, 6, "with").to(at::kDouble) + 0.4;
    const Tensor without = formula_normal(61, 6, "without").to(at::kDouble);
    const Tensor normal = logistic_normal(with, without);
    // The objective as scikit-learn writes it down for balanced classes, the offset found by bisection.
    const Tensor all = at::cat({with, without});
    const Tensor mean = all.mean(0);
    const auto variance = (all - mean).square().mean().item<double>();
    const auto value = [&](const Tensor& w) {
        const Tensor on = (with - mean).mv(w);
        const Tensor off = (without - mean).mv(w);
        const double share_on = 98.0 / (2 * 37);
        const double share_off = 98.0 / (2 * 61);
        double low = -20.0;
        double high = 20.0;
        for (int i = 0; i < 80; ++i) {
            const double b = 0.5 * (low + high);
            const double slope = share_off * at::sigmoid(off + b).sum().item<double>() -
                                 share_on * at::sigmoid(-on - b).sum().item<double>();
            (slope > 0 ? high : low) = b;
        }
        return share_on * at::softplus(-on - low).sum().item<double>() +
               share_off * at::softplus(off + low).sum().item<double>() +
               0.5 * variance * w.square().sum().item<double>();
    };
    const double lowest = value(normal);
    for (std::int64_t d = 0; d < 6; ++d) {
        for (const double step : {-1e-3, 1e-3}) {
            Tensor moved = normal.clone();
            moved[d] += step;
            EXPECT_GT(value(moved), lowest) << d;
        }
    }
    EXPECT_GT(normal.dot(with.mean(0) - without.mean(0)).item<double>(), 0.0);
}

TEST(Orthogonalized, PartsDirectionsAndKeepsTheirEffect) {
    std::vector<Direction> given;
    const Tensor rows = formula_normal(3, 11, "directions") + 0.7;  // far from orthogonal
    for (std::int64_t i = 0; i < 3; ++i) {
        given.push_back({.name = std::to_string(i), .vector = rows[i], .accuracy = 0.9});
    }
    const std::vector<Direction> parted = orthogonalized(given);
    EXPECT_TRUE(at::allclose(parted[0].vector, given[0].vector));
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(parted[i].name, given[i].name);
        const auto along = (parted[i].vector.dot(given[i].vector) / given[i].vector.square().sum()).item<double>();
        EXPECT_NEAR(along, 1.0, 1e-5);
        for (std::size_t j = 0; j < i; ++j) {
            const auto product = parted[i].vector.dot(parted[j].vector).item<double>();
            EXPECT_NEAR(product / (parted[i].vector.norm() * parted[j].vector.norm()).item<double>(), 0.0, 1e-6);
        }
    }
    given[2].vector = given[0].vector - 2.0 * given[1].vector;
    const std::string message = test::expect_error(ErrorKind::Usage, [&] { orthogonalized(given); });
    EXPECT_NE(message.find("'2'"), std::string::npos) << message;
}

TEST(PrincipalAxes, AreThoseTheDataWasMadeOf) {
    constexpr std::int64_t kRows = 4000;
    const Tensor basis = std::get<0>(at::linalg_qr(formula_normal(5, 5, "basis")));
    const Tensor deviations = at::tensor({4.0F, 2.0F, 1.0F, 0.5F, 0.0F});
    const Tensor latents = (formula_normal(kRows, 5, "latents") * deviations).matmul(basis) + 3.0;
    const PrincipalAxes found = principal_axes(latents);
    EXPECT_TRUE(at::allclose(found.mean, latents.mean(0), 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(found.axes.matmul(found.axes.t()), at::eye(5), 1e-5, 1e-5));
    for (std::int64_t i = 0; i < 5; ++i) {
        const auto wanted = deviations[i].item<double>();
        EXPECT_NEAR(found.deviations[i].item<double>(), wanted, 4.0 * wanted / std::sqrt(2.0 * kRows) + 1e-3);
        EXPECT_GT(std::abs(found.axes[i].dot(basis[i]).item<double>()), 0.99);
        EXPECT_GT(found.axes[i][found.axes[i].abs().argmax().item<std::int64_t>()].item<double>(), 0.0);
    }
    // fewer latents than dimensions
    const PrincipalAxes few = principal_axes(formula_normal(3, 8, "few"));
    EXPECT_LT(few.deviations.narrow(0, 2, 6).max().item<double>(), 1e-6);
    test::expect_error(ErrorKind::Input, [&] { principal_axes(latents.narrow(0, 0, 1)); });
}

TEST(EditVector, AddsDirectionsByTheirStrengths) {
    const Direction right{.name = "right", .vector = at::tensor({2.0F, 0.0F, 0.0F})};
    const Direction both{.name = "both", .vector = at::tensor({1.0F, 1.0F, 0.0F})};
    EXPECT_TRUE(at::equal(edit_vector({{right, 0.5}, {both}}, false, 3), at::tensor({2.0F, 1.0F, 0.0F})));
    // Of `both` only what `right` has not, as far along `both` as before: its square is halved.
    EXPECT_TRUE(at::allclose(edit_vector({{right, 0.5}, {both}}, true, 3), at::tensor({1.0F, 2.0F, 0.0F})));
    EXPECT_TRUE(at::equal(edit_vector({}, true, 3), at::zeros({3})));
    test::expect_error(ErrorKind::Usage, [&] { edit_vector({{right}}, false, 4); });
}

TEST(EditedLatents, AreARowOfStrengthsForEachLatent) {
    const Tensor latents = at::tensor({0.0F, 1.0F, 10.0F, 11.0F}).view({2, 2});
    const Tensor edited = edited_latents(latents, at::tensor({1.0F, 0.0F}), {0.0, 0.5, -1.0});
    const std::vector<float> wanted = {0.0F, 1.0F, 0.5F, 1.0F, -1.0F, 1.0F, 10.0F, 11.0F, 10.5F, 11.0F, 9.0F, 11.0F};
    EXPECT_TRUE(at::equal(edited, at::tensor(wanted).view({6, 2})));
    test::expect_error(ErrorKind::Usage, [&] { edited_latents(latents, at::ones({3}), {1.0}); });
}

TEST(DirectionFile, ReadsBackToTheBit) {
    const test::TemporaryFolder folder;
    const Direction direction{
        .name = "größer, \"quoted\"", .vector = formula_normal(1, 37, "v")[0], .accuracy = 0.1 + 0.2};
    write_direction(folder / "smile.safetensors", direction);
    const Direction found = read_direction(folder / "smile.safetensors", 37);
    EXPECT_EQ(found.name, direction.name);
    EXPECT_EQ(found.accuracy, direction.accuracy);
    EXPECT_TRUE(at::equal(found.vector, direction.vector));
}

TEST(DirectionFile, RefusesOthersAndDamage) {
    const test::TemporaryFolder folder;
    const auto path = folder / "smile.safetensors";
    const auto expect_refused = [&](std::int64_t dimensions, const std::string& words) {
        const std::string message = test::expect_error(ErrorKind::Input, [&] { read_direction(path, dimensions); });
        EXPECT_NE(message.find("smile.safetensors"), std::string::npos) << message;
        EXPECT_NE(message.find(words), std::string::npos) << message;
    };
    expect_refused(8, "does not exist");
    const Direction direction{.name = "smile", .vector = at::ones({8}), .accuracy = 0.5};
    write_direction(path, direction);
    expect_refused(9, "of 8 dimensions; the model has 9");
    const auto bytes = read_file(path);
    write_file(path, std::span(bytes).first(bytes.size() - 5));
    expect_refused(8, "");
    write_safetensors(path, {{"vector", at::ones({8})}});
    expect_refused(8, "not a direction file");
    write_direction(path, {.name = "smile", .vector = at::full({8}, std::nan("")), .accuracy = 0.5});
    expect_refused(8, "damaged");
}

}  // namespace
}  // namespace reverie
