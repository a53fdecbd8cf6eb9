// Films as input of deepdream: painted, stopped, killed and gone on with.
#include <csignal>

#include "cli/dream_fixture.h"
#include "cli/film_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FilmInput : public DreamPrograms {
  protected:
    std::vector<std::string> words(const std::string& input, const std::string& output,
                                   std::vector<std::string> more = {}) const {
        std::vector<std::string> all = {input == "-" ? input : path(input), "-o",
                                        output == "-" ? output : path(output)};
        for (const char* word : {"--layers", "block3", "--steps", "1", "--octaves", "1", "--jitter", "4"}) {
            all.emplace_back(word);
        }
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    RunResult painted(const std::string& input, const std::string& output,
                      const std::vector<std::string>& more = {}) const {
        return run(words(input, output, more));
    }

    /// Starts a film and sends it a signal once that many frames are made.
    RunResult stopped(const std::vector<std::string>& all, const std::string& state, std::int64_t frames,
                      int signal) const {
        RunningProgram program(command(all), run_);
        wait_for_frames(path(state), frames);
        program.signal(signal);
        return program.wait();
    }

    std::string bytes_of_folder(const std::string& folder) const {
        std::string all;
        for (const std::string& name : names(folder)) {
            all += name + "\n" + bytes(folder + "/" + name);
        }
        return all;
    }
};

TEST_F(FilmInput, KeepsTimesSoundSubtitlesChaptersAndTags) {
    write_moving_film(path("bare.mkv"), 6, 0, {3, 7, 1, 12});
    add_extras(path("bare.mkv"), path("clip.mkv"),
               {.sound = "aac", .sound_from = 0.02, .subtitles = "subrip", .chapters = true, .title = "A walk"});
    const RunResult result = painted("clip.mkv", "out.mkv", {"--json", "--each-frame"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(moments_of(path("out.mkv")), moments_of(path("clip.mkv")));
    const TakenApart before = take_apart(path("clip.mkv"));
    const TakenApart after = take_apart(path("out.mkv"));
    EXPECT_FALSE(before.of("audio").empty());
    EXPECT_EQ(after.of("audio"), before.of("audio"));
    EXPECT_EQ(after.of("subtitle"), before.of("subtitle"));
    EXPECT_EQ(after.chapters.size(), before.chapters.size());
    EXPECT_EQ(after.title, "A walk");
    EXPECT_NE(after.of("video"), before.of("video"));
    const auto lines = json_lines(result.output);
    ASSERT_EQ(lines.size(), 7U);
    EXPECT_EQ(lines[3]["frame"], 3);
    EXPECT_NEAR(lines[3]["time"], moments_of(path("clip.mkv"))[3], 1e-9);
    EXPECT_EQ(lines[3]["cut"], false);
    EXPECT_GT(lines[3]["activation"], 0.0);
    EXPECT_EQ(lines[6]["frames"], 6);
    EXPECT_EQ(lines[6]["width"], kFilmSize.width);
    EXPECT_EQ(lines[6]["settings"]["network"], "efficientnet_lite0");
    EXPECT_THAT(names(""), Not(testing::Contains("out.state")));
}

TEST_F(FilmInput, KilledAtAnyFrameItGivesTheSameBytes) {
    write_moving_film(path("clip.mp4"), 12, /*cut=*/5);
    const std::vector<std::string> more = {"--carry", "0.6", "--steps", "3"};
    for (const std::string end : {".mp4", ".gif"}) {
        ASSERT_EQ(painted("clip.mp4", "whole" + end, more).exit_code, 0);
        std::vector<std::string> again = more;
        again.emplace_back("--resume");
        for (const int frames : {1, 4, 8}) {
            ASSERT_EQ(stopped(words("clip.mp4", "part" + end, again), "part.state", frames, SIGKILL).signal, SIGKILL);
        }
        EXPECT_FALSE(exists("part" + end));
        const RunResult result = painted("clip.mp4", "part" + end, again);
        ASSERT_EQ(result.exit_code, 0) << result.error;
        EXPECT_THAT(result.error, HasSubstr("goes on from frame"));
        EXPECT_TRUE(bytes("part" + end) == bytes("whole" + end)) << end;
        EXPECT_FALSE(exists("part.state"));
    }
}

TEST_F(FilmInput, StoppedItLeavesAPartThatPlaysAndGoesOn) {
    write_moving_film(path("clip.mp4"), 12);
    ASSERT_EQ(painted("clip.mp4", "whole.mp4", {"--steps", "3"}).exit_code, 0);
    const RunResult result = stopped(words("clip.mp4", "out.mp4", {"--steps", "3"}), "out.state", 3, SIGINT);
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_EQ(result.output, path("out.partial.mp4") + "\n");
    EXPECT_THAT(result.error, HasSubstr("of 12 frames; --resume goes on from there"));
    EXPECT_FALSE(exists("out.mp4"));
    EXPECT_GE(moments_of(path("out.partial.mp4")).size(), 3U);
    expect_fault(painted("clip.mp4", "out.mp4", {"--steps", "3", "--quiet"}), 2, "keeps an earlier film");
    expect_fault(painted("clip.mp4", "out.mp4", {"--steps", "2", "--resume", "--quiet"}), 2,
                 "with steps 3, but this run has steps 2");
    ASSERT_EQ(painted("clip.mp4", "out.mp4", {"--steps", "3", "--resume"}).exit_code, 0);
    EXPECT_TRUE(bytes("out.mp4") == bytes("whole.mp4"));
    const RunResult done = painted("clip.mp4", "out.mp4", {"--steps", "3", "--resume"});
    EXPECT_EQ(done.exit_code, 0);
    EXPECT_THAT(done.error, HasSubstr("left out"));
    std::filesystem::create_directory(path("out.state"));  // of a program killed once its film was finished
    write_file(path("out.state/made-with.json"), std::string_view("{}"));
    EXPECT_EQ(painted("clip.mp4", "out.mp4", {"--steps", "3", "--resume"}).exit_code, 0);
    EXPECT_FALSE(exists("out.state"));
    expect_fault(painted("clip.mp4", "out.mp4"), 6, "exists; pass --overwrite");
}

TEST_F(FilmInput, ACutBeginsAfresh) {
    write_moving_film(path("clip.mp4"), 8, /*cut=*/4);
    const RunResult result = painted("clip.mp4", "all/", {"--carry", "0.7", "--json", "--each-frame"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    ASSERT_EQ(painted("clip.mp4", "later/", {"--carry", "0.7", "--frames", "4-"}).exit_code, 0);
    ASSERT_EQ(painted("clip.mp4", "none/", {}).exit_code, 0);
    EXPECT_EQ(bytes("all/000004.png"), bytes("later/000000.png"));
    EXPECT_EQ(bytes("all/000007.png"), bytes("later/000003.png"));
    EXPECT_EQ(bytes("all/000000.png"), bytes("none/000000.png"));
    EXPECT_NE(bytes("all/000001.png"), bytes("none/000001.png")) << "which carries";
    EXPECT_EQ(bytes("all/000004.png"), bytes("none/000004.png"));
    const auto lines = json_lines(result.output);
    for (std::size_t i = 0; i < 8; ++i) {
        EXPECT_EQ(lines.at(i)["cut"], i == 4) << i;
    }
    EXPECT_EQ(lines.at(8)["cuts"], 1);
}

TEST_F(FilmInput, SomeFramesOnly) {
    write_moving_film(path("clip.mkv"), 9, 0, {4, 8});
    ASSERT_EQ(painted("clip.mkv", "all/").exit_code, 0);
    const RunResult result = painted("clip.mkv", "some.mkv", {"--frames", "2-6", "--every", "2"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const std::vector<double> moments = moments_of(path("some.mkv"));  // of frames 2, 4 and 6, which lasts alone
    ASSERT_EQ(moments.size(), 4U);
    EXPECT_NEAR(moments[1] - moments[0], 0.12, 1e-9);
    EXPECT_NEAR(moments[2] - moments[0], 0.24, 1e-9);
    EXPECT_NEAR(moments[3] - moments[0], 0.28, 1e-9);
    ASSERT_EQ(painted("clip.mkv", "some/", {"--frames", "2-6", "--every", "2"}).exit_code, 0);
    EXPECT_THAT(names("some"), ElementsAre("000000.png", "000001.png", "000002.png"));
    EXPECT_EQ(bytes("some/000001.png"), bytes("all/000004.png"));
    write_moving_film(path("clip.mp4"), 3);
    expect_fault(painted("clip.mp4", "out.mkv", {"--frames", "3-"}), 2, "behind the end");  // MP4 knows how many
    expect_fault(painted("clip.mkv", "out.mkv", {"--frames", "9-"}), 3, "no frame of --frames 9-");
    EXPECT_FALSE(exists("out.state"));
    expect_fault(painted("clip.mkv", "out.mkv", {"--frames", "5-2"}), 2, "--frames '5-2'");
    expect_fault(painted("clip.mkv", "out.mkv", {"--every", "0"}), 2, "--every 0");
}

TEST_F(FilmInput, GifWebPAndNumberedPictures) {
    write_moving_film(path("clip.gif"), 4, 0, {5, 20});
    for (const char* name : {"out.gif", "out.webp", "out.mp4"}) {
        const RunResult result = painted("clip.gif", name);
        ASSERT_EQ(result.exit_code, 0) << result.error;
        const std::vector<double> moments = moments_of(path(name));
        ASSERT_EQ(moments.size(), 5U) << name;
        EXPECT_NEAR(moments[3], 0.3, 1e-6) << name;
        EXPECT_NEAR(moments[4], 0.5, 1e-6) << name;
    }
    // A picture's name takes the first frame of it, as ever.
    ASSERT_EQ(painted("clip.gif", "first.png").exit_code, 0);
    ASSERT_EQ(painted("clip.gif", "frames/%06d.png").exit_code, 0);
    EXPECT_EQ(names("frames").size(), 4U);
    EXPECT_EQ(load_image(path("frames/000000.png")).sub(load_image(path("first.png"))).abs().max().item<float>(), 0.0F);
    const RunResult result = painted("frames/%06d.png", "again.mkv", {"--fps", "30000/1001"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_NEAR(moments_of(path("again.mkv"))[3], 3 * 1001.0 / 30000, 1e-3);
    // A folder is a batch of pictures, as ever.
    ASSERT_EQ(painted("frames", "batch").exit_code, 0);
    EXPECT_EQ(names("batch").size(), 4U);
}

TEST_F(FilmInput, AlphaStaysWhereItHasAPlace) {
    {
        FilmWriter film(path("clip.webp"), {.time_base = {1, 100}});
        for (std::int64_t i = 0; i < 3; ++i) {
            const Tensor alpha = at::ones({1, kFilmSize.height, kFilmSize.width});
            alpha.narrow(2, 0, 20 + i).zero_();
            film.add(at::cat({moving_frame(i), alpha}), {i * 4, 4});
        }
        film.finish();
    }
    ASSERT_EQ(painted("clip.webp", "out/%06d.png").exit_code, 0);
    const Picture frame = read_picture(path("out/000002.png"));
    ASSERT_TRUE(frame.alpha.defined());
    EXPECT_EQ(frame.alpha.narrow(2, 0, 22).max().item<float>(), 0.0F);
    EXPECT_EQ(frame.alpha.narrow(2, 22, 44).min().item<float>(), 1.0F);
    const RunResult result = painted("clip.webp", "out.mp4");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.error, HasSubstr("white"));
}

TEST_F(FilmInput, Y4mComesInAndGoesOut) {
    write_moving_film(path("clip.y4m"), 3);
    run_.input = bytes("clip.y4m");
    const RunResult in = painted("-", "out.mkv");
    ASSERT_EQ(in.exit_code, 0) << in.error;
    EXPECT_EQ(moments_of(path("out.mkv")).size(), 4U);
    write_moving_film(path("clip.mp4"), 3);
    run_.input = bytes("clip.mp4");
    expect_fault(painted("-", "none.mkv"), 3, "from standard input films come as Y4M");
    run_.input = "";
    const RunResult out = painted("clip.y4m", "-");
    ASSERT_EQ(out.exit_code, 0) << out.error;
    EXPECT_EQ(out.output.substr(0, 9), "YUV4MPEG2");
    write_file(path("again.y4m"), std::string_view(out.output));
    EXPECT_EQ(moments_of(path("again.y4m")).size(), 4U);
}

TEST_F(FilmInput, OfADamagedFilmThePartBeforeIsLeft) {
    write_moving_film(path("whole.mkv"), 9);
    const std::string whole = bytes("whole.mkv");
    write_file(path("clip.mkv"), std::string_view(whole).substr(0, whole.size() * 6 / 10));
    const RunResult result = painted("clip.mkv", "out.mkv", {"--json"});
    EXPECT_EQ(result.exit_code, 3) << result.error;
    EXPECT_FALSE(exists("out.mkv"));
    const auto lines = json_lines(result.output);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["output"], path("out.partial.mkv"));
    EXPECT_EQ(lines[0]["partial"], true);
    EXPECT_EQ(lines[1]["exit_code"], 3);
    EXPECT_EQ(moments_of(path("out.partial.mkv")).size(), lines[0]["frames"].get<std::size_t>() + 1);

    write_mjpeg(path("sizes.avi"), {moving_frame(0), moving_frame(1), formula_image(40, 52, "small").squeeze(0)});
    const RunResult sizes = painted("sizes.avi", "sizes.mkv");
    EXPECT_EQ(sizes.exit_code, 3) << sizes.error;
    EXPECT_THAT(sizes.error, HasSubstr("40"));
    EXPECT_EQ(moments_of(path("sizes.partial.mkv")).size(), 3U);
}

TEST_F(FilmInput, OnAFullDiskItSaysSoAndGoesOnLater) {
    write_moving_film(path("clip.mp4"), 6);
    RunOptions full = run_;
    full.file_size_limit = 9000;  // a frame takes more
    const RunResult result = run_program(command(words("clip.mp4", "out.mp4")), full);
    EXPECT_EQ(result.exit_code, 6) << result.error;
    EXPECT_FALSE(exists("out.mp4"));
    EXPECT_EQ(painted("clip.mp4", "out.mp4", {"--resume"}).exit_code, 0);
    ASSERT_EQ(painted("clip.mp4", "whole.mp4").exit_code, 0);
    EXPECT_TRUE(bytes("out.mp4") == bytes("whole.mp4"));
}

TEST_F(FilmInput, APageTellsOfIt) {
    write_moving_film(path("clip.mp4"), 5, /*cut=*/3);
    ASSERT_EQ(painted("clip.mp4", "out.webm", {"--report", "--preview-every", "2"}).exit_code, 0);
    const std::string page = bytes("out.html");
    EXPECT_THAT(page, HasSubstr("5 frames in 2 scenes"));
    EXPECT_THAT(page, HasSubstr("frame 3, 0.12 s, a new scene"));
    EXPECT_THAT(page, HasSubstr("data:image/png"));
    EXPECT_EQ(read_picture_size(path("out.preview.png")), kFilmSize);
    std::filesystem::remove(path("out.webm"));
    expect_fault(painted("clip.mp4", "out.webm", {"--report"}), 6, "out.html' exists");
}

TEST_F(FilmInput, NumberedPicturesThatChangedAreAnotherFilm) {
    const auto put = [&](std::int64_t number) {
        save_image(path("shot/" + std::to_string(number) + ".png"), moving_frame(number));
    };
    std::filesystem::create_directory(path("shot"));
    for (std::int64_t i = 0; i < 6; ++i) {
        put(i);
    }
    ASSERT_EQ(stopped(words("shot/%d.png", "out.mp4"), "out.state", 2, SIGKILL).signal, SIGKILL);
    save_image(path("shot/5.png"), moving_frame(17));
    expect_fault(painted("shot/%d.png", "out.mp4", {"--resume"}), 2, "other bytes of the film");
    put(5);
    put(6);
    expect_fault(painted("shot/%d.png", "out.mp4", {"--resume"}), 2, "other bytes of the film");
    std::filesystem::remove(path("shot/6.png"));
    const RunResult result = painted("shot/%d.png", "out.mp4", {"--resume"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
}

TEST_F(FilmInput, ADryRunSaysWhatItTakesAndLeavesNothing) {
    write_moving_film(path("clip.mp4"), 5);
    const std::vector<std::string> before = names("");
    const RunResult result = painted("clip.mp4", "out.mp4", {"--dry-run", "--frames", "1-"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("66x50"));
    EXPECT_THAT(result.output, HasSubstr("frames: 4"));
    EXPECT_THAT(result.output, HasSubstr("\n  all of them: about "));
    const auto line = json_lines(painted("clip.mp4", "out.mp4", {"--dry-run", "--json"}).output).at(0);
    EXPECT_THAT(line["time"], testing::StartsWith("about "));
    EXPECT_TRUE(line["each"].contains("time"));
    EXPECT_EQ(names(""), before);
}

TEST_F(FilmInput, WhatDoesNotFitIsOneSentence) {
    write_moving_film(path("clip.mp4"), 3);
    const auto refused = [&](const std::string& output, const std::vector<std::string>& more, int code,
                             const std::string& part) { expect_fault(painted("clip.mp4", output, more), code, part); };
    refused("out.png", {}, 2, "names none");
    refused("out.mp4", {"--codec", "nocodec"}, 2, "no codec is called 'nocodec'");
    refused("out.webm", {"--codec", "h264"}, 2, "cannot hold h264");
    refused("out.gif", {"--crf", "20"}, 2, "--crf");
    refused("out.mp4", {"--crf", "99"}, 2, "--crf 99");
    refused("out.mp4", {"--carry", "2"}, 2, "--carry 2");
    refused("out.mp4", {"--carry", "0.5", "--init", "noise"}, 2, "--carry and --init");
    refused("out.mp4", {"--film", "2"}, 2, "--film");
    refused("out.mp4", {"--zoom", "2"}, 2, "--zoom");
    refused("out.mp4", {"--grid", "layers"}, 2, "--grid");
    refused("out.mp4", {"--jobs", "2"}, 2, "--jobs");
    refused("out.y4m", {"--resume"}, 2, "stream");
    refused("out.mp4", {"--each-frame"}, 2, "--each-frame adds");
    write_file(path("there.y4m"), std::string_view("something"));
    refused("there.y4m", {}, 6, "exists");
    expect_fault(painted("photo.jpg", "out.png", {"--every", "2"}), 2, "--every is of films");
    expect_fault(painted("photo.jpg", "out.png", {"--report"}), 2, "--report is of films");
    expect_fault(painted("none/%04d.png", "out.mp4"), 3, "matches no picture");
    expect_fault(painted("none.mp4", "out.mp4"), 3, "none.mp4' does not exist");
    std::filesystem::create_directory(path("shot"));
    expect_fault(painted("shot", "out.mp4"), 2, "shot/%06d.png");
    write_file(path("empty.mp4"), std::string_view(""));
    expect_fault(painted("empty.mp4", "out.mp4"), 3, "is empty");
    std::filesystem::create_directory(path("out.state"));
    write_file(path("out.state/diary.txt"), std::string_view("dear"));
    refused("out.mp4", {}, 6, "does not hold the state of a film");
    EXPECT_EQ(bytes("out.state/diary.txt"), "dear");
    // Among several inputs a film is none.
    const RunResult two = run({path("photo.jpg"), path("clip.mp4"), "-o", path("both"), "--layers", "block3", "--steps",
                               "1", "--octaves", "1"});
    EXPECT_EQ(two.exit_code, 3);
    EXPECT_THAT(two.error, HasSubstr("only input"));
    EXPECT_TRUE(exists("both/photo.jpg"));
}

}  // namespace
}  // namespace reverie::test
