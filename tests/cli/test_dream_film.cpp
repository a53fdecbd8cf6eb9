// deepdream --film: films whole, stopped, killed and gone on with.
#include <csignal>
#include <thread>

#include "cli/dream_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class DreamFilms : public DreamPrograms {
  protected:
    /// A film of the photo with the smallest dreams there are, of 97x73 pixels.
    std::vector<std::string> words(const std::string& output, std::vector<std::string> more = {}) const {
        std::vector<std::string> all = {path("photo.jpg"),
                                        "-o",
                                        path(output),
                                        "--size",
                                        "97x73",
                                        "--steps",
                                        "1",
                                        "--octaves",
                                        "1",
                                        "--jitter",
                                        "4",
                                        "--film-steps",
                                        "1",
                                        "--film-octaves",
                                        "1",
                                        "--dreams-per-second",
                                        "4"};
        if (std::ranges::find(more, "--layers-path") == more.end()) {
            all.insert(all.end(), {"--layers", "block3"});
        }
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    RunResult film(const std::string& output, const std::vector<std::string>& more) const {
        return run(words(output, more));
    }

    /// Starts a film and sends it a signal once that many dreams are made.
    RunResult stopped(const std::vector<std::string>& all, const std::string& dreams, int dream, int signal) const {
        RunningProgram program(command(all), run_);
        constexpr int kPatience = 30'000;  // 60 s
        const std::string last = dreams + "/00000" + std::to_string(dream) + ".png";
        for (int i = 0; i < kPatience && !exists(last); ++i) {
            usleep(2000);
        }
        program.signal(signal);
        return program.wait();
    }

    void expect_same_frames(const std::string& first, const std::string& second) const {
        ASSERT_EQ(names(first), names(second));
        for (const std::string& name : names(first)) {
            EXPECT_EQ(bytes(first + "/" + name), bytes(second + "/" + name)) << name;
        }
    }
};

TEST_F(DreamFilms, AFolderHoldsEachFrame) {
    const RunResult result = film("frames", {"--film", "1", "--fps", "6", "--zoom", "1.4", "--rotate", "10", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(names("frames"),
                ElementsAre("000000.png", "000001.png", "000002.png", "000003.png", "000004.png", "000005.png"));
    EXPECT_EQ(read_picture_size(path("frames/000005.png")), (Size{73, 97}));
    EXPECT_FALSE(exists("frames.dreams")) << "nothing of the work is left";
    const auto line = json_lines(result.output).at(0);
    EXPECT_EQ(line["output"], path("frames"));
    EXPECT_EQ(line["frames"], 6);
    EXPECT_EQ(line["dreams"], 5);
    EXPECT_EQ(line["width"], 97);
    EXPECT_EQ(line["settings"]["zoom"], 1.4);
    EXPECT_EQ(line["settings"]["network"], "efficientnet_lite0");
}

TEST_F(DreamFilms, FilmsOfEachKindAreMade) {
    for (const char* name : {"out.gif", "out.webp", "out.mp4"}) {
        const RunResult result = film(name, {"--film", "0.5", "--fps", "30000/1001"});
        ASSERT_EQ(result.exit_code, 0) << result.error;
        EXPECT_EQ(result.output, path(name) + "\n");
        EXPECT_GT(bytes(name).size(), 1000U);
    }
    EXPECT_THAT(film("out.gif", {"--film", "0.5"}).error, HasSubstr("exists"));
}

TEST_F(DreamFilms, NoInputIsNeededFromNoise) {
    const RunResult result = run({"-o", path("noise.gif"), "--init", "noise", "--size", "65x64", "--layers", "block3",
                                  "--steps", "1", "--octaves", "1", "--film", "0.5", "--film-octaves", "1"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(read_picture_size(path("noise.gif")), (Size{64, 65}));
}

TEST_F(DreamFilms, KilledAtAnyMomentItGivesTheSameFrames) {
    const std::vector<std::string> more = {"--film",        "2",        "--fps",       "10", "--zoom", "1.2",
                                           "--layers-path", "block2@0", "block5=0.5@1"};
    ASSERT_EQ(film("whole", more).exit_code, 0);
    for (const int dream : {0, 3}) {
        ASSERT_EQ(stopped(words("part", more), "part.dreams", dream, SIGKILL).signal, SIGKILL);
        EXPECT_FALSE(exists("part"));
        std::vector<std::string> again = more;
        again.emplace_back("--resume");
        const RunResult result = film("part", again);
        ASSERT_EQ(result.exit_code, 0) << result.error;
        EXPECT_THAT(result.error, HasSubstr("goes on from"));
        expect_same_frames("whole", "part");
        EXPECT_FALSE(exists("part.dreams"));
        std::filesystem::remove_all(path("part"));
    }
}

TEST_F(DreamFilms, StoppedItLeavesAPartAndItsDreams) {
    const std::vector<std::string> all = words("out.gif", {"--film", "600", "--fps", "10"});
    const RunResult result = stopped(all, "out.dreams", 3, SIGINT);
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_EQ(result.output, path("out.partial.gif") + "\n");
    EXPECT_THAT(result.error, HasSubstr("--resume"));
    EXPECT_FALSE(exists("out.gif"));
    EXPECT_EQ(read_picture_size(path("out.partial.gif")), (Size{73, 97}));
    EXPECT_TRUE(exists("out.dreams/000003.png"));
    // Shorter, of other frames and of another kind: made of the same dreams.
    const RunResult shorter = film("out.webp", {"--film", "0.75", "--fps", "8", "--resume"});
    EXPECT_EQ(shorter.exit_code, 0) << shorter.error;
    EXPECT_THAT(shorter.error, HasSubstr("goes on from 4 of 4 dreams"));
    EXPECT_FALSE(exists("out.dreams"));
}

TEST_F(DreamFilms, StoppedBeforeTheFirstDreamItLeavesNothing) {
    std::filesystem::create_directory(path("out"));
    std::vector<std::string> all = words("out/a.gif", {"--film", "9", "--progress", "json"});
    *(std::find(all.begin(), all.end(), "--steps") + 1) = "100000";
    RunningProgram program(command(all), run_);
    ASSERT_TRUE(program.wait_for_error("\"fraction\""));
    program.signal(SIGINT);
    const RunResult result = program.wait();
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(names("out"), testing::IsEmpty());
}

TEST_F(DreamFilms, KeptDreamsMakeAnotherFilmOfTheSameMoments) {
    ASSERT_EQ(film("slow", {"--film", "1", "--fps", "6", "--keep-dreams"}).exit_code, 0);
    ASSERT_TRUE(exists("slow.dreams/000004.png"));
    const std::string dream = bytes("slow.dreams/000002.png");
    expect_fault(film("slow", {"--film", "1", "--fps", "12", "--overwrite", "--resume", "--zoom", "1.1"}), 2,
                 "with zoom 1.3, but this run has zoom 1.1");
    const RunResult result = film("slow", {"--film", "1", "--fps", "12", "--overwrite", "--resume", "--loop"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(bytes("slow.dreams/000002.png"), dream);
    std::filesystem::rename(path("slow"), path("looped"));
    ASSERT_EQ(film("slow", {"--film", "1", "--fps", "12", "--resume"}).exit_code, 0);
    ASSERT_EQ(film("fresh", {"--film", "1", "--fps", "6"}).exit_code, 0);
    for (int frame = 0; frame < 6; ++frame) {
        const auto name = [](int number) {
            return "/0000" + std::string(number < 10 ? "0" : "") + std::to_string(number) + ".png";
        };
        EXPECT_EQ(bytes("fresh" + name(frame)), bytes("slow" + name(2 * frame))) << frame;
    }
    EXPECT_NE(bytes("looped/000000.png"), bytes("slow/000000.png"));
    EXPECT_TRUE(exists("slow.dreams/film.json")) << "once kept, they stay";
}

TEST_F(DreamFilms, OtherDreamsAreNotGoneOnWith) {
    ASSERT_EQ(film("a", {"--film", "0.5", "--fps", "6", "--keep-dreams"}).exit_code, 0);
    std::filesystem::remove_all(path("a"));
    const auto refused = [&](std::vector<std::string> more, const std::string& part) {
        more.insert(more.end(), {"--film", "0.5", "--fps", "6", "--resume", "--quiet"});
        expect_fault(film("a", more), 2, part);
    };
    refused({"--seed", "4"}, "with seed 0, but this run has seed 4");
    refused({"--layers", "block2"}, "layers");
    refused({"--dreams-per-second", "5"}, "dreams-per-second");
    refused({"--ease", "0.2"}, "ease");
    save_image(path("photo.jpg"), formula_image(72, 96, "other").squeeze(0));
    refused({}, "other pixels of the input");
    expect_fault(film("a", {"--film", "0.5", "--quiet"}), 2, "go on from them by --resume");
    EXPECT_EQ(film("a", {"--film", "0.5", "--fps", "6", "--overwrite"}).exit_code, 0) << "which starts anew";
}

TEST_F(DreamFilms, WhatDoesNotFitIsOneSentence) {
    const auto refused = [&](const std::string& output, const std::vector<std::string>& more, int code,
                             const std::string& part) { expect_fault(film(output, more), code, part); };
    const std::vector<std::string> one = {"--film", "1"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.end(), one.begin(), one.end());
        return more;
    };
    refused("out.gif", {"--zoom", "1.2"}, 2, "--zoom is of films");
    expect_fault(run({path("photo.jpg"), "-o", path("out.gif"), "--resume"}), 2, "--resume is of films");
    refused("out.gif", {"--film", "x"}, 2, "--film 'x' is not a number");
    refused("out.gif", {"--film", "-1"}, 2, "--film");
    refused("out.gif", with({"--fps", "1/0"}), 2, "--fps '1/0'");
    refused("out.gif", with({"--pan", "3"}), 2, "--pan '3'");
    refused("out.gif", with({"--fps", "60"}), 2, "50 frames a second");
    refused("out.jpg", one, 2, "names no film");
    expect_fault(run({path("photo.jpg"), "-o", "-", "--film", "1"}), 2, "a film needs a name");
    refused("out.gif", with({"--grid", "layers"}), 2, "--grid");
    refused("out.gif", with({"--protect", path("photo.jpg")}), 2, "--protect");
    refused("out.gif", with({"--strength", "0.5"}), 2, "--strength");
    refused("out.gif", with({"--preview-every", "2"}), 2, "--preview-every");
    refused("out.gif", with({"--skip-existing"}), 2, "--skip-existing");
    refused("out.gif", with({"--layers-path", "nolayer@0"}), 2, "nolayer");
    refused("out.gif", with({"--layers-path", "block3"}), 2, "names no moment");
    refused("out.gif", with({"--layers", "block3", "--layers-path", "block3@0"}), 2, "--layers and --layers-path");
    refused("out.gif", with({"--size", "8"}), 3, "too small");
    std::filesystem::copy(path("photo.jpg"), path("second.jpg"));
    std::vector<std::string> two = words("out.gif", one);
    two.insert(two.begin(), path("second.jpg"));
    expect_fault(run(two), 2, "one film of one input");
    std::vector<std::string> folder = words("out.gif", one);
    std::filesystem::create_directory(path("in"));
    folder[0] = path("in");
    expect_fault(run(folder), 2, "is a folder");
    folder[0] = path("none.jpg");
    expect_fault(run(folder), 3, "none.jpg");
    std::filesystem::create_directory(path("out.dreams"));
    write_file(path("out.dreams/diary.txt"), std::string_view("dear"));
    refused("out.gif", one, 6, "does not hold the dreams of a film");
    EXPECT_EQ(bytes("out.dreams/diary.txt"), "dear");
    EXPECT_FALSE(exists("out.gif"));
}

TEST_F(DreamFilms, ADryRunSaysWhatItTakesAndLeavesNothing) {
    const RunResult result = film("sub/out.mp4", {"--film", "20", "--fps", "30", "--loop", "--dry-run"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("frames: 600 at 30 a second"));
    EXPECT_THAT(result.output, HasSubstr("dreams: 85 of "));
    EXPECT_THAT(result.output, HasSubstr("disk: up to "));
    EXPECT_THAT(result.output, HasSubstr("time: about "));
    EXPECT_FALSE(exists("sub/out.mp4"));
    EXPECT_FALSE(exists("sub/out.dreams"));
    EXPECT_THAT(film("out.mp4", {"--film", "20", "--dry-run", "--json"}).output, HasSubstr("\"frames\":\"500"));
}

TEST_F(DreamFilms, OneProgramAtATimeMakesAFilm) {
    RunningProgram program(command(words("out.gif", {"--film", "600", "--fps", "5"})), run_);
    for (int i = 0; i < 30'000 && !exists("out.dreams/000001.png"); ++i) {
        usleep(2000);
    }
    expect_fault(film("out.gif", {"--film", "600", "--resume", "--quiet"}), 2, "another program");
    program.signal(SIGKILL);
    program.wait();
}

}  // namespace
}  // namespace reverie::test
