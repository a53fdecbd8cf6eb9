// When frames are shown, and where sound and the rest lie beside them.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "film_tools.h"
#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Size kSize = {36, 50};

/// Of one over the other's ticks: a whole number, or the test fails.
std::int64_t in_ticks(std::int64_t at, const Rational& from, const Rational& to) {
    const std::int64_t parts = at * from.numerator * to.denominator;
    const std::int64_t ticks = from.denominator * to.numerator;
    EXPECT_EQ(parts % ticks, 0);
    return parts / ticks;
}

struct Clock {
    const char* name;
    Rational time_base;
    Rational rate;
    std::vector<std::int64_t> durations;
    std::int64_t first = 0;
};

std::vector<std::int64_t> constant(std::size_t count) { return std::vector<std::int64_t>(count, 1); }

const std::vector<Clock> kClocks = {
    {"Film24", {1, 24}, {24, 1}, constant(30)},
    {"Ntsc", {1001, 30000}, {30000, 1001}, constant(30)},
    {"Pal50", {1, 50}, {50, 1}, constant(30)},
    {"Variable", {1, 30}, {10, 1}, {1, 2, 3, 7, 1, 7, 3, 2, 1, 1, 7, 2, 3, 3, 1, 2, 7}},
    {"VariableFine", {1, 90000}, {25, 1}, {3003, 6006, 9009, 21021, 3003, 3600, 1501, 12000, 90000, 3003, 777}},
    {"Late", {1, 600}, {30, 1}, {20, 20, 40, 20, 60, 20, 20, 140}, 77},
};

class ExactTime : public testing::TestWithParam<std::tuple<Clock, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Films, ExactTime, testing::Combine(testing::ValuesIn(kClocks), testing::Values("mp4", "mov")),
                         [](const auto& test) { return std::get<1>(test.param) + std::get<0>(test.param).name; });

TEST_P(ExactTime, IsKeptForEveryFrameAndTheLastOnesEnd) {
    const TemporaryFolder folder;
    const auto& [clock, extension] = GetParam();
    const auto path = write_soft_film(folder / ("film." + extension), kSize,
                                      {.time_base = clock.time_base, .rate = clock.rate}, clock.durations, clock.first);
    const std::vector<FilmFrame> frames = read_all(path);
    const FilmReader reader(path);
    ASSERT_EQ(frames.size(), clock.durations.size());
    EXPECT_EQ(reader.info().frames, std::int64_t(frames.size()));
    std::int64_t pts = clock.first;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        EXPECT_EQ(in_ticks(frames[i].time.pts, reader.info().time_base, clock.time_base), pts) << i;
        EXPECT_EQ(in_ticks(frames[i].time.duration, reader.info().time_base, clock.time_base), clock.durations[i]) << i;
        EXPECT_LT(mean_error(frames[i].image, soft_frame(std::int64_t(i), kSize.height, kSize.width)), 0.02) << i;
        pts += clock.durations[i];
    }
}

class MillisecondTime : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Films, MillisecondTime, testing::Values("mkv", "webm", "webp"),
                         [](const auto& test) { return test.param; });

TEST_P(MillisecondTime, IsKeptExactly) {
    const TemporaryFolder folder;
    const std::vector<std::int64_t> durations = {40, 33, 34, 7, 250, 41, 100, 333};
    const auto path = write_soft_film(folder / ("film." + GetParam()), kSize, {.time_base = {1, 1000}}, durations);
    const std::vector<FilmFrame> frames = read_all(path);
    ASSERT_EQ(frames.size(), durations.size());
    EXPECT_EQ(FilmReader(path).info().time_base, (Rational{1, 1000}));
    for (std::size_t i = 0; i < frames.size(); ++i) {
        EXPECT_EQ(frames[i].time.duration, durations[i]) << i;
    }
    EXPECT_EQ(frames[0].time.pts, 0);
}

TEST(Matroska, IsHalfAMillisecondOffAtMostAndSaysSo) {
    const TemporaryFolder folder;
    FilmWriter film(folder / "film.mkv", {.time_base = {1001, 30000}, .rate = {30000, 1001}});
    for (std::int64_t i = 0; i < 20; ++i) {
        film.add(soft_frame(i, 20, 20), {i, 1});
    }
    EXPECT_THAT(film.notes(), testing::Contains(HasSubstr("milliseconds")));
    const std::vector<FilmFrame> frames = read_all(film.finish());
    ASSERT_EQ(frames.size(), 20);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        EXPECT_NEAR(double(frames[i].time.pts) / 1000, double(i) * 1001 / 30000, 0.000501);
    }
}

TEST(FilmTimes, AreSaidToBeRoundedOnlyWhereTheyAre) {
    const auto is_said = [](const std::string& name, std::int64_t duration) {
        const TemporaryFolder folder;
        FilmWriter film(folder / name, {.time_base = {1, 12800}, .rate = {8, 1}});
        film.add(soft_frame(0, 20, 20), {5, duration});
        film.add(soft_frame(1, 20, 20), {5 + duration, duration});
        return testing::Value(film.notes(), testing::Contains(HasSubstr("counts in")));
    };
    for (const char* name : {"film.webp", "film.mkv", "film.webm"}) {
        EXPECT_FALSE(is_said(name, 1600)) << name;  // 125 ms
        EXPECT_TRUE(is_said(name, 1606)) << name;
    }
    EXPECT_FALSE(is_said("film.gif", 1536));  // 120 ms
    EXPECT_TRUE(is_said("film.gif", 1601));
    EXPECT_FALSE(is_said("film.mp4", 1601));
}

TEST(GifFilm, KeepsItsDelays) {
    const TemporaryFolder folder;
    const std::vector<std::int64_t> durations = {2, 3, 7, 10, 100, 2, 41};
    const auto path = write_soft_film(folder / "film.gif", kSize, {.time_base = {1, 100}}, durations);
    const std::vector<FilmFrame> frames = read_all(path);
    ASSERT_EQ(frames.size(), durations.size());
    EXPECT_EQ(FilmReader(path).info().time_base, (Rational{1, 100}));
    for (std::size_t i = 0; i < frames.size(); ++i) {
        EXPECT_EQ(frames[i].time.duration, durations[i]) << i;
        EXPECT_LT(mean_error(frames[i].image, soft_frame(std::int64_t(i), kSize.height, kSize.width)), 0.02) << i;
    }
}

TEST(FilmWriter, RefusesFramesThatDoNotFollowEachOther) {
    const TemporaryFolder folder;
    FilmWriter film(folder / "film.gif", {});
    film.add(soft_frame(0, 8, 8), {5, 2});
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { film.add(soft_frame(1, 8, 8), {8, 1}); }), HasSubstr("ends at 7"));
    expect_error(ErrorKind::Usage, [&] { film.add(soft_frame(1, 8, 8), {6, 1}); });
    expect_error(ErrorKind::Usage, [&] { film.add(soft_frame(1, 8, 8), {7, 0}); });
    expect_error(ErrorKind::Usage, [&] { film.add(soft_frame(1, 8, 9), {7, 1}); });
    film.add(soft_frame(1, 8, 8), {7, 1});
    EXPECT_EQ(film.frames(), 2);
}

/// A film of a second with all that can lie beside it.
std::filesystem::path make_source(const TemporaryFolder& folder, const std::string& name, const Extras& extras) {
    const std::string extension = std::filesystem::path(name).extension().string();
    const auto silent =
        write_soft_film(folder / ("silent" + extension), kSize, {.time_base = {1, 1000}, .rate = {10, 1}},
                        {100, 100, 50, 250, 200, 100, 100, 100});
    add_extras(silent, folder / name, extras);
    return folder / name;
}

/// The frames of a film again, with what lies beside them.
std::filesystem::path again(const std::filesystem::path& source, const std::filesystem::path& target,
                            FilmWriteOptions options = {}) {
    FilmReader reader(source);
    options.time_base = reader.info().time_base;
    options.rate = reader.info().rate;
    options.color = reader.info().color;
    options.copied_from = source;
    FilmWriter film(target, options);
    while (std::optional<FilmFrame> frame = reader.next()) {
        film.add(frame->image, frame->time);
    }
    return film.finish();
}

struct Beside {
    const char* name;
    std::string source;
    std::string target;
    Extras extras;
};
class CopiedStreams : public testing::TestWithParam<Beside> {};
INSTANTIATE_TEST_SUITE_P(
    Films, CopiedStreams,
    testing::Values(
        Beside{"AacInMp4",
               "a.mp4",
               "b.mp4",
               {.sound = "aac", .subtitles = "mov_text", .chapters = true, .title = "Dawn", .cover = true}},
        Beside{"AacLateInMp4", "a.mp4", "b.mp4", {.sound = "aac", .sound_from = 0.25}},
        Beside{"AacFromMp4ToMatroska", "a.mp4", "b.mkv", {.sound = "aac", .chapters = true, .title = "Dawn"}},
        Beside{"OpusInWebM", "a.webm", "b.webm", {.sound = "libopus", .title = "Dawn"}},
        Beside{"SubripInMatroska",
               "a.mkv",
               "b.mkv",
               {.sound = "libopus", .sound_from = 0.1, .subtitles = "subrip", .chapters = true, .title = "Dawn"}}),
    [](const auto& test) { return test.param.name; });

TEST_P(CopiedStreams, AreBitEqualAndWhereTheyWere) {
    const TemporaryFolder folder;
    const auto source = make_source(folder, GetParam().source, GetParam().extras);
    const TakenApart before = take_apart(source);
    const TakenApart after = take_apart(again(source, folder / GetParam().target));
    EXPECT_EQ(after.of("video").size(), before.of("video").size());
    ASSERT_FALSE(before.of("audio").empty());
    EXPECT_TRUE(after.of("audio") == before.of("audio"));
    EXPECT_TRUE(after.of("subtitle") == before.of("subtitle"));
    EXPECT_TRUE(after.of("cover") == before.of("cover"));
    EXPECT_EQ(before.of("cover").empty(), !GetParam().extras.cover);
    EXPECT_EQ(before.of("subtitle").empty(), GetParam().extras.subtitles.empty());
    for (const char* kind : {"audio", "subtitle"}) {
        if (!before.of(kind).empty()) {
            EXPECT_NEAR(after.first_start(kind) - after.first_start("video"),
                        before.first_start(kind) - before.first_start("video"), 0.00051)
                << kind;
        }
    }
    EXPECT_EQ(after.title, GetParam().extras.title);
    ASSERT_EQ(after.chapters.size(), GetParam().extras.chapters ? 2 : 0);
    if (GetParam().extras.chapters) {
        EXPECT_EQ(after.chapters[1].title, "noon");
        EXPECT_NEAR(after.chapters[1].start, 0.4, 0.001);
    }
}

TEST(CopiedStreams, OfAPartBeginWhereThePartDoes) {
    const TemporaryFolder folder;
    const auto source = make_source(folder, "a.mkv", {.sound = "libopus", .chapters = true});
    FilmReader reader(source);
    FilmWriter film(folder / "b.mkv",
                    {.time_base = reader.info().time_base, .copied_from = source, .copied_within = true});
    std::int64_t first = 0;
    for (int i = 0; i < 6; ++i) {
        const std::optional<FilmFrame> frame = reader.next();
        if (i == 3) {
            first = frame->time.pts;
        }
        if (i >= 3) {  // 250, 200 and 100 ms from 0.25 s on
            film.add(frame->image, frame->time);
        }
    }
    const TakenApart after = take_apart(film.finish());
    EXPECT_NEAR(after.first_start("video"), 0, 1e-9);
    EXPECT_NEAR(after.first_start("audio"), 0, 0.021);
    EXPECT_NEAR(double(after.of("audio").size()), 0.55 / 0.02, 2);
    ASSERT_EQ(after.chapters.size(), 2);
    EXPECT_NEAR(after.chapters[1].start, 0.4 - double(first) / 1000, 0.002);
}

TEST(CopiedStreams, ThatAContainerCannotHoldAreRefusedBeforeTheWork) {
    const TemporaryFolder folder;
    const auto aac = make_source(folder, "a.mp4", {.sound = "aac"});
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { FilmWriter(folder / "b.webm", {.copied_from = aac}); }),
                testing::AllOf(HasSubstr("aac sound"), HasSubstr(".mkv")));
    const auto subtitles = make_source(folder, "s.mkv", {.sound = "aac", .subtitles = "subrip"});
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { FilmWriter(folder / "b.mp4", {.copied_from = subtitles}); }),
                testing::AllOf(HasSubstr("subrip subtitles"), HasSubstr(".mkv")));
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { FilmWriter(folder / "b.gif", {.copied_from = aac}); }),
                HasSubstr(".mkv"));
    expect_error(ErrorKind::Input, [&] { FilmWriter(folder / "b.mp4", {.copied_from = folder / "none.mp4"}); });
}

TEST(FilmReader, PassesCoversBy) {
    const TemporaryFolder folder;
    const auto source = make_source(folder, "a.mp4", {.sound = "aac", .cover = true});
    const FilmReader reader(source);
    EXPECT_EQ(reader.size(), kSize);
    EXPECT_THAT(reader.info().other_streams, testing::UnorderedElementsAre("aac sound", "mjpeg cover"));
}

TEST(FractionOf, IsTheSimplestThatIsMeant) {
    EXPECT_EQ(fraction_of(25), (Rational{25, 1}));
    EXPECT_EQ(fraction_of(29.97), (Rational{2997, 100}));
    EXPECT_EQ(fraction_of(0.1), (Rational{1, 10}));
    EXPECT_EQ(fraction_of(30000.0 / 1001), (Rational{30000, 1001}));
    EXPECT_NEAR(fraction_of(3.14159265358979).value(), 3.14159265358979, 1e-9);
    EXPECT_EQ(reduced({50, 20}), (Rational{5, 2}));
}

}  // namespace
}  // namespace reverie
