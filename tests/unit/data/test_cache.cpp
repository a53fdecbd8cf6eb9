#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "drawn_images.h"
#include "reverie/core/hooks.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using testing::HasSubstr;

/// Twelve images in two classes, one of them bad, and room for their cache.
class Cache : public testing::Test {
  protected:
    Cache() {
        for (int i = 0; i < 12; ++i) {
            const std::string name = (i % 2 == 0 ? "even/" : "odd/") + std::to_string(i);
            if (i == 5) {
                test::write_text(images_ / (name + ".png"), "bad");
            } else {
                test::write_image(images_ / (name + ".png"), test::drawing({20 + i, 50 - i}, i));
            }
        }
        options_ = {.size = Size{32, 48}, .cache_bytes = 10'000, .cache_folder = folder_ / "deep/cache"};
    }

    /// Opens the set; decoded_ tells afterwards whether anything had to be decoded.
    Dataset open() {
        Hooks hooks;
        decoded_ = false;
        hooks.on_progress = [this](const Progress&) { decoded_ = true; };
        return open_dataset(images_.path(), options_, hooks);
    }

    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> all;
        for (const auto& entry : std::filesystem::directory_iterator(options_.cache_folder)) {
            all.push_back(entry.path());
        }
        return all;
    }

    static Tensor pixels(const Dataset& set) { return set.read(all_indices(set)); }

    TemporaryFolder images_;
    TemporaryFolder folder_;
    DataOptions options_;
    bool decoded_ = false;
};

TEST_F(Cache, InAFileHoldsWhatMemoryWould) {
    const Dataset spilled = open();
    EXPECT_TRUE(decoded_);
    ASSERT_EQ(files().size(), 1U);
    EXPECT_LT(spilled.memory(), 2000);  // names and labels
    DataOptions in_memory = options_;
    in_memory.cache_bytes = 1'000'000;
    in_memory.cache_folder = folder_ / "other";
    const Dataset held = open_dataset(images_.path(), in_memory);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "other"));
    EXPECT_GE(held.memory(), 11 * 3 * 32 * 48);
    EXPECT_TRUE(at::equal(pixels(spilled), pixels(held)));
    EXPECT_EQ(spilled.digest(), held.digest());
    EXPECT_EQ(test::names(spilled), test::names(held));
    EXPECT_EQ(spilled.count(), 11);
    options_.cache_folder.clear();  // no place to spill to: memory it is
    EXPECT_GE(open().memory(), 11 * 3 * 32 * 48);
}

TEST_F(Cache, IsReusedWithoutDecoding) {
    const Dataset first = open();
    const Dataset second = open();
    EXPECT_FALSE(decoded_);
    EXPECT_TRUE(at::equal(pixels(first), pixels(second)));
    EXPECT_EQ(first.digest(), second.digest());
    EXPECT_EQ(first.classes(), second.classes());
    ASSERT_EQ(second.skipped().size(), 1U);
    EXPECT_EQ(second.skipped()[0].path, "odd/5.png");
    EXPECT_EQ(second.skipped()[0].reason, first.skipped()[0].reason);
    for (std::int64_t i = 0; i < first.count(); ++i) {
        EXPECT_EQ(first.label(i), second.label(i));
        EXPECT_EQ(first.name(i), second.name(i));
    }
    options_.cache_bytes = 1'000'000;  // now it fits in memory, and still nothing is decoded
    const Dataset third = open();
    EXPECT_FALSE(decoded_);
    EXPECT_GE(third.memory(), 11 * 3 * 32 * 48);
    EXPECT_TRUE(at::equal(pixels(first), pixels(third)));
    options_.strict = true;
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { open(); }), HasSubstr("5.png"));
}

TEST_F(Cache, IsMadeAnewWhenAnythingItDependsOnChanged) {
    open();
    const auto changed = [this](const char* what) {
        open();
        EXPECT_TRUE(decoded_) << what;
        open();
        EXPECT_FALSE(decoded_) << what;
    };
    std::filesystem::last_write_time(images_ / "even/0.png",
                                     std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
    changed("time");
    std::filesystem::rename(images_ / "even/0.png", images_ / "even/00.png");
    changed("name");
    test::write_image(images_ / "even/new.png", test::drawing({20, 20}));
    changed("count");
    options_.size = Size{32, 49};
    changed("size");
    options_.channels = 4;
    changed("channels");
    options_.fit = Fit::Stretch;
    changed("fit");
}

TEST_F(Cache, ThatIsNotWholeIsMadeAnew) {
    const Tensor expected = pixels(open());
    const auto file = files()[0];
    const auto bytes = read_file(file);
    for (const std::size_t length : {std::size_t{0}, std::size_t{20}, bytes.size() / 2, bytes.size() - 1}) {
        std::filesystem::resize_file(file, length);
        EXPECT_TRUE(at::equal(pixels(open()), expected));
        EXPECT_TRUE(decoded_) << length;
        EXPECT_EQ(read_file(file), bytes);
    }
    auto lying = bytes;
    lying[lying.size() - 24] ^= std::byte{0x41};  // the length of the text
    write_file(file, lying);
    EXPECT_TRUE(at::equal(pixels(open()), expected));
    EXPECT_TRUE(decoded_);
}

TEST_F(Cache, LeavesNothingBehindWhenStopped) {
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    for (int i = 0; i < 200; ++i) {
        test::write_image(images_ / ("more/" + std::to_string(i) + ".bmp"), test::flat(i));
    }
    hooks.on_progress = [&](const Progress&) { cancel.request(); };
    expect_error(ErrorKind::Cancelled, [&] { open_dataset(images_.path(), options_, hooks); });
    EXPECT_TRUE(files().empty());
}

TEST_F(Cache, ThatCannotBeWrittenIsAnOutputFault) {
    test::write_text(folder_ / "file", "in the way");
    options_.cache_folder = folder_ / "file/cache";
    expect_error(ErrorKind::Output, [&] { open(); });
}

TEST_F(Cache, IsTheSameAtAnyThreadCount) {
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const Dataset one = open();
    const auto bytes = read_file(files()[0]);
    std::filesystem::remove(files()[0]);
    at::set_num_threads(3);
    const Dataset three = open();
    at::set_num_threads(threads);
    EXPECT_TRUE(decoded_);
    EXPECT_EQ(read_file(files()[0]), bytes);
    EXPECT_EQ(one.digest(), three.digest());
}

}  // namespace
}  // namespace reverie
