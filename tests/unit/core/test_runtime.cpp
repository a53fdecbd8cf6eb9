#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "reverie/core/runtime.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;

TEST(Runtime, ThreadsAreSetAsAsked) {
    EXPECT_EQ(setup_runtime({.device = "cpu", .threads = 1}).threads, 1);
    EXPECT_EQ(at::get_num_threads(), 1);
    EXPECT_GE(setup_runtime({.device = "cpu"}).threads, 1);
}

int own_threads() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        count += entry.is_directory() ? 1 : 0;
    }
    return count;
}

TEST(Runtime, StartsNoThreadForOne) {
    const int before = own_threads();
    setup_runtime({.device = "cpu", .threads = 1});
    EXPECT_EQ(own_threads(), before);
    setup_runtime({.device = "cpu", .threads = 2});
    EXPECT_LE(own_threads(), before + 1);
}

TEST(Runtime, MalformedOptionsAreUsageErrorsThatNameTheFlag) {
    for (const char* device : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1234567", ""}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { setup_runtime({.device = device}); }),
                    testing::HasSubstr("--device"));
    }
    for (const int threads : {-2, 1025, 2'000'000'000}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { setup_runtime({.device = "cpu", .threads = threads}); }),
                    testing::HasSubstr("--threads"));
    }
}

TEST(Runtime, CudaAskedForAndAbsentSaysWhy) {
    if (cuda_unavailable_reason().empty()) {
        EXPECT_TRUE(setup_runtime({.device = "cuda"}).device.is_cuda());
        return;
    }
    const std::string message = expect_error(ErrorKind::Device, [] { setup_runtime({.device = "cuda"}); });
    EXPECT_THAT(message, testing::HasSubstr(cuda_unavailable_reason()));
    EXPECT_TRUE(setup_runtime({}).device.is_cpu());
}

TEST(Runtime, Tf32IsOffWhereNobodyAsksForIt) {
    at::globalContext().setAllowTF32CuDNN(true);  // LibTorch's default
    setup_runtime({.device = "cpu"});
    EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
    EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
    EXPECT_THAT(expect_error(ErrorKind::Usage, [] { setup_runtime({.device = "cpu", .tf32 = true}); }),
                testing::HasSubstr("--tf32"));
}

TEST(Runtime, DeterministicMeansNotOnlyAWarning) {
    setup_runtime({.device = "cpu", .deterministic = true});
    EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
    EXPECT_FALSE(at::globalContext().deterministicAlgorithmsWarnOnly());
    at::globalContext().setDeterministicAlgorithms(false, false);
    at::globalContext().setDeterministicCuDNN(false);
}

TEST(Runtime, TellsTheMemoryThatIsLeft) { EXPECT_GT(available_memory(), 16 << 20); }

}  // namespace
}  // namespace reverie
