#include <gtest/gtest.h>

#include <set>

#include "reverie/core/random.h"

namespace reverie {

TEST(Random, IsAPureFunctionOfItsThreeWords) {
    EXPECT_EQ(random_bits(1, 2, 3), random_bits(1, 2, 3));
    std::set<std::uint64_t> seen;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        for (std::uint64_t stream = 0; stream < 8; ++stream) {
            for (std::uint64_t counter = 0; counter < 8; ++counter) {
                seen.insert(random_bits(seed, stream, counter));
            }
        }
    }
    EXPECT_EQ(seen.size(), 512U);
}

TEST(Random, UniformFillsTheUnitIntervalEvenly) {
    int below = 0;
    double sum = 0;
    constexpr int kCount = 20000;
    for (int i = 0; i < kCount; ++i) {
        const double u = random_uniform(7, 1, static_cast<std::uint64_t>(i));
        ASSERT_GE(u, 0.0);
        ASSERT_LT(u, 1.0);
        below += u < 0.25 ? 1 : 0;
        sum += u;
    }
    // Four standard deviations of the binomial and of the mean.
    EXPECT_NEAR(below, kCount / 4.0, 4 * 61);
    EXPECT_NEAR(sum / kCount, 0.5, 4 * 0.00204);
}

TEST(Random, IntegersReachBothEnds) {
    std::set<std::int64_t> seen;
    for (std::uint64_t i = 0; i < 200; ++i) {
        seen.insert(random_integer(0, 0, i, -3, 3));
    }
    EXPECT_EQ(seen, (std::set<std::int64_t>{-3, -2, -1, 0, 1, 2, 3}));
}

}  // namespace reverie
