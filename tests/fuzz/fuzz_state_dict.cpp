// Damage to weights files: whatever is cut off or changed, a file either loads whole or is refused with Error(Weights).
// Memory is capped while this runs, so that a wild allocation fails the test.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/weights/state_dict.h"
#include "weights/pickle.h"

#if defined(__SANITIZE_ADDRESS__)
// The sanitizer maps terabytes of address space, so it caps single allocations instead.
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=512"; }
#endif

namespace reverie {
namespace {

constexpr std::uint64_t kSpareBytes = 1ULL << 30;
constexpr int kFlips = 10000;

void cap_memory() {
#if !defined(__SANITIZE_ADDRESS__)
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + kSpareBytes;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
#endif
}

class StateDictDamage : public ::testing::TestWithParam<const char*> {
  protected:
    static void SetUpTestSuite() {
        at::set_num_threads(1);  // a pool's stacks would count as memory
        cap_memory();
    }

    // A file in memory: tens of thousands of versions of it are written.
    StateDictDamage()
        : bytes_(read_file(std::filesystem::path(REVERIE_TEST_DATA) / "parity" / "containers" / GetParam())),
          descriptor_(memfd_create("fuzz", 0)),
          path_("/proc/self/fd/" + std::to_string(descriptor_)) {}
    ~StateDictDamage() override { close(descriptor_); }

    /// Whether it loads; anything but Error(Weights) fails the test.
    bool loads(std::span<const std::byte> bytes) {
        const auto size = static_cast<ssize_t>(bytes.size());
        if (ftruncate(descriptor_, size) != 0 || pwrite(descriptor_, bytes.data(), bytes.size(), 0) != size) {
            ADD_FAILURE() << "the damaged file could not be written";
        }
        try {
            const StateDict state = read_state_dict(path_);
            for (const std::string& name : state.names()) {
                const Tensor values = state.load(name);
                EXPECT_EQ(values.sizes().vec(), state.info(name).shape);
            }
            return true;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::Weights) << error.what();
            EXPECT_EQ(std::string_view(error.what()).find("'" + path_.string() + "' "), 0U) << error.what();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        return false;
    }

    std::vector<std::byte> bytes_;
    int descriptor_;
    std::filesystem::path path_;
};

TEST_P(StateDictDamage, IsRefusedAtEveryTruncatedLength) {
    ASSERT_TRUE(loads(bytes_));
    for (std::size_t length = 0; length < bytes_.size(); ++length) {
        EXPECT_FALSE(loads(std::span(bytes_).first(length))) << length << " of " << bytes_.size() << " bytes";
    }
}

TEST_P(StateDictDamage, IsRefusedOrHarmlessAtRandomBytes) {
    std::mt19937_64 random(20);
    int loaded = 0;
    for (int flip = 0; flip < kFlips && !HasFailure(); ++flip) {
        std::vector<std::byte> damaged = bytes_;
        for (std::uint64_t more = 1 + random() % 3; more > 0; --more) {
            damaged[random() % damaged.size()] ^= static_cast<std::byte>(1 + random() % 255);
        }
        loaded += loads(damaged) ? 1 : 0;
    }
    // Damage to values alone goes unseen, damage to structure does not.
    EXPECT_GT(loaded, 0);
    EXPECT_LT(loaded, kFlips);
}

INSTANTIATE_TEST_SUITE_P(Containers, StateDictDamage,
                         ::testing::Values("dtypes.zip.pth", "dtypes.legacy.pth", "dtypes.safetensors",
                                           "strides.zip.pth", "wrapped.legacy.pth"),
                         [](const auto& parameter) {
                             std::string name = parameter.param;
                             std::ranges::replace(name, '.', '_');
                             return name;
                         });

TEST(PickleDamage, NeverDoesHarmByRandomOperations) {
    // Whole pieces that pickles are made of, in random order: deeper into the interpreter than flipped bytes get.
    const std::vector<std::string> pieces = {"(",
                                             "0",
                                             "1",
                                             "2",
                                             ")",
                                             "]",
                                             "}",
                                             "t",
                                             "l",
                                             "d",
                                             "a",
                                             "e",
                                             "s",
                                             "u",
                                             "b",
                                             "R",
                                             "Q",
                                             "o",
                                             "N",
                                             "\x81",
                                             "\x85",
                                             "\x86",
                                             "\x87",
                                             "\x88",
                                             "\x8f",
                                             "\x90",
                                             "\x91",
                                             "\x93",
                                             "\x94",
                                             "K\x02",
                                             "J\xff\xff\xff\xff",
                                             "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
                                             "U\x01k",
                                             "U\x07storage",
                                             std::string("q\0", 2),
                                             "q\x01",
                                             std::string("h\0", 2),
                                             "h\x01",
                                             "ccollections\nOrderedDict\n",
                                             "ctorch._utils\n_rebuild_tensor\n",
                                             "ctorch._utils\n_rebuild_tensor_v2\n",
                                             "ctorch._utils\n_rebuild_tensor_v3\n",
                                             "ctorch._utils\n_rebuild_parameter\n",
                                             "ctorch\nFloatStorage\n",
                                             "ctorch\nfloat32\n",
                                             "ctorch\nSize\n",
                                             "(U\7storagectorch\nFloatStorage\nU\1kU\3cpuK\4tQ"};
    std::mt19937_64 random(7);
    int whole = 0;
    for (int round = 0; round < 100000; ++round) {
        std::string pickle;
        for (std::uint64_t more = random() % 24; more > 0; --more) {
            pickle += pieces[random() % pieces.size()];
        }
        pickle += '.';
        try {
            weights::read_pickle(std::as_bytes(std::span(pickle)), "x.pth");
            ++whole;
        } catch (const Error& error) {
            ASSERT_EQ(error.kind(), ErrorKind::Weights) << error.what();
        }
    }
    EXPECT_GT(whole, 100);
}

}  // namespace
}  // namespace reverie
