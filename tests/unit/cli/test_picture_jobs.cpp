#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cli/pictures/picture_jobs.h"

namespace reverie {
namespace {

TEST(Sharing, JobsThatWereAskedForShareTheThreads) {
    for (const auto& [jobs, each] : {std::pair{1, 6}, std::pair{2, 3}, std::pair{4, 1}, std::pair{9, 1}}) {
        const Sharing sharing = share_machine(jobs, 6, 100, 1000);
        EXPECT_EQ(sharing.jobs, jobs);
        for (const Size size : {Size{16, 16}, Size{4000, 6000}}) {
            EXPECT_EQ(sharing.threads_for(size), each);
            EXPECT_EQ(sharing.places_for(size), 1);
        }
    }
}

TEST(Sharing, AutoIsForSmallPicturesOfABatch) {
    const Sharing many = share_machine(std::nullopt, 6, 100, 50 * 20);
    EXPECT_EQ(many.jobs, 6);
    EXPECT_EQ(many.threads_for({50, 20}), 1);
    EXPECT_EQ(many.places_for({50, 20}), 1);
    EXPECT_EQ(many.threads_for({50, 21}), 6);
    EXPECT_EQ(many.places_for({50, 21}), 6);

    const Sharing two = share_machine(std::nullopt, 6, 2, 1000);
    EXPECT_EQ(two.jobs, 2);
    EXPECT_EQ(two.threads_for({50, 20}), 3);
    for (const Sharing& alone : {share_machine(std::nullopt, 6, 1, 1000), share_machine(std::nullopt, 6, 100, 0)}) {
        EXPECT_EQ(alone.jobs, 1);
        EXPECT_EQ(alone.threads_for({16, 16}), 6);
    }
}

/// Sends visitors through a room and sees how many and how much was in it at the most.
struct Visit {
    int places = 1;
    std::int64_t bytes = 0;
};
struct Most {
    int places = 0;
    std::int64_t bytes = 0;
    int visitors = 0;
};
Most most_in(int places, std::int64_t limit, const std::vector<Visit>& visits) {
    Room room(places);
    std::mutex mutex;
    Most now;
    Most most;
    {
        std::vector<std::jthread> threads;
        for (const Visit& visit : visits) {
            threads.emplace_back([&, visit] {
                const Room::Place place = room.enter(visit.places, visit.bytes, limit);
                {
                    const std::lock_guard lock(mutex);
                    now = {now.places + visit.places, now.bytes + visit.bytes, now.visitors + 1};
                    most = {std::max(most.places, now.places), std::max(most.bytes, now.bytes),
                            std::max(most.visitors, now.visitors)};
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                const std::lock_guard lock(mutex);
                now = {now.places - visit.places, now.bytes - visit.bytes, now.visitors - 1};
            });
        }
    }
    EXPECT_EQ(now.visitors, 0);
    return most;
}

TEST(Room, HoldsNoMoreThanItsPlaces) {
    EXPECT_EQ(most_in(3, 0, std::vector<Visit>(9)).places, 3);
    EXPECT_LE(most_in(3, 0, {{1}, {3}, {1}, {3}, {1}, {1}}).places, 3);
}

TEST(Room, HoldsNoMoreThanMemory) {
    EXPECT_EQ(most_in(8, 100, std::vector<Visit>(8, {1, 40})).bytes, 80);
    EXPECT_GT(most_in(8, 0, std::vector<Visit>(8, {1, 40})).bytes, 80);
}

TEST(Room, LetsInASingleOneOfAnySize) { EXPECT_EQ(most_in(2, 100, {{1, 500}, {1, 500}, {1, 10}}).visitors, 1); }

}  // namespace
}  // namespace reverie
