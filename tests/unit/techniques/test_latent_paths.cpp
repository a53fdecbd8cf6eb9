#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "reverie/techniques/latent_space.h"
#include "support/expect_error.h"
#include "support/latent_samples.h"

namespace reverie {
namespace {

using test::formula_normal;

TEST(Seeds, AreNumbersAndRanges) {
    using Seeds = std::vector<std::uint64_t>;
    EXPECT_EQ(parse_seeds("7"), (Seeds{7}));
    EXPECT_EQ(parse_seeds("1-4"), (Seeds{1, 2, 3, 4}));
    EXPECT_EQ(parse_seeds("3,7,20-22,7"), (Seeds{3, 7, 20, 21, 22, 7}));
    EXPECT_EQ(parse_seeds("18446744073709551614-18446744073709551615"),
              (Seeds{18446744073709551614U, 18446744073709551615U}));
    EXPECT_EQ(parse_seeds("1-1000000").size(), 1'000'000U);
}

TEST(Seeds, WrongOnesAreNamed) {
    const std::pair<const char*, const char*> wrong[] = {
        {"", "lacks a number"},
        {"3,", "lacks a number"},
        {"-5", "lacks a number"},
        {"5-", "lacks a number"},
        {"a", "'a', which is not a seed"},
        {"1, 2", "' 2', which is not a seed"},
        {"1-2-3", "'2-3', which is not a seed"},
        {"1.5", "'1.5', which is not a seed"},
        {"9-4", "'9-4', a range that runs backwards"},
        {"18446744073709551616", "beyond 2^64"},
        {"0-18446744073709551615", "more than a million"},
        {"1-1000000,5", "more than a million"},
    };
    for (const auto& [text, words] : wrong) {
        const std::string message = test::expect_error(ErrorKind::Usage, [&text = text] { parse_seeds(text); });
        EXPECT_NE(message.find(words), std::string::npos) << message;
        EXPECT_NE(message.find("--seeds"), std::string::npos) << message;
    }
}

TEST(SeedLatents, AreTheSeedsAlone) {
    const Tensor many = seed_latents({5, 9, 1ULL << 63, 5}, 33);
    EXPECT_EQ(many.sizes(), (at::IntArrayRef{4, 33}));
    EXPECT_TRUE(at::equal(many[2], seed_latents({1ULL << 63}, 33)[0]));
    EXPECT_TRUE(at::equal(many[0], many[3]));
    EXPECT_FALSE(at::equal(many[0], many[1]));
    EXPECT_TRUE(at::equal(seed_latents({9}, 33, 0.5)[0], many[1] * 0.5));
}

TEST(SeedLatents, AreStandardNormal) {
    std::vector<std::uint64_t> seeds;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        seeds.push_back(seed);
    }
    const Tensor latents = seed_latents(seeds, 50).to(at::kDouble);  // 20000 numbers: four standard errors below
    EXPECT_NEAR(latents.mean().item<double>(), 0.0, 4.0 / std::sqrt(20000.0));
    EXPECT_NEAR(latents.square().mean().item<double>(), 1.0, 4.0 * std::sqrt(2.0 / 20000.0));
}

TEST(LatentPath, VisitsItsKeyframesExactly) {
    const Tensor keyframes = formula_normal(4, 9, "keyframes");
    for (const Blend blend : {Blend::Linear, Blend::Spherical}) {
        const Tensor open = latent_path(keyframes, 7, blend, false);
        ASSERT_EQ(open.sizes(), (at::IntArrayRef{7, 9}));
        for (std::int64_t k = 0; k < 4; ++k) {
            EXPECT_TRUE(at::equal(open[2 * k], keyframes[k])) << k;
        }
        // 8 frames do not fall on the inner keyframes, but the ends do
        const Tensor uneven = latent_path(keyframes, 8, blend, false);
        EXPECT_TRUE(at::equal(uneven[0], keyframes[0]));
        EXPECT_TRUE(at::equal(uneven[7], keyframes[3]));
    }
}

TEST(LatentPath, ClosesWithoutRepeatingItsFirstFrame) {
    const Tensor keyframes = formula_normal(3, 5, "keyframes");
    const Tensor loop = latent_path(keyframes, 12, Blend::Linear, true);
    for (std::int64_t k = 0; k < 3; ++k) {
        EXPECT_TRUE(at::equal(loop[4 * k], keyframes[k])) << k;
    }
    const Tensor wanted = keyframes[2] * 0.25 + keyframes[0] * 0.75;  // one step before it would start again
    EXPECT_LT((loop[11] - wanted).abs().max().item<double>(), 1e-6);
    // two keyframes: there and back
    const Tensor pair = latent_path(keyframes.narrow(0, 0, 2), 4, Blend::Linear, true);
    EXPECT_TRUE(at::allclose(pair[1], pair[3]));
}

TEST(LatentPath, SphericalTurnsEvenlyAndBlendsTheLength) {
    // right angle, lengths 1 and 3, in a tilted plane
    const Tensor a = at::tensor({2.0F, 1.0F, 2.0F}) / 3.0;
    const Tensor b = at::tensor({-2.0F, 2.0F, 1.0F});
    const Tensor path = latent_path(at::stack({a, b}), 5, Blend::Spherical, false).to(at::kDouble);
    for (std::int64_t f = 0; f < 5; ++f) {
        const double t = static_cast<double>(f) / 4.0;
        const auto length = path[f].norm().item<double>();
        EXPECT_NEAR(length, 1.0 + 2.0 * t, 1e-6);
        const double cosine = path[f].dot(a.to(at::kDouble)).item<double>() / length;
        EXPECT_NEAR(std::acos(std::min(1.0, cosine)), t * M_PI / 2, 1e-3);  // near 0 a cosine is coarse
    }
}

TEST(LatentPath, SphericalIsLinearWhereNoArcIsDefined) {
    const Tensor a = formula_normal(1, 6, "a");
    for (const Tensor& b : {Tensor(a * 2.0), Tensor(a * -1.0), Tensor(at::zeros({1, 6}))}) {
        const Tensor keyframes = at::cat({a, b});
        const Tensor spherical = latent_path(keyframes, 6, Blend::Spherical, false);
        EXPECT_TRUE(spherical.isfinite().all().item<bool>());
        EXPECT_TRUE(at::equal(spherical, latent_path(keyframes, 6, Blend::Linear, false)));
    }
}

TEST(LatentPath, RefusesTooLittle) {
    const Tensor keyframes = formula_normal(2, 4, "keyframes");
    for (const bool closed : {false, true}) {
        test::expect_error(ErrorKind::Usage, [&] { latent_path(keyframes.narrow(0, 0, 1), 5, Blend::Linear, closed); });
        const std::string message =
            test::expect_error(ErrorKind::Usage, [&] { latent_path(keyframes, 1, Blend::Linear, closed); });
        EXPECT_NE(message.find("--frames"), std::string::npos) << message;
    }
}

TEST(Manifold, SpansThePlaneByNormalQuantiles) {
    const Tensor center = at::tensor({1.0F, 2.0F, 3.0F});
    const Tensor u = at::tensor({0.0F, 1.0F, 0.0F});
    const Tensor v = at::tensor({2.0F, 0.0F, 0.0F});
    const Tensor grid = manifold_latents(center, u, v, 3, 5).reshape({3, 5, 3});
    constexpr double kQuantile95 = 1.6448536;
    EXPECT_NEAR(grid[0][0][1].item<double>(), 2.0 + kQuantile95, 1e-5);  // top: the largest a
    EXPECT_NEAR(grid[2][0][1].item<double>(), 2.0 - kQuantile95, 1e-5);
    EXPECT_NEAR(grid[0][0][0].item<double>(), 1.0 - 2.0 * kQuantile95, 1e-5);  // left: the smallest b
    EXPECT_NEAR(grid[0][4][0].item<double>(), 1.0 + 2.0 * kQuantile95, 1e-5);
    EXPECT_TRUE(at::allclose(grid[1][2], center));  // the median
    EXPECT_EQ(grid[0][3][2].item<float>(), 3.0F);
    // evenly spaced probabilities: 0.275 lies midway between 0.05 and 0.5
    EXPECT_NEAR(grid[0][1][0].item<double>(), 1.0 - 2.0 * 0.5977601, 1e-5);
    EXPECT_TRUE(at::allclose(manifold_latents(center, u, v, 1, 1)[0], center));
}

TEST(Manifold, RefusesWhatIsNoGrid) {
    const Tensor x = at::ones({3});
    test::expect_error(ErrorKind::Usage, [&] { manifold_latents(x, x, x, 0, 5); });
    test::expect_error(ErrorKind::Usage, [&] { manifold_latents(x, x, x, 5, 5, 0.0, 0.9); });
    test::expect_error(ErrorKind::Usage, [&] { manifold_latents(x, x, x, 5, 5, 0.9, 0.1); });
    test::expect_error(ErrorKind::Usage, [&] { manifold_latents(x, x, x, 5, 5, 0.1, 1.0); });
}

}  // namespace
}  // namespace reverie
