// What a style net is shown, and what is counted of its pictures' lattices.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <vector>

#include "reverie/techniques/fast_style.h"
#include "support/textured_picture.h"

namespace reverie {
namespace {

FastStyleOptions small() {
    FastStyleOptions options = fast_style_recipe().options;
    options.side = 64;
    return options;
}

TEST(TrainingPicture, IsAFunctionOfSeedAndNumber) {
    const Tensor photo = test::textured_picture(1, Size{70, 93});
    const FastStyleOptions options = small();
    const Tensor one = training_picture(photo, 48, options, 3, 17);
    EXPECT_TRUE(at::equal(training_picture(photo, 48, options, 3, 17), one));
    EXPECT_FALSE(at::equal(training_picture(photo, 48, options, 4, 17), one));
    EXPECT_FALSE(at::equal(training_picture(photo, 48, options, 3, 18), one));
}

TEST(TrainingPicture, HasTheSideAndStaysInRange) {
    const Tensor photo = test::textured_picture(1, Size{33, 57});
    for (std::int64_t number = 0; number < 40; ++number) {
        const Tensor picture = training_picture(photo, 41, small(), 1, number);
        EXPECT_EQ(picture.sizes().vec(), (std::vector<std::int64_t>{3, 41, 41}));
        EXPECT_TRUE(((picture >= 0.0) & (picture <= 1.0)).all().item<bool>());
    }
}

TEST(TrainingPicture, ShowsAsManyDrawnOnesAsAskedFor) {
    // A photo of one colour stays one colour; so whatever varies was drawn, and a third of the drawn ones is flat too.
    const Tensor photo = at::full({3, 40, 40}, 0.5F);
    FastStyleOptions options = small();
    options.plain = 0.0;
    const auto varied = [&](double drawn) {
        options.drawn = drawn;
        int count = 0;
        for (std::int64_t number = 0; number < 300; ++number) {
            count += training_picture(photo, 32, options, 1, number).flatten(1).std(1).max().item<double>() > 1e-3;
        }
        return count;
    };
    EXPECT_EQ(varied(0.0), 0);
    EXPECT_NEAR(varied(0.9), 300 * 0.9 * 2 / 3, 30);
}

TEST(TrainingPicture, HasPlainPartsWhereAskedFor) {
    const Tensor photo = test::textured_picture(1, Size{96, 96});
    FastStyleOptions options = small();
    options.drawn = 0.0;
    const auto plain_share = [&](double plain) {
        options.plain = plain;
        double sum = 0.0;
        for (std::int64_t number = 0; number < 50; ++number) {
            const Tensor picture = training_picture(photo, 64, options, 1, number).unsqueeze(0);
            const Tensor range = at::max_pool2d(picture, 3, 1) + at::max_pool2d(-picture, 3, 1);
            sum += range.amax(1).eq(0.0).to(at::kFloat).mean().item<double>();
        }
        return sum / 50;
    };
    EXPECT_LT(plain_share(0.0), 0.02);
    EXPECT_NEAR(plain_share(1.0), 0.35, 0.1);
    EXPECT_NEAR(plain_share(0.5), 0.35 / 2, 0.1);
}

TEST(TrainingPicture, SidesGrowOverTheRun) {
    const FastStyleOptions options = small();
    EXPECT_EQ(side_at(options, 0, 10), 32);
    EXPECT_EQ(side_at(options, 2, 10), 32);
    EXPECT_EQ(side_at(options, 3, 10), 48);
    EXPECT_EQ(side_at(options, 6, 10), 64);
    EXPECT_EQ(side_at(options, 9, 10), 64);
}

TEST(TrainingPicture, HasForLatticeWhatItsSquaresOfEightHaveInCommon) {
    const Tensor photo = test::textured_picture(3, {201, 330});
    const auto length = [](const Tensor& picture) { return lattice_of(picture).square().mean().sqrt().item<double>(); };
    EXPECT_EQ(lattice_of(photo).sizes(), (std::vector<std::int64_t>{3, 8, 8}));
    EXPECT_LT(length(photo), 4e-3);
    EXPECT_LT(length(at::full({3, 9, 12}, 0.7)), 1e-6);

    const Tensor columns = at::arange(330, at::kFloat);
    for (const double period : {2.0, 4.0, 8.0}) {
        const double amplitude = 0.1;
        const Tensor stripes = amplitude * at::cos(2.0 * std::numbers::pi / period * columns);
        const double wanted = amplitude * std::sqrt(period == 2.0 ? 1.0 : 0.5);
        EXPECT_NEAR(length(photo + stripes), wanted, 0.05 * wanted) << period;
        EXPECT_NEAR(length((photo + stripes).transpose(1, 2)), wanted, 0.05 * wanted) << period;
    }
    // Dots at other distances are a picture's own affair.
    EXPECT_LT(length(photo + 0.1 * at::cos(2.0 * std::numbers::pi / 5.0 * columns)), 5e-3);
}

TEST(TrainingPicture, LatticesOfPlainPartsCostByTheWindow) {
    const Tensor stripes = 0.02 * at::cos(std::numbers::pi / 2.0 * at::arange(64, at::kFloat));
    const auto cost = [&](bool mesh) {
        Tensor picture = test::textured_picture(3, {200, 200}).clone();
        Tensor part = picture.narrow(1, 64, 64).narrow(2, 64, 64);
        part.fill_(0.1);
        part.add_(mesh ? stripes : at::zeros_like(stripes));
        return lattice_cost(picture).item<double>();
    };
    // One of nine windows is nothing but a lattice then. Of the whole picture it is too little to tell.
    EXPECT_NEAR(cost(true) - cost(false), 1e-3 / 9, 0.15e-3 / 9);
    EXPECT_LT(cost(false), 1e-3 * 0.2);
    // Pictures without room for a window have the whole one's alone.
    const Tensor little = test::textured_picture(3, {63, 200});
    EXPECT_EQ(lattice_cost(little).item<double>(), lattice_of(little).square().mean().item<double>());
}

TEST(TrainingPicture, IsJudgedAtEveryPlaceOfAGridOfEight) {
    const Tensor x = at::arange(20, at::kFloat).expand({3, 20, 20});
    const Tensor both = x + 100 * x.transpose(1, 2);  // 100 y + x
    std::set<int> corners;
    for (std::int64_t number = 0; number < 1000; ++number) {
        const Tensor part = judged_part(both, 5, number);
        ASSERT_EQ(part.sizes(), (std::vector<std::int64_t>{3, 13, 13}));
        EXPECT_TRUE(at::equal(part, judged_part(both, 5, number)));
        corners.insert(part[0][0][0].item<int>());
    }
    EXPECT_EQ(corners.size(), 64U);
    EXPECT_EQ(*corners.begin(), 0);
    EXPECT_EQ(*corners.rbegin(), 707);
}

}  // namespace
}  // namespace reverie
