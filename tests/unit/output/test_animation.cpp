// Films, read back by their formats' decoders.
#include "reverie/output/animation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "read_films.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::read_gif;
using test::read_mp4;
using test::read_webp;
using test::ReadFilm;
using test::TemporaryFolder;
using testing::DoubleNear;
using testing::Each;
using testing::HasSubstr;

/// A soft picture that changes from frame to frame.
Tensor picture(std::int64_t index, std::int64_t height, std::int64_t width) {
    const Tensor across = at::linspace(0, 1, width).expand({height, width});
    const Tensor down = at::linspace(0, 1, height).unsqueeze(1).expand({height, width});
    const double level = 0.1 + 0.15 * static_cast<double>(index % 6);
    return at::stack({across, down, at::full({height, width}, level)});
}

void write_film(const std::filesystem::path& path, const std::vector<Tensor>& frames,
                const AnimationOptions& options = {}) {
    Animation film(path, options);
    for (const Tensor& frame : frames) {
        film.add(frame);
    }
    EXPECT_EQ(film.frames(), frames.size());
    film.finish();
}

std::vector<Tensor> pictures(std::int64_t count, std::int64_t height, std::int64_t width) {
    std::vector<Tensor> frames;
    for (std::int64_t i = 0; i < count; ++i) {
        frames.push_back(picture(i, height, width));
    }
    return frames;
}

double mean_difference(const Tensor& a, const Tensor& b) { return (a - b).abs().mean().item<double>(); }

ReadFilm read_film(const std::filesystem::path& path) {
    return path.extension() == ".gif" ? read_gif(path) : path.extension() == ".mp4" ? read_mp4(path) : read_webp(path);
}

bool is_empty(const TemporaryFolder& folder) { return std::filesystem::is_empty(folder.path()); }

class EveryFormat : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Animation, EveryFormat, testing::Values("film.gif", "film.mp4", "film.webp"),
                         [](const auto& test) { return test.param.substr(5); });

TEST_P(EveryFormat, GivesBackEveryFrame) {
    const TemporaryFolder folder;
    const std::vector<Tensor> frames = pictures(9, 34, 46);
    write_film(folder / GetParam(), frames, {.fps = 8});
    const ReadFilm film = read_film(folder / GetParam());
    ASSERT_EQ(film.frames.size(), frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
        // Each format loses a little (256 colours; 8-bit chroma of half the size); a wrong frame is off by 0.05 and a
        // wrong colour matrix by 0.02.
        EXPECT_LT(mean_difference(film.frames[i].narrow(0, 0, 3), frames[i]), 0.017) << i;
    }
    EXPECT_NEAR(std::accumulate(film.seconds.begin(), film.seconds.end(), 0.0), 9 / 8.0, 0.006);
    EXPECT_THAT(film.seconds, Each(DoubleNear(1 / 8.0, 0.0051)));  // GIF counts in hundredths
}

TEST_P(EveryFormat, HoldsAFilmOfOneFrame) {
    const TemporaryFolder folder;
    write_film(folder / GetParam(), {picture(2, 20, 30)});
    const ReadFilm film = read_film(folder / GetParam());
    ASSERT_EQ(film.frames.size(), 1);
    EXPECT_LT(mean_difference(film.frames[0].narrow(0, 0, 3), picture(2, 20, 30)), 0.018);
}

TEST_P(EveryFormat, TakesOddAndTinySizes) {
    const TemporaryFolder folder;
    for (const auto& [height, width] : {std::pair(33, 47), std::pair(1, 1), std::pair(2, 5), std::pair(71, 16)}) {
        write_film(folder / GetParam(), pictures(3, height, width));
        const ReadFilm film = read_film(folder / GetParam());
        ASSERT_EQ(film.frames.size(), 3);
        const bool even = GetParam() == "film.mp4";
        EXPECT_EQ(film.frames[0].size(1), even ? height + height % 2 : height);
        EXPECT_EQ(film.frames[0].size(2), even ? width + width % 2 : width);
    }
}

TEST_P(EveryFormat, TakesGreyAndAlpha) {
    const TemporaryFolder folder;
    const Tensor grey = at::linspace(0, 1, 24 * 32).reshape({1, 24, 32});
    write_film(folder / GetParam(), {grey});
    EXPECT_LT(mean_difference(read_film(folder / GetParam()).frames[0].narrow(0, 0, 3), grey.expand({3, 24, 32})),
              0.01);
    Tensor faint = at::zeros({4, 16, 16});  // black, a quarter opaque
    faint[3] = 0.25;
    write_film(folder / GetParam(), {faint});
    const Tensor back = read_film(folder / GetParam()).frames[0];
    if (GetParam() == "film.webp") {
        EXPECT_NEAR(back[3].mean().item<float>(), 0.25, 0.01);
    } else {
        EXPECT_NEAR(back.mean().item<float>(), 0.75, 0.02);  // on white
    }
}

TEST_P(EveryFormat, StandsUnderItsNameOnlyWhenFinished) {
    const TemporaryFolder folder;
    {
        Animation film(folder / GetParam());
        film.add(picture(0, 16, 16));
        film.add(picture(1, 16, 16));
        EXPECT_FALSE(std::filesystem::exists(folder / GetParam()));
    }
    EXPECT_TRUE(is_empty(folder));
    { Animation never_begun(folder / GetParam()); }
    EXPECT_TRUE(is_empty(folder));
    {
        Animation film(folder / GetParam());
        film.add(picture(0, 16, 16));
        expect_error(ErrorKind::Usage, [&] { film.add(picture(1, 16, 18)); });
    }
    EXPECT_TRUE(is_empty(folder));
}

TEST_P(EveryFormat, SaysWhichFileCannotBeWritten) {
    const TemporaryFolder folder;
    write_file(folder / "file", std::string_view("x"));
    const std::filesystem::path path = folder / ("file/" + GetParam());
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { write_film(path, {picture(0, 16, 16)}); }), HasSubstr("file"));
}

TEST_P(EveryFormat, IsTheSameFileForTheSameFrames) {
    const TemporaryFolder folder;
    write_film(folder / GetParam(), pictures(4, 40, 50));
    const std::vector<std::byte> first = read_file(folder / GetParam());
    write_film(folder / GetParam(), pictures(4, 40, 50));
    EXPECT_EQ(read_file(folder / GetParam()), first);
}

TEST(Gif, KeepsTheFewColoursOfAPictureExactly) {
    const TemporaryFolder folder;
    // 256 colours, the most that a palette holds.
    const Tensor levels = (at::arange(256, at::kFloat) / 255).reshape({16, 16});
    const Tensor frame = at::stack({levels, 1 - levels, levels * levels});
    write_film(folder / "f.gif", {frame});
    EXPECT_TRUE(read_gif(folder / "f.gif").frames[0].allclose(frame.mul(255).round().div(255), 0, 1e-6));
}

TEST(Gif, MixesColoursItDoesNotHold) {
    const TemporaryFolder folder;
    const Tensor frame = picture(0, 256, 256).mul(0.9);  // some 65,000 colours
    write_film(folder / "f.gif", {frame});
    const Tensor back = read_gif(folder / "f.gif").frames[0];
    EXPECT_FALSE(back.equal(frame));
    // Over 8 x 8 pixels the dither's mean is the colour; without it the palette's steps (1/16 and more) would show by
    // half of them at least at their ends.
    const auto means = [](const Tensor& x) { return x.reshape({3, 32, 8, 32, 8}).mean({2, 4}); };
    EXPECT_LT((means(back) - means(frame)).abs().max().item<float>(), 0.031);
}

TEST(Gif, StillPartsStayStill) {
    const TemporaryFolder folder;
    Tensor first = picture(0, 64, 64);
    Tensor second = first.clone();
    second.narrow(1, 0, 8).narrow(2, 0, 8).fill_(1);
    write_film(folder / "f.gif", {first, first, second});
    const ReadFilm film = read_gif(folder / "f.gif");
    EXPECT_TRUE(film.frames[0].equal(film.frames[1]));
    // The palette moves with the picture, but the pattern does not wander: most pixels stay as good as they were.
    const Tensor change = (film.frames[2] - film.frames[0]).abs().narrow(1, 8, 56).amax(0);
    EXPECT_LT((change > 0.06).to(at::kFloat).mean().item<float>(), 0.05);
}

TEST(Gif, SpreadsTheHundredthsOverItsFrames) {
    const TemporaryFolder folder;
    write_film(folder / "f.gif", pictures(30, 8, 8), {.fps = 30});
    const ReadFilm film = read_gif(folder / "f.gif");
    EXPECT_NEAR(std::accumulate(film.seconds.begin(), film.seconds.end(), 0.0), 1, 1e-9);
    EXPECT_THAT(film.seconds, Each(DoubleNear(1 / 30.0, 0.01)));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { Animation(folder / "f.gif", {.fps = 60}); }), HasSubstr("50"));
}

TEST(Animation, LoopsOnlyWhenAsked) {
    const TemporaryFolder folder;
    for (const bool loop : {true, false}) {
        write_film(folder / "f.gif", pictures(2, 16, 16), {.loop = loop});
        EXPECT_EQ(read_gif(folder / "f.gif").loops, loop);
        write_film(folder / "f.webp", pictures(2, 16, 16), {.loop = loop});
        EXPECT_EQ(read_webp(folder / "f.webp").loops, loop);
    }
}

TEST(Animation, RepeatsTheLastRowAndColumnOfAnOddMp4) {
    const TemporaryFolder folder;
    Tensor frame = at::zeros({3, 31, 31});
    frame.narrow(1, 16, 15).fill_(1);  // white below, so the added row must be white, and the column as its neighbour
    write_film(folder / "f.mp4", {frame});
    const Tensor back = read_mp4(folder / "f.mp4").frames.at(0);
    EXPECT_GT(back.select(1, 31).min().item<float>(), 0.95);
    EXPECT_LT(back.select(2, 31).narrow(1, 0, 14).max().item<float>(), 0.05);
}

TEST(Animation, WritesAFolderOfNumberedPngs) {
    const TemporaryFolder folder;
    const Tensor frame = at::rand({4, 5, 7}).mul(255).round().div(255);
    for (const char* name : {"frames", "more.frames/"}) {
        {
            Animation film(folder / name);
            film.add(frame);
            film.add(1 - frame);
            EXPECT_FALSE(std::filesystem::exists(folder / name));
            film.finish();
        }
        const Picture second = read_picture(folder / name / "000001.png");
        EXPECT_TRUE(second.color.allclose(1 - frame.narrow(0, 0, 3), 0, 1e-6));
        EXPECT_TRUE(second.alpha.allclose(1 - frame.narrow(0, 3, 1), 0, 1e-6));
        EXPECT_TRUE(std::filesystem::exists(folder / name / "000000.png"));
        EXPECT_FALSE(std::filesystem::exists(folder / name / "000002.png"));
    }
    {
        Animation unfinished(folder / "gone");
        unfinished.add(frame);
    }
    const std::filesystem::directory_iterator entries(folder.path());
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 2);
}

TEST(Animation, AFolderTakesThePlaceOfAnEarlierFilmOnly) {
    const TemporaryFolder folder;
    write_film(folder / "frames", pictures(3, 8, 8));
    write_film(folder / "frames", pictures(2, 8, 8));
    EXPECT_FALSE(std::filesystem::exists(folder / "frames/000002.png"));

    write_file(folder / "frames/diary.txt", std::string_view("dear"));
    EXPECT_THAT(expect_error(ErrorKind::Output, [&] { Animation(folder / "frames"); }), HasSubstr("frames"));
    EXPECT_TRUE(std::filesystem::exists(folder / "frames/diary.txt"));
    EXPECT_TRUE(std::filesystem::exists(folder / "frames/000001.png"));
}

TEST(Animation, RefusesOtherNamesOptionsAndFrames) {
    const TemporaryFolder folder;
    for (const char* name : {"film.avi", "film.png", "film.mp4.txt"}) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { Animation(folder / name); }), HasSubstr(".mp4"));
    }
    expect_error(ErrorKind::Usage, [] { Animation("-"); });
    expect_error(ErrorKind::Usage, [] { Animation(""); });
    expect_error(ErrorKind::Usage, [&] { Animation(folder / "f.mp4", {.fps = 0}); });
    expect_error(ErrorKind::Usage, [&] { Animation(folder / "f.mp4", {.fps = 101}); });
    expect_error(ErrorKind::Usage, [&] { Animation(folder / "f.webp", {.quality = 0}); });
    expect_error(ErrorKind::Usage, [&] { Animation(folder / "f.gif").add(at::zeros({2, 8, 8})); });
    expect_error(ErrorKind::Usage, [&] { Animation(folder / "f.gif").add(at::zeros({1, 3, 8, 8})); });
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [&] {
                                 Animation(folder / "f.webp").add(at::zeros({1, 1, 20000}));
                             }),
                HasSubstr("f.webp"));
    EXPECT_TRUE(is_empty(folder));
}

TEST(IsAnimation, IsTrueOfFilmsAndFolders) {
    for (const char* name : {"a.mp4", "a.GIF", "frames", "frames.d/", "a/b"}) {
        EXPECT_TRUE(is_animation(name)) << name;
    }
    for (const char* name : {"a.png", "a.webp", "a.jpg", "-", ""}) {
        EXPECT_FALSE(is_animation(name)) << name;
    }
}

}  // namespace
}  // namespace reverie
