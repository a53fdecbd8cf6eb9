#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "drawn_images.h"
#include "reverie/data/batches.h"
#include "reverie/data/image_source.h"

namespace reverie {
namespace {

using test::TemporaryFolder;

TEST(ImageSource, GivesTheImagesOfASetInTheOrderAskedFor) {
    const TemporaryFolder folder;
    for (int i = 0; i < 5; ++i) {
        test::write_image(folder / (i < 2 ? "a" : "b") / (std::to_string(i) + ".png"),
                          test::drawing({16, 23}, 0.4 * i));
    }
    const Dataset set = open_dataset(folder.path());
    const ImageSource source = image_source(set, {3, 1, 4});
    ASSERT_EQ(source.count, 3);
    const std::array<std::int64_t, 2> wanted = {1, 4};
    EXPECT_TRUE(at::equal(source.images(1, 2), to_float(set.read(wanted))));
    EXPECT_TRUE(at::equal(source.indices_of(1, 2), at::tensor({1, 4}, at::kLong)));
    EXPECT_TRUE(at::equal(source.labels_of(0, 3), at::tensor({1, 0, 1}, at::kLong)));
    EXPECT_EQ(image_source(set).count, 5);
}

TEST(ImageSource, WithoutLabelsAndNumbersHasNoneAndCounts) {
    const ImageSource source{.count = 9};
    EXPECT_FALSE(source.labels_of(0, 3).defined());
    EXPECT_TRUE(at::equal(source.indices_of(4, 3), at::tensor({4, 5, 6}, at::kLong)));
}

TEST(SampleIndices, AreAFunctionOfTheSeedInOrder) {
    const auto some = sample_indices(100, 10, 3);
    ASSERT_EQ(some.size(), 10U);
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    EXPECT_EQ(some, sample_indices(100, 10, 3));
    EXPECT_NE(some, sample_indices(100, 10, 4));
    EXPECT_EQ(std::adjacent_find(some.begin(), some.end()), some.end());
    EXPECT_EQ(sample_indices(4, 0, 3), (std::vector<std::int64_t>{0, 1, 2, 3}));
    EXPECT_EQ(sample_indices(4, 7, 3), (std::vector<std::int64_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace reverie
