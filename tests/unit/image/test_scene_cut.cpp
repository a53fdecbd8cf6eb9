#include "reverie/image/scene_cut.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/textured_picture.h"

namespace reverie {
namespace {

using test::textured_picture;
using test::view_of;

constexpr Size kFrame = {192, 256};
constexpr Size kPicture = {420, 640};

std::vector<std::size_t> cuts_in(const std::vector<Tensor>& film) {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < film.size(); ++i) {
        if (is_scene_cut(frame_change(film[i - 1], film[i]))) {
            cuts.push_back(i);
        }
    }
    return cuts;
}

TEST(SceneCut, IsFoundExactlyWhereAnotherSceneBegins) {
    int found = 0;
    constexpr int kPairs = 12;
    for (int pair = 0; pair < kPairs; ++pair) {
        const Tensor one = textured_picture(std::uint64_t(2 * pair), kPicture);
        const Tensor other = textured_picture(std::uint64_t(2 * pair + 1), kPicture);
        std::vector<Tensor> film;
        for (int i = 0; i < 40; ++i) {
            film.push_back(view_of(i < 20 ? one : other, kFrame, 10 + 0.3 * i, 10 + 0.5 * i));
        }
        const std::vector<std::size_t> cuts = cuts_in(film);
        EXPECT_TRUE(cuts.empty() || cuts == std::vector<std::size_t>{20}) << pair;
        found += cuts.empty() ? 0 : 1;
    }
    EXPECT_GE(found, kPairs - 2);  // two pictures may happen to have the same colours
}

TEST(SceneCut, IsNoFastMotion) {
    for (int seed = 0; seed < 6; ++seed) {
        const Tensor picture = textured_picture(std::uint64_t(seed), kPicture);
        std::vector<Tensor> film;
        for (int i = 0; i < 40; ++i) {
            film.push_back(view_of(picture, kFrame, 20.5, 10 + 7.5 * i));
        }
        EXPECT_TRUE(cuts_in(film).empty()) << seed;
    }
}

TEST(SceneCut, IsNoFadeAndNoFlash) {
    for (int seed = 0; seed < 6; ++seed) {
        const Tensor picture = textured_picture(std::uint64_t(seed), kFrame);
        std::vector<Tensor> film;
        for (int i = 0; i <= 30; ++i) {
            film.push_back(picture * (1 - 0.5 * i / 30));
        }
        film.push_back((film.back() * 1.8).clamp(0, 1));  // a flash
        film.push_back(film[30]);
        EXPECT_TRUE(cuts_in(film).empty()) << seed;
    }
}

TEST(SceneCut, TakesFramesOfAnySizeAndAlpha) {
    for (const Size size : {Size{1, 1}, Size{5, 300}, Size{701, 33}}) {
        const Tensor black = at::zeros({4, size.height, size.width});
        const FrameChange none = frame_change(black, black);
        EXPECT_EQ(none.colors, 0);
        EXPECT_EQ(none.pixels, 0);
        EXPECT_NEAR(frame_change(black, at::ones_like(black)).colors, 1, 1e-9);
        EXPECT_EQ(frame_change(black, at::ones_like(black)).pixels, 0);  // only the light changed
    }
    test::expect_error(ErrorKind::Usage, [] { frame_change(at::zeros({3, 4, 4}), at::zeros({3, 4, 5})); });
    test::expect_error(ErrorKind::Usage, [] { frame_change(at::zeros({1, 4, 4}), at::zeros({1, 4, 4})); });
}

}  // namespace
}  // namespace reverie
