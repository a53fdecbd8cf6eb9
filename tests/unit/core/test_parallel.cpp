#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <stdexcept>

#include "reverie/core/parallel.h"

namespace reverie {
namespace {

TEST(SideBySide, RunsEveryTaskOnce) {
    std::array<std::atomic<int>, 17> runs{};
    std::vector<std::function<void()>> tasks;
    for (std::atomic<int>& run : runs) {
        tasks.emplace_back([&run] { ++run; });
    }
    const int threads = at::get_num_threads();
    side_by_side(tasks);
    for (const std::atomic<int>& run : runs) {
        EXPECT_EQ(run, 1);
    }
    EXPECT_EQ(at::get_num_threads(), threads);
    side_by_side({});
}

TEST(SideBySide, EveryTaskHasOneThread) {
    std::atomic<int> most = 0;
    side_by_side(
        std::vector<std::function<void()>>(4, [&most] { most = std::max(most.load(), at::get_num_threads()); }));
    EXPECT_EQ(most, 1);
}

TEST(SideBySide, GivesRightEigendecompositions) {
    const at::Tensor x = at::arange(512 * 600, at::kDouble).mul_(0.7).sin_().view({512, 600});
    const at::Tensor matrix = x.mm(x.t()) / 600;
    std::array<double, 3> errors{};
    std::vector<std::function<void()>> tasks;
    for (double& error : errors) {
        tasks.emplace_back([&matrix, &error] {
            const auto [values, vectors] = at::linalg_eigh(matrix);
            error = (vectors.matmul(values.unsqueeze(1) * vectors.t()) - matrix).abs().max().item<double>();
        });
    }
    side_by_side(tasks);
    for (const double error : errors) {
        EXPECT_LT(error, 1e-10);
    }
}

TEST(SideBySide, ThrowsWhenAllHaveEnded) {
    std::atomic<int> ended = 0;
    EXPECT_THROW(side_by_side({[] { throw std::runtime_error("one"); }, [&ended] { ++ended; }, [&ended] { ++ended; }}),
                 std::runtime_error);
    EXPECT_EQ(ended, 2);
}

}  // namespace
}  // namespace reverie
