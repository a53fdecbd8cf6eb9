#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "drawn_images.h"
#include "reverie/data/batches.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using testing::HasSubstr;

/// Image i is a drawing that no mirror maps to itself; every third has label 1, the others 0.
Dataset drawn_set(int count, std::int64_t cache_bytes = 1'000'000, const std::filesystem::path& cache = {}) {
    static const TemporaryFolder folder;
    const auto root = folder / std::to_string(count);
    for (int i = 0; i < count && !std::filesystem::exists(root / "b" / (std::to_string(count - 1) + ".png")); ++i) {
        test::write_image(root / (i % 3 == 0 ? "b" : "a") / (std::to_string(i) + ".png"),
                          test::drawing({16, 23}, 0.4 * i));
    }
    return open_dataset(root, {.cache_bytes = cache_bytes, .cache_folder = cache});
}

std::vector<std::int64_t> values(const Tensor& tensor) {
    return {tensor.data_ptr<std::int64_t>(), tensor.data_ptr<std::int64_t>() + tensor.numel()};
}

bool equal(const Batch& a, const Batch& b) {
    return a.first == b.first && at::equal(a.images, b.images) && at::equal(a.labels, b.labels) &&
           at::equal(a.indices, b.indices);
}

TEST(ShuffledIndex, EveryEpochHoldsEachImageOnce) {
    for (const std::int64_t count : {1, 2, 3, 4, 5, 16, 17, 100, 1025}) {
        for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
            std::vector<bool> seen(static_cast<std::size_t>(count));
            for (std::int64_t i = 0; i < count; ++i) {
                const std::int64_t index = shuffled_index(7, epoch * count + i, count);
                ASSERT_GE(index, 0);
                ASSERT_LT(index, count);
                EXPECT_FALSE(seen[static_cast<std::size_t>(index)]) << count << " " << epoch;
                seen[static_cast<std::size_t>(index)] = true;
            }
        }
    }
}

TEST(ShuffledIndex, OrdersAreEvenlySpreadAndDifferByEpochAndSeed) {
    // Four images have 24 orders; over 4800 epochs each comes 200 times, and five standard deviations are 70.
    std::map<std::vector<std::int64_t>, int> orders;
    for (std::int64_t epoch = 0; epoch < 4800; ++epoch) {
        std::vector<std::int64_t> order;
        for (std::int64_t i = 0; i < 4; ++i) {
            order.push_back(shuffled_index(1, epoch * 4 + i, 4));
        }
        ++orders[order];
    }
    EXPECT_EQ(orders.size(), 24U);
    for (const auto& [order, times] : orders) {
        EXPECT_NEAR(times, 200, 70);
    }
    // Two orders of 1000 agree in one place on average (Poisson): 12 are a chance of 1e-9.
    int by_seed = 0;
    int by_epoch = 0;
    int still = 0;
    for (std::int64_t i = 0; i < 1000; ++i) {
        const std::int64_t index = shuffled_index(1, i, 1000);
        by_seed += index == shuffled_index(2, i, 1000) ? 1 : 0;
        by_epoch += index == shuffled_index(1, 1000 + i, 1000) ? 1 : 0;
        still += index == i ? 1 : 0;
    }
    EXPECT_LT(by_seed, 12);
    EXPECT_LT(by_epoch, 12);
    EXPECT_LT(still, 12);
}

TEST(ToFloat, DividesBy255AndMirrorsWhereAsked) {
    const Tensor bytes = at::arange(256, at::kByte).view({2, 1, 8, 16});
    const Tensor expected = bytes.to(at::kFloat) / 255;
    EXPECT_TRUE(at::equal(to_float(bytes), expected));
    const Tensor mirrored = to_float(bytes, {false, true});
    EXPECT_TRUE(at::equal(mirrored[0], expected[0]));
    EXPECT_TRUE(at::equal(mirrored[1], expected[1].flip(2)));
    EXPECT_TRUE(at::equal(to_float(bytes.transpose(2, 3)), expected.transpose(2, 3)));
    EXPECT_EQ(to_float(bytes.slice(0, 0, 0)).size(0), 0);
}

TEST(Batches, AreAFunctionOfSeedAndStep) {
    const Dataset set = drawn_set(10);
    const BatchOptions options = {.batch = 4, .seed = 3, .mirror = true};
    Batches forward(set, all_indices(set), options);
    std::vector<Batch> expected;
    for (std::int64_t step = 0; step < 12; ++step) {
        expected.push_back(forward.at(step));
        EXPECT_EQ(expected.back().first, 4 * step);
    }
    Batches other(set, all_indices(set), options);
    for (const std::int64_t step : {11, 3, 4, 5, 3, 0, 7, 6, 8, 9, 10, 11, 1, 2}) {
        EXPECT_TRUE(equal(other.at(step), expected[static_cast<std::size_t>(step)])) << step;
    }
    BatchOptions seeded = options;
    seeded.seed = 4;
    EXPECT_FALSE(equal(Batches(set, all_indices(set), seeded).at(0), expected[0]));
    const int threads = at::get_num_threads();
    for (const int count : {1, 2}) {
        at::set_num_threads(count);
        for (const std::int64_t ahead : {0, 1, 5}) {
            BatchOptions more = options;
            more.ahead = ahead;
            Batches again(set, all_indices(set), more);
            for (std::int64_t step = 0; step < 12; ++step) {
                EXPECT_TRUE(equal(again.at(step), expected[static_cast<std::size_t>(step)])) << step << " " << ahead;
            }
        }
    }
    at::set_num_threads(threads);
}

TEST(Batches, HoldTheImagesTheirIndicesName) {
    const TemporaryFolder cache;
    for (const bool in_file : {false, true}) {
        const Dataset set = in_file ? drawn_set(10, 0, cache.path()) : drawn_set(10);
        Batches batches(set, {1, 3, 8}, {.batch = 7, .seed = 1});
        EXPECT_EQ(batches.steps_per_epoch(), 1);
        std::vector<std::int64_t> all;
        for (std::int64_t step = 0; step < 6; ++step) {
            const Batch batch = batches.at(step);
            const auto indices = values(batch.indices);
            EXPECT_EQ(batch.images.sizes(), (std::vector<std::int64_t>{7, 3, 16, 23}));
            EXPECT_TRUE(at::equal(batch.images, to_float(set.read(indices))));
            for (std::size_t i = 0; i < indices.size(); ++i) {
                EXPECT_EQ(values(batch.labels)[i], set.label(indices[i]));
                all.push_back(indices[i]);
            }
        }
        for (std::size_t epoch = 0; epoch + 3 <= all.size(); epoch += 3) {  // 7 is no multiple of 3: epochs straddle
            EXPECT_EQ(std::set(all.begin() + static_cast<std::ptrdiff_t>(epoch),
                               all.begin() + static_cast<std::ptrdiff_t>(epoch) + 3),
                      (std::set<std::int64_t>{1, 3, 8}));
        }
    }
}

TEST(Batches, MirrorBySampleAndNotByBatch) {
    const Dataset set = drawn_set(10);
    Batches small(set, all_indices(set), {.batch = 2, .seed = 5, .mirror = true});
    Batches large(set, all_indices(set), {.batch = 50, .seed = 5, .mirror = true});
    const Batch whole = large.at(0);
    const auto indices = values(whole.indices);
    const Tensor plain = to_float(set.read(indices));
    int mirrored = 0;
    for (std::int64_t i = 0; i < 50; ++i) {
        EXPECT_TRUE(at::equal(small.at(i / 2).images[i % 2], whole.images[i]));
        const bool flipped = at::equal(whole.images[i], plain[i].flip(2));
        EXPECT_TRUE(flipped || at::equal(whole.images[i], plain[i]));
        mirrored += flipped ? 1 : 0;
    }
    EXPECT_NEAR(mirrored, 25, 14);  // four standard deviations
}

TEST(Batches, AFaultInTheBackgroundReachesTheCaller) {
    const TemporaryFolder cache;
    const Dataset set = drawn_set(10, 0, cache.path());
    for (const auto& entry : std::filesystem::directory_iterator(cache.path())) {
        std::filesystem::resize_file(entry.path(), 100);
    }
    Batches batches(set, all_indices(set), {.batch = 10, .ahead = 3});
    for (int i = 0; i < 3; ++i) {
        EXPECT_THAT(expect_error(ErrorKind::Input, [&] { batches.at(i); }), HasSubstr("it has become shorter"));
    }
}

TEST(Batches, RefuseWhatCannotBe) {
    const Dataset set = drawn_set(10);
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { Batches(set, all_indices(set), {.batch = 0}); }),
                HasSubstr("--batch"));
    expect_error(ErrorKind::Input, [&] { Batches(set, {}, {}); });
}

TEST(OrderedBatches, GoThroughTheIndicesInOrder) {
    const Dataset set = drawn_set(10);
    const std::vector<std::int64_t> indices = {9, 2, 2, 5, 0};
    const OrderedBatches batches(set, indices, 2);
    ASSERT_EQ(batches.batches(), 3);
    std::vector<std::int64_t> seen;
    for (std::int64_t number = 0; number < 3; ++number) {
        const Batch batch = batches.at(number);
        EXPECT_EQ(batch.first, 2 * number);
        const auto part = values(batch.indices);
        EXPECT_TRUE(at::equal(batch.images, to_float(set.read(part))));
        seen.insert(seen.end(), part.begin(), part.end());
    }
    EXPECT_EQ(seen, indices);
}

TEST(Split, PartsAreDisjointWholeAndStable) {
    const Split parts = split(5000, 0.1, 3);
    EXPECT_NEAR(static_cast<double>(parts.validation.size()), 500, 4 * 21.2);  // four standard deviations
    std::vector<std::int64_t> all = parts.train;
    all.insert(all.end(), parts.validation.begin(), parts.validation.end());
    std::sort(all.begin(), all.end());
    std::vector<std::int64_t> expected(5000);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
    EXPECT_TRUE(std::is_sorted(parts.train.begin(), parts.train.end()));
    EXPECT_TRUE(std::is_sorted(parts.validation.begin(), parts.validation.end()));
    // Who is where does not change when images are added behind.
    const Split larger = split(6000, 0.1, 3);
    EXPECT_TRUE(std::equal(parts.validation.begin(), parts.validation.end(), larger.validation.begin()));
    EXPECT_NE(split(5000, 0.1, 4).validation, parts.validation);
}

TEST(Split, LeavesBothPartsSomethingWhereItCan) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        for (const double fraction : {0.01, 0.99}) {
            const Split two = split(2, fraction, seed);
            EXPECT_EQ(two.train.size(), 1U);
            EXPECT_EQ(two.validation.size(), 1U);
        }
        EXPECT_EQ(split(1, 0.5, seed).train.size(), 1U);
        EXPECT_TRUE(split(10, 0, seed).validation.empty());
    }
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { split(10, 1.0, 0); }), HasSubstr("--validation"));
}

}  // namespace
}  // namespace reverie
