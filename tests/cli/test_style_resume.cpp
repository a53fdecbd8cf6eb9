// Killed and gone on with: the same picture to the bit.
#include "cli/style_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class StyleResume : public StylePrograms {
  protected:
    /// A work of 40 steps that keeps its state after every second.
    std::vector<std::string> words(const std::string& output, std::vector<std::string> more = {}) const {
        std::vector<std::string> all = {path("photo.png"),
                                        "--style",
                                        path("wave.png"),
                                        "-o",
                                        path(output),
                                        "--size",
                                        "own",
                                        "--min-size",
                                        "32",
                                        "--steps",
                                        "20",
                                        "--patience",
                                        "0",
                                        "--style-layers",
                                        "relu1_1",
                                        "relu2_1",
                                        "relu3_1",
                                        "--content-layers",
                                        "relu3_2",
                                        "--checkpoint-every",
                                        "2",
                                        "--progress",
                                        "json"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    /// Starts the work and stops it as soon as it keeps a state.
    RunResult stopped(const std::vector<std::string>& all, int signal) const {
        RunningProgram program(command(all), run_);
        program.wait_for_error("\"fraction\"");
        constexpr int kPatience = 30'000;  // 60 s
        for (int i = 0; i < kPatience && !exists("work.state"); ++i) {
            usleep(2000);
        }
        program.signal(signal);
        return program.wait();
    }
};

TEST_F(StyleResume, KilledAtAnyMomentGivesTheSamePictureAndTrace) {
    ASSERT_EQ(run(words("whole.png", {"--trace", path("whole.jsonl")})).exit_code, 0);
    std::filesystem::create_directory(path("out"));
    const std::vector<std::string> all =
        words("out/whole.png", {"--checkpoint", path("work.state"), "--resume", "--trace", path("trace.jsonl")});
    ASSERT_EQ(stopped(all, SIGKILL).signal, SIGKILL);
    ASSERT_TRUE(exists("work.state"));
    EXPECT_FALSE(exists("out/whole.png"));
    const RunResult result = run(all);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("goes on from"));
    EXPECT_EQ(bytes("out/whole.png"), bytes("whole.png"));
    EXPECT_FALSE(exists("work.state")) << "the work is done";
    auto whole = json_lines(bytes("whole.jsonl"));
    for (nlohmann::json& line : whole) {
        line["output"] = path("out/whole.png");
    }
    EXPECT_EQ(json_lines(bytes("trace.jsonl")), whole);
}

TEST_F(StyleResume, InterruptedOnesLeaveAPictureAndAState) {
    std::filesystem::create_directory(path("out"));
    const std::vector<std::string> all = words("out/a.png", {"--checkpoint", path("work.state"), "--resume"});
    const RunResult result = stopped(all, SIGINT);
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_THAT(names("out"), ElementsAre("a.partial.png"));
    ASSERT_TRUE(exists("work.state"));
    ASSERT_EQ(run(all).exit_code, 0);
    ASSERT_EQ(run(words("b.png")).exit_code, 0);
    EXPECT_EQ(bytes("out/a.png"), bytes("b.png"));
}

TEST_F(StyleResume, OtherSettingsAndPicturesAreRefused) {
    const std::vector<std::string> state = {"--checkpoint", path("work.state"), "--resume"};
    ASSERT_EQ(stopped(words("out.png", state), SIGKILL).signal, SIGKILL);
    ASSERT_TRUE(exists("work.state"));
    const std::string kept = bytes("work.state");
    const auto refused = [&](const std::string& output, std::vector<std::string> more, const std::string& part) {
        more.insert(more.end(), state.begin(), state.end());
        more.emplace_back("--quiet");
        std::vector<std::string> all = words(output, more);
        all.erase(std::find(all.begin(), all.end(), "--progress"), std::find(all.begin(), all.end(), "json") + 1);
        expect_fault(run(all), 2, part);
    };
    refused("out.png", {"--tv", "0.25"}, "with tv ");
    refused("out.png", {"--threads", "1", "--seed", "9"}, "with seed 0, but this run has seed 9");
    refused("other.png", {}, "out.png', which is none of the pictures");
    save_image(path("photo.png"), image("photo.png").flip(2));
    refused("out.png", {}, "other pixels of the input");
    EXPECT_EQ(bytes("work.state"), kept);

    std::string damaged = kept;
    damaged[damaged.size() - 100] ^= 1;
    write_file(path("work.state"), std::string_view(damaged));
    expect_fault(run(words("out.png", {"--checkpoint", path("work.state"), "--resume", "--quiet"})), 3, "damaged");
    write_file(path("work.state"), std::string_view(kept).substr(0, kept.size() / 2));
    expect_fault(run(words("out.png", {"--checkpoint", path("work.state"), "--resume", "--quiet"})), 3, "work.state");
}

TEST_F(StyleResume, AStateIsOnlyDroppedForThePictureMadeOfIt) {
    const std::vector<std::string> all = words("out.png", {"--checkpoint", path("work.state"), "--resume"});
    ASSERT_EQ(stopped(all, SIGKILL).signal, SIGKILL);
    ASSERT_TRUE(exists("work.state"));
    const std::string kept = bytes("work.state");
    std::filesystem::copy(path("photo.png"), path("out.png"));
    const auto made = std::filesystem::last_write_time(path("work.state"));
    std::filesystem::last_write_time(path("out.png"), made - std::chrono::seconds(10));
    const RunResult refused = run(all);
    EXPECT_EQ(refused.exit_code, 2) << refused.error;
    EXPECT_THAT(refused.error, HasSubstr("exists from before it"));
    EXPECT_EQ(bytes("work.state"), kept);

    std::filesystem::last_write_time(path("out.png"), made + std::chrono::seconds(10));
    const RunResult finished = run(all);
    EXPECT_EQ(finished.exit_code, 0) << finished.error;
    EXPECT_THAT(finished.error, HasSubstr("is not needed"));
    EXPECT_FALSE(exists("work.state"));
    EXPECT_EQ(bytes("out.png"), bytes("photo.png")) << "it is finished";
}

TEST_F(StyleResume, AStateInUseIsRefused) {
    const std::vector<std::string> all = words("out.png", {"--checkpoint", path("work.state"), "--resume"});
    RunningProgram program(command(all), run_);
    ASSERT_TRUE(program.wait_for_error("\"fraction\""));
    const RunResult second = run(words("other.png", {"--checkpoint", path("work.state"), "--resume"}));
    EXPECT_EQ(second.exit_code, 2) << second.error;
    EXPECT_THAT(second.error, HasSubstr("is used by another run"));
    EXPECT_EQ(program.wait().exit_code, 0);
}

TEST_F(StyleResume, OfAProductFinishedPicturesAreLeftOut) {
    std::vector<std::string> all = words("out", {"--each-style", "--checkpoint", path("work.state"), "--resume"});
    all.insert(all.begin() + 2, path("night.png"));
    ASSERT_EQ(stopped(all, SIGKILL).signal, SIGKILL);
    ASSERT_TRUE(exists("work.state"));
    const RunResult result = run(all);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("goes on from"));
    EXPECT_TRUE(exists("out/wave/photo.png"));
    EXPECT_TRUE(exists("out/night/photo.png"));
    const RunResult again = run(all);
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(again.output, "");
}

TEST_F(StyleResume, ABatchGoesOnWithThePictureItWasAt) {
    std::filesystem::create_directory(path("in"));
    std::filesystem::copy(path("photo.png"), path("in/a.png"));
    std::filesystem::copy(path("wave.png"), path("in/b.png"));
    std::vector<std::string> all = words("out", {"--checkpoint", path("work.state"), "--resume", "--overwrite"});
    all[0] = path("in/b.png");
    ASSERT_EQ(stopped(all, SIGKILL).signal, SIGKILL);
    ASSERT_TRUE(exists("work.state"));
    all[0] = path("in");
    const RunResult result = run(all);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("out/b.png") + "\n" + path("out/a.png") + "\n");
    EXPECT_THAT(result.error, HasSubstr("goes on from"));
    EXPECT_FALSE(exists("work.state"));
}

}  // namespace
}  // namespace reverie::test
