// The frozen engine's poolings, on every kernel set of this processor, against LibTorch in float64.

#include "kernels/kernel_choice.h"
#include "nn/frozen/pools.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/frozen_executor.h"
#include "reverie/core/parallel.h"
#include "support/frozen_maps.h"

namespace reverie {
namespace {

using frozen::Finish;
using frozen::Kernels;
using test::noise;
using test::relative_error;
using test::SlicedMap;
using test::SlopeBits;

// At most nine numbers are summed: a few roundings of 6e-8.
constexpr double kTolerance = 3e-7;

struct Case {
    std::string name;
    Pooling pooling;
    Window window;
    Size size;
    double gain = 1.0;
    bool count_padding = true;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

constexpr std::int64_t kBatch = 2;
constexpr std::int64_t kChannels = 40;  // whole bytes, but no whole vectors of 16

Node node_of(const Case& c) {
    return {.op = Op::Pool,
            .inputs = {0},
            .channels = kChannels,
            .window = c.window,
            .pooling = c.pooling,
            .count_padding = c.count_padding,
            .gain = c.gain};
}

/// By LibTorch's operators, which autograd knows.
Tensor pooled(const Case& c, const Tensor& x) {
    const Window& w = c.window;
    const std::array<std::int64_t, 2> kernel = {w.kernel_h, w.kernel_w};
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    const std::array<std::int64_t, 2> pad = {w.pad_h, w.pad_w};
    const auto average = [&](const Tensor& of) {
        return at::avg_pool2d(of, kernel, stride, pad, w.overhang, c.count_padding);
    };
    const Tensor y = c.pooling == Pooling::Max       ? at::max_pool2d(x, kernel, stride, pad, {1, 1}, w.overhang)
                     : c.pooling == Pooling::Average ? average(x)
                                                     : average(x.square()).sqrt();
    return y * c.gain;
}

/// What a pooling remembers between its two directions.
struct Pooled {
    Pooled(const Case& c, const Tensor& input_values, const Kernels& kernels, frozen::Workspace& work)
        : node(node_of(c)),
          input(input_values, 5, 3),
          output(pooled(c, input_values).sizes().vec(), kChannels + 8, 8),
          windows(node, c.size, {output.map().height, output.map().width}) {
        const frozen::Map& map = output.map();
        chosen.assign(static_cast<std::size_t>(map.pixels() * map.channels), 0xFF);
        frozen::pool(node, windows, input.map(), map, c.pooling == Pooling::Max ? chosen.data() : nullptr, {}, kernels,
                     work);
    }
    Tensor back(const Tensor& gradient, const SlicedMap& to, const Finish& finish, const Kernels& kernels,
                frozen::Workspace& work) const {
        const SlicedMap from(gradient, 1, 2);
        frozen::pool_back(node, windows, from.map(), to.map(), {chosen.data(), input.map(), output.map()}, finish,
                          kernels, work);
        return to.values();
    }

    Node node;
    SlicedMap input, output;
    frozen::PoolWindows windows;
    std::vector<std::uint8_t> chosen;
};

class FrozenPool : public testing::TestWithParam<Case> {
  protected:
    const ThreadShare two_{2};
    frozen::Workspace work_;
};

TEST_P(FrozenPool, BothDirectionsEqualFloat64) {
    const Case& c = GetParam();
    const Tensor input = noise({kBatch, kChannels, c.size.height, c.size.width}, c.name + " input");
    const Tensor leaf = input.clone().set_requires_grad(true);
    const Tensor right = pooled(c, leaf);
    const Tensor gradient = noise(right.sizes().vec(), c.name + " gradient");
    right.backward(gradient);
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const Pooled found(c, input, *kernels, work_);
        EXPECT_LT(relative_error(found.output.values(), right.detach()), kTolerance);
        EXPECT_TRUE(found.output.neighbours_are_untouched());
        const SlicedMap to(input.sizes().vec(), kChannels + 11, 3);
        EXPECT_LT(relative_error(found.back(gradient, to, {}, *kernels, work_), leaf.grad()), kTolerance);
        EXPECT_TRUE(to.neighbours_are_untouched());
    }
}

TEST_P(FrozenPool, GradientsAddToWhatIsThereWhereTheActivationHadASlope) {
    const Case& c = GetParam();
    const Tensor input = noise({kBatch, kChannels, c.size.height, c.size.width}, c.name + " input");
    const Tensor leaf = input.clone().set_requires_grad(true);
    const Tensor right = pooled(c, leaf);
    const Tensor gradient = noise(right.sizes().vec(), c.name + " gradient");
    right.backward(gradient);
    const Tensor slope = noise(input.sizes().vec(), c.name + " slope") > 0;
    const Tensor before = noise(input.sizes().vec(), c.name + " before") * slope;
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const Pooled pool(c, input, *kernels, work_);
        const SlicedMap to(before, 2, 7);
        SlopeBits keep(to.map(), slope);
        const Tensor found = pool.back(gradient, to,
                                       {.addend = to.map().data,
                                        .addend_stride = to.map().stride,
                                        .keep = keep.data(),
                                        .keep_stride = keep.stride()},
                                       *kernels, work_);
        EXPECT_LT(relative_error(found, (before + leaf.grad()) * slope), kTolerance);
        EXPECT_TRUE(to.neighbours_are_untouched());
    }
}

TEST_P(FrozenPool, NanIsSeenByEveryWindowThatHoldsItAndByNoOther) {
    const Case& c = GetParam();
    Tensor input = noise({kBatch, kChannels, c.size.height, c.size.width}, c.name + " input");
    input.select(0, 1)
        .select(1, c.size.height / 2)
        .select(1, c.size.width / 2)
        .select(0, 17)
        .fill_(std::numeric_limits<double>::quiet_NaN());
    const Tensor right = pooled(c, input).isnan();
    ASSERT_TRUE(right.any().item<bool>());
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        const Pooled found(c, input, *kernels, work_);
        EXPECT_TRUE(at::equal(found.output.values().isnan(), right)) << kernels->name;
    }
}

constexpr Window kHalving{.kernel_h = 2, .kernel_w = 2, .stride = 2};
constexpr Window kThreeHalving{.kernel_h = 3, .kernel_w = 3, .stride = 2};
constexpr Window kThree{.kernel_h = 3, .kernel_w = 3, .pad_h = 1, .pad_w = 1};
constexpr Window kThreePaddedHalving{.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 1, .pad_w = 1};
constexpr Window kThreeOverhang{.kernel_h = 3, .kernel_w = 3, .stride = 2, .overhang = true};
constexpr Window kOverhang{.kernel_h = 2, .kernel_w = 2, .stride = 2, .overhang = true};
constexpr Window kPaddedOverhang{.kernel_h = 3, .kernel_w = 3, .stride = 2, .pad_h = 1, .pad_w = 1, .overhang = true};

/// Sides whose last cells no window reaches, and maps no larger than a window.
std::vector<Case> cases() {
    const double average = 2.0;  // crowsonkb's gains
    const double l2 = 0.78;
    return {
        {"max_halving_odd", Pooling::Max, kHalving, {17, 23}},
        {"max_halving_even", Pooling::Max, kHalving, {8, 6}},
        {"max_halving_with_gain", Pooling::Max, kHalving, {9, 7}, 1.5},
        {"max_halving_one_window", Pooling::Max, kHalving, {3, 2}},
        {"max_three_halving_odd", Pooling::Max, kThreeHalving, {19, 15}},
        {"max_three_halving_even", Pooling::Max, kThreeHalving, {8, 12}},
        {"max_three", Pooling::Max, kThree, {11, 9}},
        {"max_three_cell", Pooling::Max, kThree, {1, 1}},
        {"max_three_padded_halving", Pooling::Max, kThreePaddedHalving, {9, 10}},
        {"max_three_overhang", Pooling::Max, kThreeOverhang, {8, 11}},
        {"max_three_overhang_one_window", Pooling::Max, kThreeOverhang, {2, 3}},
        {"max_overhang", Pooling::Max, kOverhang, {7, 1}},
        {"max_padded_overhang", Pooling::Max, kPaddedOverhang, {9, 10}},
        {"average_three_overhang", Pooling::Average, kThreeOverhang, {8, 11}, average},
        {"average_padded_overhang", Pooling::Average, kPaddedOverhang, {9, 10}},
        {"average_padded_overhang_of_cells_inside", Pooling::Average, kPaddedOverhang, {9, 10}, 1.0, false},
        {"average_halving", Pooling::Average, kHalving, {17, 23}, average},
        {"average_three_halving", Pooling::Average, kThreeHalving, {19, 14}},
        {"average_three", Pooling::Average, kThree, {11, 9}},
        {"average_three_of_cells_inside", Pooling::Average, kThree, {11, 9}, 1.0, false},
        {"average_three_row", Pooling::Average, kThree, {1, 7}},
        {"average_three_row_of_cells_inside", Pooling::Average, kThree, {1, 7}, 1.0, false},
        {"average_three_cell_of_cells_inside", Pooling::Average, kThree, {1, 1}, 1.0, false},
        {"average_padded_halving_of_cells_inside", Pooling::Average, kThreePaddedHalving, {9, 10}, average, false},
        {"l2_halving", Pooling::L2, kHalving, {17, 23}, l2},
        {"l2_halving_even", Pooling::L2, kHalving, {8, 6}, l2},
        {"l2_three_halving", Pooling::L2, kThreeHalving, {19, 14}, l2},
        {"l2_overhang", Pooling::L2, kOverhang, {7, 5}, l2},
        {"l2_three", Pooling::L2, kThree, {11, 9}},
        {"l2_three_of_cells_inside", Pooling::L2, kThree, {11, 9}, l2, false},
    };
}

INSTANTIATE_TEST_SUITE_P(Windows, FrozenPool, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST(FrozenPools, FirstOfEqualMaximaTakesTheGradient) {
    frozen::Workspace work;
    for (const Window& window : {kHalving, kThreeHalving, kThree}) {
        const Case c{"", Pooling::Max, window, {7, 9}};
        // Mostly ties: numbers are 0 or 1. LibTorch too takes the first.
        const Tensor input = (noise({kBatch, kChannels, 7, 9}, "ties") > 0).to(at::kDouble);
        const Tensor leaf = input.clone().set_requires_grad(true);
        const Tensor right = pooled(c, leaf);
        const Tensor gradient = noise(right.sizes().vec(), "gradient");
        right.backward(gradient);
        for (const Kernels* kernels : kernels::runnable_kernels()) {
            const Pooled found(c, input, *kernels, work);
            const SlicedMap to(input.sizes().vec());
            EXPECT_LT(relative_error(found.back(gradient, to, {}, *kernels, work), leaf.grad()), kTolerance)
                << kernels->name;
        }
        // Where all are equal it is the window's first cell, on the map: index 0, but 4 in the corner of a padded one.
        const Pooled flat(c, at::ones_like(input), kernels::best_kernels(), work);
        EXPECT_EQ(flat.chosen.front(), window.pad_h == 0 ? 0 : 4);
        EXPECT_EQ(flat.chosen.back(), 0);
    }
}

TEST(FrozenPools, MaximumOfNegativeNumbersIsNotThePadding) {
    frozen::Workspace work;
    const Case c{"", Pooling::Max, kThree, {3, 4}};
    const Tensor input = (noise({kBatch, kChannels, 3, 4}, "negative") - 5.0).to(at::kFloat).to(at::kDouble);
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        const Pooled found(c, input, *kernels, work);
        EXPECT_TRUE(at::equal(found.output.values(), pooled(c, input))) << kernels->name;
    }
}

TEST(FrozenPools, L2HasNoGradientWhereAllIsZero) {
    frozen::Workspace work;
    const Case c{"", Pooling::L2, kHalving, {4, 4}, 0.78};
    Tensor input = noise({kBatch, kChannels, 4, 4}, "x");
    input.narrow(2, 0, 2).narrow(3, 0, 2).zero_();
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        const Pooled pool(c, input, *kernels, work);
        const SlicedMap to(input.sizes().vec());
        const Tensor found = pool.back(at::full({kBatch, kChannels, 2, 2}, 1e30, at::kDouble), to, {}, *kernels, work);
        EXPECT_TRUE(found.isfinite().all().item<bool>()) << kernels->name;
        EXPECT_EQ(found.narrow(2, 0, 2).narrow(3, 0, 2).abs().max().item<double>(), 0.0) << kernels->name;
    }
}

TEST(FrozenPools, ResultsDoNotDependOnThreads) {
    for (const Case& c : cases()) {
        const Tensor input = noise({kBatch, kChannels, c.size.height, c.size.width}, c.name + " input");
        const auto both = [&](int threads) {
            const ThreadShare share(threads);
            frozen::Workspace work;
            const Pooled pool(c, input, kernels::best_kernels(), work);
            const SlicedMap to(input.sizes().vec());
            const Tensor gradient = noise(pool.output.values().sizes().vec(), c.name + " gradient");
            return at::cat(
                {pool.output.values().flatten(), pool.back(gradient, to, {}, kernels::best_kernels(), work).flatten()});
        };
        const Tensor alone = both(1);
        EXPECT_TRUE(at::equal(alone, both(2))) << c.name;
        EXPECT_TRUE(at::equal(alone, both(3))) << c.name;
    }
}

}  // namespace
}  // namespace reverie
