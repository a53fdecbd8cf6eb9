// Which frames of a film are painted.
#include "cli/pictures/film_frames.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/pictures/film_request.h"
#include "reverie/output/film_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using namespace test;
using testing::ElementsAre;

constexpr std::int64_t kFrames = 11;
constexpr std::int64_t kCut = 5;

/// A WebP of even frames whose brightness says their number; frame `kCut` begins another scene.
std::filesystem::path write_film(const TemporaryFolder& folder) {
    FilmWriter film(folder / "a.webp", {.time_base = {1, 1000}, .quality = 100});
    for (std::int64_t i = 0; i < kFrames; ++i) {
        Tensor frame = at::full({3, 19, 23}, 0.1 + 0.02 * static_cast<double>(i));
        frame.narrow(2, i < kCut ? 0 : 9, 12).add_(i < kCut ? 0.2 : 0.6).clamp_(0.0, 1.0);
        film.add(frame, {i * 40, 40}, i == kCut);
    }
    return film.finish();
}

struct Seen {
    std::vector<std::int64_t> numbers, durations;
    std::vector<std::int64_t> cuts;  ///< places among those seen
};

Seen all_of(FilmFrames& frames) {
    Seen seen;
    while (const auto frame = frames.next()) {
        if (frame->cut) {
            seen.cuts.push_back(static_cast<std::int64_t>(seen.numbers.size()));
        }
        seen.numbers.push_back(frame->number);
        seen.durations.push_back(frame->time.duration);
        EXPECT_EQ(frame->time.pts, frame->number * 40);
    }
    return seen;
}

TEST(FilmFrames, AreThoseAskedForEachShownUntilTheNext) {
    const TemporaryFolder folder;
    const auto path = write_film(folder);
    FilmFrames all(path, {}, {}, 1);
    EXPECT_EQ(all.count(), kFrames);
    const Seen each = all_of(all);
    EXPECT_EQ(each.numbers.size(), std::size_t{kFrames});
    EXPECT_THAT(each.cuts, ElementsAre(kCut));

    FilmFrames some(path, {}, {2, 8}, 3);
    EXPECT_EQ(some.count(), 3);
    const Seen third = all_of(some);
    EXPECT_THAT(third.numbers, ElementsAre(2, 5, 8));
    EXPECT_THAT(third.durations, ElementsAre(120, 120, 40));
    EXPECT_THAT(third.cuts, ElementsAre(1));

    FilmFrames passed(path, {}, {3, {}}, 4);  // the cut lies among those that are passed over
    EXPECT_EQ(passed.count(), 2);
    const Seen fourth = all_of(passed);
    EXPECT_THAT(fourth.numbers, ElementsAre(3, 7));
    EXPECT_THAT(fourth.durations, ElementsAre(160, 160));
    EXPECT_THAT(fourth.cuts, ElementsAre(1));

    FilmFrames behind(path, {}, {kFrames, {}}, 1);
    EXPECT_EQ(behind.count(), 0);
    EXPECT_FALSE(behind.next());
}

TEST(FilmFrames, GoOnAsIfNeverStopped) {
    const TemporaryFolder folder;
    const auto path = write_film(folder);
    for (const std::int64_t every : {1, 2, 3}) {
        FilmFrames whole(path, {}, {1, 9}, every);
        std::vector<ChosenFrame> frames;
        while (const auto frame = whole.next()) {
            frames.push_back(*frame);
        }
        for (std::size_t done = 1; done <= frames.size(); ++done) {
            FilmFrames rest(path, {}, {1, 9}, every);
            rest.resume(static_cast<std::int64_t>(done), frames[done - 1].time.pts);
            for (std::size_t i = done; i < frames.size(); ++i) {
                const auto frame = rest.next();
                ASSERT_TRUE(frame);
                EXPECT_EQ(frame->number, frames[i].number);
                EXPECT_EQ(frame->time, frames[i].time);
                EXPECT_EQ(frame->cut, frames[i].cut) << every << " " << done << " " << i;
                EXPECT_TRUE(frame->image.equal(frames[i].image));
            }
            EXPECT_FALSE(rest.next());
        }
    }
}

TEST(FilmFrames, SpansAreTypedAsRanges) {
    const auto read = [](const std::string& text) {
        FrameSpan span;
        return parse_value(text, span) ? value_text(span) : "none";
    };
    EXPECT_EQ(read("24-47"), "24-47");
    EXPECT_EQ(read("24-"), "24-");
    EXPECT_EQ(read("-47"), "0-47");
    EXPECT_EQ(read("24"), "24-24");
    EXPECT_EQ(read("0-"), "0-");
    EXPECT_EQ(value_text(FrameSpan()), "0-");
    for (const char* bad : {"", "-", "5-2", "a", "1-b", "1-2-3", "1.5", "--3"}) {
        EXPECT_EQ(read(bad), "none") << bad;
    }
}

TEST(FilmRequest, ContentAndTheOutputsNameSayWhatIsAFilm) {
    const TemporaryFolder folder;
    const std::string webp = write_film(folder);
    const std::string still = folder / "still.png";
    save_image(still, at::full({3, 4, 5}, 0.5));
    const std::string pattern = folder / "shot_%04d.png";
    EXPECT_TRUE(takes_film({webp}, "out.mp4"));
    EXPECT_TRUE(takes_film({webp}, "out.webp"));
    EXPECT_TRUE(takes_film({webp}, "frames/%06d.png"));
    EXPECT_FALSE(takes_film({webp}, "out.png"));
    EXPECT_FALSE(takes_film({webp}, "out/")) << "a folder is a batch of pictures";
    EXPECT_FALSE(takes_film({webp, webp}, "out.mp4"));
    EXPECT_FALSE(takes_film({still}, "out.webp"));
    EXPECT_FALSE(takes_film({still}, "out.mp4"));
    EXPECT_TRUE(takes_film({pattern}, "out/"));
    EXPECT_TRUE(takes_film({pattern}, "out.gif"));
    EXPECT_TRUE(takes_film({"-"}, "out.mkv"));
    EXPECT_FALSE(takes_film({"-"}, "out.webp"));
    EXPECT_FALSE(takes_film({"-"}, "-"));
    EXPECT_FALSE(takes_film({folder.path().string()}, "out"));
    test::expect_error(ErrorKind::Usage, [&] { takes_film({folder.path().string()}, "out.mp4"); });
    EXPECT_TRUE(takes_film({folder / "missing.mp4"}, "out.mp4")) << "the reader says so";
    EXPECT_FALSE(takes_film({folder / "missing.jpg"}, "out.mp4"));
    EXPECT_FALSE(takes_film({folder / "*.gif"}, "out.gif"));
    EXPECT_FALSE(takes_film({}, "out.mp4"));
}

}  // namespace
}  // namespace reverie
