// Codecs, and films that are stopped, killed and gone on with.
#include "reverie/output/film_writer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "film_tools.h"
#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

extern char** environ;

namespace reverie {
namespace {

using namespace test;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Size kSize = {34, 46};
constexpr std::int64_t kFrames = 17;
constexpr std::int64_t kCut = 8;  // within the second segment

FilmTime time_of(std::int64_t i) {
    constexpr std::array<std::int64_t, 4> kSteps = {2, 3, 7, 10};
    std::int64_t pts = 0;
    for (std::int64_t k = 0; k < i; ++k) {
        pts += kSteps[std::size_t(k) % kSteps.size()];
    }
    return {pts, kSteps[std::size_t(i) % kSteps.size()]};
}

FilmWriteOptions resumable(const std::filesystem::path& state) {
    return {.time_base = {1, 100}, .state = state, .identity = "a test", .segment_frames = 5};
}

/// Goes on with whatever is there, up to frame `end`.
void add_frames(FilmWriter& film, std::int64_t end) {
    for (std::int64_t i = film.frames(); i < end; ++i) {
        film.add(soft_frame(i, kSize.height, kSize.width, 4), time_of(i), i == kCut);
    }
}

std::filesystem::path unbroken(const TemporaryFolder& folder, const std::string& name) {
    std::filesystem::create_directory(folder / "whole");
    FilmWriter film(folder / ("whole/" + name), resumable(folder / "whole/state"));
    add_frames(film, kFrames);
    return film.finish();
}

/// A file's, or of a folder all files'.
std::string bytes_of(const std::filesystem::path& path) {
    std::vector<std::filesystem::path> files = {path};
    if (std::filesystem::is_directory(path)) {
        files.assign(std::filesystem::directory_iterator(path), {});
        std::sort(files.begin(), files.end());
    }
    std::string all;
    for (const auto& file : files) {
        const std::vector<std::byte> bytes = read_file(file);
        all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    return all;
}

class Resumed : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(FilmWriter, Resumed,
                         testing::Values("a.mp4", "a.mkv", "a.webm", "a.mov", "a.gif", "a.webp", "frames"));

TEST_P(Resumed, AtAnyFrameIsTheSameFilm) {
    const TemporaryFolder folder;
    const std::string whole = bytes_of(unbroken(folder, GetParam()));
    EXPECT_FALSE(std::filesystem::exists(folder / "whole/state"));
    for (const std::int64_t stop : {1, 5, 6, 8, 9, 13, 17}) {
        {
            FilmWriter film(folder / GetParam(), resumable(folder / "state"));
            EXPECT_EQ(film.frames(), 0);
            add_frames(film, stop);
        }
        EXPECT_FALSE(std::filesystem::exists(folder / GetParam()));
        FilmWriter film(folder / GetParam(), resumable(folder / "state"));
        ASSERT_EQ(film.frames(), stop);
        EXPECT_EQ(film.times().back(), time_of(stop - 1));
        add_frames(film, kFrames);
        EXPECT_TRUE(bytes_of(film.finish()) == whole) << stop;
        EXPECT_FALSE(std::filesystem::exists(folder / "state"));
        std::filesystem::remove_all(folder / GetParam());
    }
}

TEST_P(Resumed, AgainAndAgainIsTheSameFilm) {
    const TemporaryFolder folder;
    const std::string whole = bytes_of(unbroken(folder, GetParam()));
    for (std::int64_t stop = 3; stop < kFrames; stop += 4) {
        FilmWriter film(folder / GetParam(), resumable(folder / "state"));
        add_frames(film, stop);
    }
    FilmWriter film(folder / GetParam(), resumable(folder / "state"));
    add_frames(film, kFrames);
    EXPECT_TRUE(bytes_of(film.finish()) == whole);
}

TEST_P(Resumed, LeavesAFilmOfWhatThereIsWhenStopped) {
    const TemporaryFolder folder;
    const std::string whole = bytes_of(unbroken(folder, GetParam()));
    const std::filesystem::path name = GetParam();
    {
        FilmWriter film(folder / GetParam(), resumable(folder / "state"));
        add_frames(film, 7);
        const auto partial = film.finish_partial();
        EXPECT_EQ(partial.filename(), name.stem().string() + ".partial" + name.extension().string());
        EXPECT_FALSE(std::filesystem::exists(folder / GetParam()));
        const std::vector<FilmFrame> frames = read_all(partial);
        ASSERT_EQ(frames.size(), 7);
        for (std::int64_t i = 0; i < 7; ++i) {
            EXPECT_LT(mean_error(frames[std::size_t(i)].image[1], soft_frame(i, kSize.height, kSize.width)[1]), 0.5);
        }
    }
    FilmWriter film(folder / GetParam(), resumable(folder / "state"));
    EXPECT_EQ(film.frames(), 7);
    add_frames(film, kFrames);
    EXPECT_TRUE(bytes_of(film.finish()) == whole);
}

TEST_P(Resumed, LeavesAPartWithoutAStateToo) {
    const TemporaryFolder folder;
    {
        FilmWriter film(folder / GetParam(), {.time_base = {1, 100}});
        EXPECT_EQ(film.finish_partial(), "");
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    FilmWriter film(folder / GetParam(), {.time_base = {1, 100}});
    add_frames(film, 4);
    EXPECT_EQ(read_all(film.finish_partial()).size(), 4);
    const std::filesystem::directory_iterator entries(folder.path());
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

// What the test below starts: it writes frames until it kills itself.
TEST(FilmWriter, DISABLED_KillsItself) {
    const char* folder = std::getenv("REVERIE_TEST_FILM");
    const char* name = std::getenv("REVERIE_TEST_NAME");
    const char* stop = std::getenv("REVERIE_TEST_STOP");
    ASSERT_TRUE(folder != nullptr && name != nullptr && stop != nullptr);
    const std::filesystem::path base = folder;
    FilmWriter film(base / name, resumable(base / "state"));
    add_frames(film, std::strtoll(stop, nullptr, 10));
    std::raise(SIGKILL);
}

TEST(FilmWriter, GoesOnAfterAKill) {
    const TemporaryFolder folder;
    const std::string whole = bytes_of(unbroken(folder, "a.mp4"));
    for (const char* stop : {"4", "5", "11"}) {
        std::vector<std::string> words = {"REVERIE_TEST_FILM=" + folder.path().string(), "REVERIE_TEST_NAME=a.mp4",
                                          std::string("REVERIE_TEST_STOP=") + stop};
        std::vector<char*> environment;
        for (char** word = environ; *word != nullptr; ++word) {
            environment.push_back(*word);
        }
        for (std::string& word : words) {
            environment.push_back(word.data());
        }
        environment.push_back(nullptr);
        std::string program = "/proc/self/exe";
        std::string filter = "--gtest_filter=FilmWriter.DISABLED_KillsItself";
        std::string all = "--gtest_also_run_disabled_tests";
        std::vector<char*> arguments = {program.data(), filter.data(), all.data(), nullptr};
        pid_t child = 0;
        ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environment.data()), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        FilmWriter film(folder / "a.mp4", resumable(folder / "state"));
        EXPECT_EQ(film.frames(), std::strtoll(stop, nullptr, 10));
        add_frames(film, kFrames);
        EXPECT_TRUE(bytes_of(film.finish()) == whole) << stop;
    }
    // Nothing that the killed ones were writing stays.
    const std::filesystem::directory_iterator entries(folder.path());
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 2);  // the film and `whole`
}

TEST(FilmState, BelongsToOneFilmAndOneProgram) {
    const TemporaryFolder folder;
    {
        FilmWriter film(folder / "a.mp4", resumable(folder / "state"));
        add_frames(film, 3);
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { FilmWriter(folder / "a.mp4", resumable(folder / "state")); }),
                    HasSubstr("another program"));
    }
    FilmWriteOptions other = resumable(folder / "state");
    other.identity = "another model";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { FilmWriter(folder / "a.mp4", other); }), HasSubstr("state"));
    other = resumable(folder / "state");
    other.crf = 30;
    expect_error(ErrorKind::Usage, [&] { FilmWriter(folder / "a.mp4", other); });
    FilmWriter film(folder / "a.mp4", resumable(folder / "state"));
    EXPECT_EQ(film.frames(), 3);
    expect_error(ErrorKind::Usage, [&] { film.add(soft_frame(3, 34, 48), time_of(3)); });  // the shape is known
}

TEST(FilmState, ThatIsDamagedIsSaidToBe) {
    const TemporaryFolder folder;
    {
        FilmWriter film(folder / "a.mp4", resumable(folder / "state"));
        add_frames(film, 8);
    }
    std::filesystem::resize_file(folder / "state/frame-00000006.raw", 100);
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { FilmWriter(folder / "a.mp4", resumable(folder / "state")); }),
                HasSubstr("damaged"));
}

TEST(FilmWriter, SaysWhenTheDiskIsFullAndGoesOnWhenItIsNot) {
    const TemporaryFolder folder;
    const std::string whole = bytes_of(unbroken(folder, "a.mkv"));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto limit = [&](rlim_t bytes) {
        const rlimit lower = {std::min(bytes, before.rlim_max), before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &lower), 0);
    };
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    {
        FilmWriter film(folder / "a.mkv", resumable(folder / "state"));
        add_frames(film, 9);
        limit(5000);  // less than a frame
        EXPECT_THAT(expect_error(ErrorKind::Output, [&] { add_frames(film, kFrames); }), HasSubstr("free space"));
        limit(before.rlim_cur);
    }
    {
        FilmWriter film(folder / "a.mkv", resumable(folder / "state"));
        EXPECT_EQ(film.frames(), 9);
        add_frames(film, kFrames);
        limit(std::filesystem::file_size(folder / "whole/a.mkv") - 300);  // while it is joined
        EXPECT_THAT(expect_error(ErrorKind::Output, [&] { film.finish(); }), HasSubstr("free space"));
        limit(before.rlim_cur);
    }
    std::signal(SIGXFSZ, handler);
    EXPECT_FALSE(std::filesystem::exists(folder / "a.mkv"));
    FilmWriter film(folder / "a.mkv", resumable(folder / "state"));
    EXPECT_EQ(film.frames(), kFrames);
    EXPECT_TRUE(bytes_of(film.finish()) == whole);
}

TEST(FilmCodecs, AreThoseThatTheContainerCanHold) {
    EXPECT_THAT(film_codecs("a.mp4"),
                testing::AllOf(Contains("h264"), Contains("mpeg4"), testing::Not(Contains("ffv1"))));
    EXPECT_THAT(film_codecs("a.mkv"), testing::AllOf(Contains("ffv1"), Contains("h264")));
    EXPECT_THAT(film_codecs("a.mov"), Contains("prores"));
    EXPECT_THAT(film_codecs("a.gif"), IsEmpty());
}

TEST(FilmCodecs, AllWriteWhatIsReadAgain) {
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.mov", "a.mkv", "a.webm"}) {
        for (const std::string& codec : film_codecs(name)) {
            const auto path = write_soft_film(folder / name, {64, 96}, {.codec = codec}, {1, 1, 1});
            FilmReader reader(path);
            EXPECT_EQ(reader.info().codec, codec == "h265" ? "hevc" : codec) << name;
            for (std::int64_t i = 0; i < 3; ++i) {
                const std::optional<FilmFrame> frame = reader.next();
                ASSERT_TRUE(frame.has_value()) << name << codec;
                EXPECT_LT(mean_error(frame->image, soft_frame(i, 64, 96)), 0.012) << name << codec;
            }
            EXPECT_FALSE(reader.next().has_value());
        }
    }
}

TEST(FilmCodecs, ThatAreUnknownOrOutOfPlaceAreRefusedByName) {
    const TemporaryFolder folder;
    const auto sentence = [&](const char* name, const FilmWriteOptions& options) {
        return expect_error(ErrorKind::Usage, [&] { FilmWriter(folder / name, options); });
    };
    EXPECT_THAT(sentence("a.mp4", {.codec = "x266"}),
                testing::AllOf(HasSubstr("x266"), HasSubstr("h264"), HasSubstr("--codec")));
    EXPECT_THAT(sentence("a.webm", {.codec = "h264"}), testing::AllOf(HasSubstr("vp9"), HasSubstr(".mkv")));
    EXPECT_THAT(sentence("a.gif", {.codec = "h264"}), HasSubstr("--codec"));
    EXPECT_THAT(sentence("a.mp4", {.crf = 52}), testing::AllOf(HasSubstr("--crf"), HasSubstr("51")));
    EXPECT_THAT(sentence("a.mov", {.codec = "prores", .crf = 5}), HasSubstr("leave it out"));
    EXPECT_THAT(sentence("a.txt", {}), HasSubstr(".mkv"));
    sentence("a.mp4", {.time_base = {0, 1}});
    sentence("a.mp4", {.rate = {-1, 1}});
    sentence("a.mp4", {.bits = 7});
    sentence("a.mp4", {.state = folder / "state", .segment_frames = 0});
    sentence("a.y4m", {.state = folder / "state"});
    EXPECT_FALSE(std::filesystem::exists(folder / "a.mp4"));
}

TEST(FilmCodecs, ThatAreMissingGiveWayToTheNextBestByName) {
    const TemporaryFolder folder;
    FilmWriter film(folder / "a.mp4", {.codec = "libopenh264"});  // Debian's FFmpeg has x264 instead
    film.add(soft_frame(0, 16, 16), {0, 1});
    const bool there = testing::Value(film_codecs("a.mp4"), Contains("h264")) && film.notes().empty();
    if (!there) {
        EXPECT_THAT(film.notes(), Contains(testing::AllOf(HasSubstr("libopenh264"), HasSubstr("libx264"))));
    }
    EXPECT_EQ(read_all(film.finish()).size(), 1);
}

TEST(FilmCodecs, QualityMovesTheSize) {
    const TemporaryFolder folder;
    for (const char* name : {"a.mp4", "a.webm"}) {
        std::vector<std::uintmax_t> sizes;
        for (const double crf : {8.0, 40.0}) {
            FilmWriter film(folder / name, {.crf = crf});
            for (std::int64_t i = 0; i < 4; ++i) {
                film.add(soft_frame(i, 64, 64) * 0.8 + at::rand({3, 64, 64}) * 0.2, {i, 1});
            }
            sizes.push_back(std::filesystem::file_size(film.finish()));
        }
        EXPECT_GT(sizes[0], 2 * sizes[1]) << name;
    }
}

}  // namespace
}  // namespace reverie
