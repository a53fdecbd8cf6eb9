// Films as input of styletransfer.
#include <csignal>

#include "cli/film_fixture.h"
#include "cli/style_fixture.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

class StyleFilm : public StylePrograms {
  protected:
    std::vector<std::string> words(const std::string& output, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> all = {path("clip.mp4"), "--style", path("wave.png"), "-o", path(output)};
        all.insert(all.end(), more.begin(), more.end());
        return quick(all);
    }
};

TEST_F(StyleFilm, KilledItGivesTheSameBytes) {
    write_moving_film(path("clip.mp4"), 7, /*cut=*/4);
    const RunResult whole = run(words("whole.mp4", {"--carry", "0.5", "--json", "--each-frame"}));
    ASSERT_EQ(whole.exit_code, 0) << whole.error;
    EXPECT_EQ(moments_of(path("whole.mp4")), moments_of(path("clip.mp4")));
    const auto lines = json_lines(whole.output);
    ASSERT_EQ(lines.size(), 8U);
    EXPECT_GT(lines[2]["loss"], 0.0);
    EXPECT_EQ(lines[4]["cut"], true);
    {
        RunningProgram program(command(words("part.mp4", {"--carry", "0.5"})), run_);
        wait_for_frames(path("part.state"), 3);
        program.signal(SIGKILL);
        ASSERT_EQ(program.wait().signal, SIGKILL);
    }
    const RunResult result = run(words("part.mp4", {"--carry", "0.5", "--resume"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_TRUE(bytes("part.mp4") == bytes("whole.mp4"));
}

TEST_F(StyleFilm, EachFrameIsThePictureItWouldBeAlone) {
    write_moving_film(path("clip.mkv"), 3);
    std::filesystem::rename(path("clip.mkv"), path("clip.mp4"));  // content counts, and not the name
    ASSERT_EQ(run(words("frames/")).exit_code, 0);
    write_second_frame(path("clip.mp4"), path("second.png"));
    styled({path("second.png"), "--style", path("wave.png"), "-o", path("alone.png")});
    const Tensor difference = image("alone.png") - image("frames/000001.png");
    EXPECT_LT(difference.abs().max().item<float>(), 4.5F / 255);
    EXPECT_LT(difference.abs().mean().item<float>(), 0.7F / 255);
}

TEST_F(StyleFilm, OnlyColorTakesFilmsToo) {
    write_moving_film(path("clip.mp4"), 3);
    const RunResult result =
        run({path("clip.mp4"), "--style", path("wave.png"), "--only-color", "-o", path("out.webm")});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(moments_of(path("out.webm")).size(), 4U);
}

TEST_F(StyleFilm, WhatDoesNotFitIsOneSentence) {
    write_moving_film(path("clip.mp4"), 3);
    const auto refused = [&](const std::vector<std::string>& more, const std::string& part) {
        expect_fault(run(words("out.mp4", more)), 2, part);
    };
    refused({"--checkpoint", path("a.state")}, "--checkpoint follows");
    refused({"--trace", path("a.jsonl")}, "--trace follows");
    refused({"--each-style"}, "--each-style");
    refused({"--carry", "0.5", "--init", "style"}, "--carry and --init");
    expect_fault(quick_style({path("photo.png"), "--style", path("wave.png"), "-o", path("o.png"), "--carry", "0.5"}),
                 2, "--carry is of films");
    expect_fault(quick_style({path("photo.png"), "--style", path("wave.png"), "-o", path("o.png"), "--resume"}), 2,
                 "--checkpoint");
}

}  // namespace
}  // namespace reverie::test
