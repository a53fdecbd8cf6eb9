#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "reverie/core/noise.h"

namespace reverie {
namespace {

TEST(Noise, RowsDependOnTheirNumberAlone) {
    for (const auto draw : {normal_noise, uniform_noise}) {
        const Tensor whole = draw(5, 6, 100, 40, {3, 7});  // 21 numbers: the last one has no pair
        ASSERT_EQ(whole.sizes(), (std::vector<std::int64_t>{40, 3, 7}));
        EXPECT_TRUE(at::equal(draw(5, 6, 110, 1, {3, 7})[0], whole[10]));
        EXPECT_TRUE(at::equal(draw(5, 6, 90, 50, {3, 7}).slice(0, 10), whole));
        EXPECT_FALSE(at::equal(draw(4, 6, 100, 40, {3, 7}), whole));
        EXPECT_FALSE(at::equal(draw(5, 7, 100, 40, {3, 7}), whole));
        EXPECT_FALSE(at::equal(whole[0], whole[1]));
        EXPECT_EQ(draw(5, 6, 0, 0, {3}).numel(), 0);
        EXPECT_EQ(draw(5, 6, 0, 4, {}).sizes(), (std::vector<std::int64_t>{4}));
    }
}

TEST(Noise, IsTheSameAtAnyThreadCount) {
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const Tensor one = normal_noise(1, 2, 3, 301, {129});
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(normal_noise(1, 2, 3, 301, {129}), one));
    at::set_num_threads(threads);
}

TEST(Noise, NormalHasTheMomentsAndTailsOfANormal) {
    constexpr std::int64_t kCount = 1'000'000;
    const Tensor x = normal_noise(9, 1, 0, 1000, {1000}).to(at::kDouble).flatten();
    // Four standard errors each: of the mean 1e-3, the variance sqrt(2) 1e-3, the third moment sqrt(15) 1e-3, the
    // fourth sqrt(96) 1e-3.
    EXPECT_NEAR(x.mean().item<double>(), 0, 0.004);
    EXPECT_NEAR(x.pow(2).mean().item<double>(), 1, 0.0057);
    EXPECT_NEAR(x.pow(3).mean().item<double>(), 0, 0.0155);
    EXPECT_NEAR(x.pow(4).mean().item<double>(), 3, 0.0392);
    // Beyond 3 lie 2699.8 of a million, with a standard deviation of 52.
    EXPECT_NEAR((x.abs() > 3).sum().item<double>(), 0.0026998 * kCount, 4 * 52);
    EXPECT_GT(x.abs().max().item<double>(), 4.3);  // all below has a chance of 4e-8
    EXPECT_TRUE(at::isfinite(x).all().item<bool>());
    // Neighbours in a row and across rows are independent: a correlation of a million pairs has a deviation of 1e-3.
    const Tensor grid = x.view({1000, 1000});
    EXPECT_NEAR((grid.slice(1, 1) * grid.slice(1, 0, 999)).mean().item<double>(), 0, 0.004);
    EXPECT_NEAR((grid.slice(0, 1) * grid.slice(0, 0, 999)).mean().item<double>(), 0, 0.004);
}

TEST(Noise, UniformFillsTheUnitInterval) {
    const Tensor x = uniform_noise(9, 1, 0, 1000, {1000}).flatten();
    EXPECT_GE(x.min().item<float>(), 0.0F);
    EXPECT_LT(x.max().item<float>(), 1.0F);
    const Tensor counts = at::histc(x, 10, 0, 1);
    EXPECT_LE((counts - 100'000).abs().max().item<double>(), 4.5 * 300);  // a bin's deviation is 300
}

}  // namespace
}  // namespace reverie
