#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "reverie/core/parallel.h"
#include "reverie/core/pool.h"

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

TEST(ThreadShare, HoldsOnItsOwnThreadWhateverOthersDo) {
    const int threads = at::get_num_threads();
    {
        const ThreadShare three(3);
        std::jthread([] {
            const ThreadShare two(2);
            EXPECT_EQ(at::get_num_threads(), 2);
            side_by_side(std::vector<std::function<void()>>(5, [] { EXPECT_EQ(at::get_num_threads(), 1); }));
            EXPECT_EQ(at::get_num_threads(), 2);
            std::atomic<int> most = 0;
            at::parallel_for(0, 64, 1, [&most](std::int64_t, std::int64_t) {
                most = std::max(most.load(), at::get_thread_num() + 1);
            });
            EXPECT_LE(most, 2);
        }).join();
        EXPECT_EQ(at::get_num_threads(), 3);
    }
    EXPECT_EQ(at::get_num_threads(), threads);
}

TEST(Pool, MakesAsManyPiecesAsAreInUse) {
    int made = 0;
    Pool<int> pool([&made] { return ++made; });
    EXPECT_EQ(pool.first(), 1);
    {
        const auto one = pool.take();
        EXPECT_EQ(&*one, &pool.first());
        const auto two = pool.take();
        EXPECT_EQ(*two, 2);
    }
    const auto again = pool.take();
    const auto other = pool.take();
    EXPECT_NE(&*again, &*other);
    EXPECT_EQ(made, 2);
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
