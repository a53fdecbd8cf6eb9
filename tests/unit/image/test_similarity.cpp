// Pictures seen turned, nearer and to one side.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <complex>
#include <numbers>

#include "reverie/core/parallel.h"
#include "reverie/image/similarity.h"
#include "support/closed_formula.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

Tensor picture(std::int64_t height, std::int64_t width) {
    return test::formula_image(height, width, "similarity").squeeze(0);
}

double distance(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

TEST(Similarity, WholePixelsComeThroughToTheBit) {
    const Tensor image = picture(41, 58);
    EXPECT_TRUE(seen_through(image, {}, Size{41, 58}).equal(image));
    EXPECT_TRUE(seen_through(image, {}, Size{31, 50}).equal(image.narrow(1, 5, 31).narrow(2, 4, 50)));
    const Tensor shifted = seen_through(image, {.shift = {3.0, -2.0}}, Size{41, 58});
    EXPECT_TRUE(shifted.narrow(1, 2, 39).narrow(2, 0, 55).equal(image.narrow(1, 0, 39).narrow(2, 3, 55)));
}

TEST(Similarity, BeyondTheEdgesLiesTheMirrorImage) {
    const Tensor image = picture(7, 5);
    const Tensor wide = seen_through(image, {}, Size{7 + 2 * 16, 5});
    for (std::int64_t y = 0; y < wide.size(1); ++y) {
        const std::int64_t within = ((y - 16) % 14 + 14) % 14;
        EXPECT_TRUE(wide.select(1, y).equal(image.select(1, within < 7 ? within : 13 - within))) << y;
    }
}

TEST(Similarity, AQuarterTurnIsClockwise) {
    const Tensor image = picture(33, 33);
    // What is seen at a place lies a quarter turn back.
    const Tensor turned = seen_through(image, {.factor = std::polar(1.0, -std::numbers::pi / 2)}, Size{33, 33});
    EXPECT_LT(distance(turned, image.rot90(-1, {1, 2})), 1e-5);
}

TEST(Similarity, ARampStaysARampAtAnyScale) {
    const Tensor ramp = at::arange(0, 60, at::kFloat).mul_(0.01).view({1, 1, 60}).expand({3, 40, 60});
    for (const double factor : {0.7, 0.93, 1.3}) {
        const Tensor seen = seen_through(ramp, {.factor = factor, .shift = {1.37, 0.2}}, Size{20, 30});
        const Tensor expected =
            (at::arange(0, 30, at::kFloat) - 14.5).mul_(factor).add_(1.37 + 29.5).mul_(0.01).view({1, 1, 30});
        EXPECT_LT(distance(seen, expected.expand_as(seen)), 1e-6);
    }
}

TEST(Similarity, NoFrequencyGrowsHoweverOftenItIsMoved) {
    const Tensor noise = picture(64, 64);
    Tensor moved = noise;
    for (int i = 0; i < 60; ++i) {
        moved = seen_through(moved, {.shift = {0.5, 0.3}}, Size{64, 64});
    }
    EXPECT_LE(moved.std().item<double>(), noise.std().item<double>());
    EXPECT_LE(moved.max().item<double>(), 1.2);
}

TEST(Similarity, TheNumberOfThreadsChangesNoBit) {
    const Tensor image = picture(97, 61);
    const Similarity source{.factor = std::polar(0.93, 0.2), .shift = {2.3, -0.7}};
    const auto with = [&](int threads) {
        const ThreadShare share(threads);
        return seen_through(image, source, Size{83, 71});
    };
    const Tensor alone = with(1);
    EXPECT_TRUE(with(2).equal(alone));
    EXPECT_TRUE(with(16).equal(alone));
}

TEST(Similarity, WhatIsNoPictureIsRefused) {
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 seen_through(at::zeros({3, 4}), {}, Size{4, 4});
                             }),
                HasSubstr("the picture to look at"));
    expect_error(ErrorKind::Usage, [] { seen_through(at::zeros({3, 4, 4}), {}, Size{0, 4}); });
}

}  // namespace
}  // namespace reverie
