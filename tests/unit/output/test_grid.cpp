// Sheets of images.
#include "reverie/output/grid.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;

/// N images of one level each: 0, 1/8, 2/8 ...
Tensor levels(std::int64_t count, std::int64_t channels = 1, std::int64_t height = 3, std::int64_t width = 5) {
    return (at::arange(count, at::kFloat) / 8).reshape({count, 1, 1, 1}).expand({count, channels, height, width});
}

TEST(ImageGrid, PutsEveryImageInItsPlace) {
    const Tensor images = at::rand({5, 3, 3, 4});
    const Tensor sheet = image_grid(images, {.columns = 2, .gap = 1, .background = 0.25});
    ASSERT_EQ(sheet.sizes(), (std::vector<std::int64_t>{3, 3 * 4 + 1, 2 * 5 + 1}));
    Tensor rest = sheet.clone();
    for (std::int64_t i = 0; i < 5; ++i) {
        const Tensor place = rest.narrow(1, 1 + i / 2 * 4, 3).narrow(2, 1 + i % 2 * 5, 4);
        EXPECT_TRUE(place.equal(images[i])) << i;
        place.fill_(0.25);
    }
    EXPECT_TRUE(rest.equal(at::full_like(rest, 0.25)));  // gaps and the place that is left
}

TEST(ImageGrid, IsAsSquareAsTheImagesAllow) {
    const auto columns = [](std::int64_t count, std::int64_t height, std::int64_t width) {
        return image_grid(levels(count, 1, height, width), {.gap = 0}).size(2) / width;
    };
    EXPECT_EQ(columns(1, 8, 8), 1);
    EXPECT_EQ(columns(2, 8, 8), 2);
    EXPECT_EQ(columns(7, 8, 8), 3);
    EXPECT_EQ(columns(10, 8, 8), 4);
    EXPECT_EQ(columns(64, 8, 8), 8);
    EXPECT_EQ(columns(8, 8, 32), 2);  // 4 x 2 images of 8 x 32 are 32 x 64; 2 columns are the squarest of all
    EXPECT_EQ(columns(3, 5, 50), 1);
}

TEST(ImageGrid, NeverHasMoreColumnsThanImages) {
    EXPECT_EQ(image_grid(levels(3), {.columns = 8, .gap = 0}).size(2), 3 * 5);
}

TEST(ImageGrid, SpreadsGreyKeepsAlphaAndClamps) {
    const Tensor grey = image_grid(levels(2), {.columns = 2, .gap = 0});
    ASSERT_EQ(grey.size(0), 3);
    EXPECT_EQ(grey[2][0][9].item<float>(), 0.125F);

    const Tensor clear = at::zeros({1, 4, 2, 2});
    const Tensor sheet = image_grid(clear, {.gap = 1});
    ASSERT_EQ(sheet.size(0), 4);
    EXPECT_EQ(sheet[3][1][1].item<float>(), 0);  // the image's own alpha
    EXPECT_EQ(sheet[3][0][0].item<float>(), 1);  // gaps are opaque

    const Tensor beyond = image_grid(at::full({1, 1, 2, 2}, 1.5), {.gap = 0});
    EXPECT_EQ(beyond.max().item<float>(), 1);
}

TEST(ImageGrid, EnlargesSmallImagesByAWholeFactor) {
    const Tensor image = at::rand({1, 1, 2, 3});
    const Tensor sheet = image_grid(image, {.gap = 0, .min_side = 7});  // 3 -> 9 is the first that reaches 7
    ASSERT_EQ(sheet.sizes(), (std::vector<std::int64_t>{3, 6, 9}));
    EXPECT_EQ(sheet[0][5][8].item<float>(), image[0][0][1][2].item<float>());
    EXPECT_EQ(sheet[0][2][3].item<float>(), image[0][0][0][1].item<float>());
    EXPECT_EQ(image_grid(image, {.gap = 0, .min_side = 3}).size(2), 3);
}

TEST(ImageGrid, RefusesWhatItCannotShow) {
    expect_error(ErrorKind::Usage, [] { image_grid(at::zeros({0, 3, 4, 4})); });
    expect_error(ErrorKind::Usage, [] { image_grid(at::zeros({2, 2, 4, 4})); });
    expect_error(ErrorKind::Usage, [] { image_grid(at::zeros({3, 4, 4})); });
    expect_error(ErrorKind::Usage, [] { image_grid({}); });
    expect_error(ErrorKind::Usage, [] { image_grid(at::zeros({1, 3, 4, 4}), {.columns = -1}); });
    expect_error(ErrorKind::Usage, [] { image_grid(at::zeros({1, 3, 4, 4}), {.background = 2}); });
}

TEST(ToRgb, SpreadsGreyAndPutsAlphaOnWhite) {
    const Tensor grey = at::rand({1, 3, 5});
    EXPECT_TRUE(to_rgb(grey).equal(grey.repeat({3, 1, 1})));
    const Tensor color = at::rand({3, 3, 5});
    EXPECT_TRUE(to_rgb(color).equal(color));
    Tensor faint = at::zeros({4, 1, 1});
    faint[3] = 0.25;
    EXPECT_TRUE(to_rgb(faint).equal(at::full({3, 1, 1}, 0.75)));
    expect_error(ErrorKind::Usage, [] { to_rgb(at::zeros({2, 3, 3})); });
}

TEST(InterleaveRows, PutsTheSetsUnderEachOther) {
    const Tensor above = levels(5);
    const Tensor below = levels(5) / 2;
    const Tensor rows = interleave_rows({above, below}, 3);
    ASSERT_EQ(rows.size(0), 12);
    const auto level = [&](std::int64_t i) { return rows[i][0][0][0].item<float>(); };
    EXPECT_EQ(level(2), 2 / 8.0F);
    EXPECT_EQ(level(3), 0.0F);
    EXPECT_EQ(level(5), 1 / 8.0F);
    EXPECT_EQ(level(6), 3 / 8.0F);
    EXPECT_EQ(level(8), 1.0F);  // the short row is filled, so that the next one begins in the first column
    EXPECT_EQ(level(9), 1.5F / 8);
    EXPECT_EQ(level(11), 1.0F);
}

TEST(InterleaveRows, FillsOneShortRowToAllColumns) { EXPECT_EQ(interleave_rows({levels(2)}, 4).size(0), 4); }

TEST(InterleaveRows, RefusesSetsOfDifferentShapes) {
    expect_error(ErrorKind::Usage, [] { interleave_rows({levels(2), levels(3)}, 2); });
    expect_error(ErrorKind::Usage, [] { interleave_rows({levels(2, 1), levels(2, 3)}, 2); });
    expect_error(ErrorKind::Usage, [] { interleave_rows({}, 2); });
    expect_error(ErrorKind::Usage, [] { interleave_rows({levels(2)}, 0); });
}

}  // namespace
}  // namespace reverie
