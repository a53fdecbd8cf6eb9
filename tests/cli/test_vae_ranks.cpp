// vae train by several ranks that mpirun starts: one run, whoever is lost on the way.
#include <unistd.h>

#include "cli/ranks_fixture.h"
#include "cli/vae_fixture.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class VaeRanks : public ByRanks<VaePrograms> {
  protected:
    std::vector<std::string> into(const std::string& folder, const std::vector<std::string>& more = {},
                                  const std::string& steps = "600") const {
        std::vector<std::string> words = {path("data"), "-o", path(folder), "--quiet"};
        words.insert(words.end(), more.begin(), more.end());
        return quick(words, steps);
    }

    bool recorded(const std::string& folder, int step) const {
        const std::string file = folder + "/metrics.jsonl";
        return exists(file) && bytes(file).find("\"step\":" + std::to_string(step) + ",") != std::string::npos;
    }
    void wait_for(const std::string& folder, int step) const {
        constexpr int kPatience = 30'000;  // 60 s
        for (int i = 0; i < kPatience && !recorded(folder, step); ++i) {
            usleep(2000);
        }
    }

    /// The process of that rank, told by its environment and by what it writes.
    pid_t process_of(int rank, const std::string& folder) const {
        const std::string variable = "OMPI_COMM_WORLD_RANK=" + std::to_string(rank);
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const auto text = [&](const char* file) {
                std::ifstream stream(entry.path() / file, std::ios::binary);
                return '\0' + std::string(std::istreambuf_iterator<char>(stream), {});
            };
            if (text("environ").find('\0' + variable + '\0') != std::string::npos &&
                text("cmdline").find('\0' + path(folder) + '\0') != std::string::npos) {
                return static_cast<pid_t>(std::stoi(entry.path().filename()));
            }
        }
        return 0;
    }
};

TEST_F(VaeRanks, MakeOneRunTogetherAndTheFirstSpeaks) {
    const RunResult result = run_by_ranks(2, into("two", {}, "40"));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("two") + "\n");
    ASSERT_EQ(run(into("one", {}, "40")).exit_code, 0);
    EXPECT_EQ(names("two"), names("one"));
    EXPECT_LT(distance("two", "one"), 1e-3);
    const double two = json_lines(bytes("two/metrics.jsonl")).back()["validation/loss"];
    const double one = json_lines(bytes("one/metrics.jsonl")).back()["validation/loss"];
    EXPECT_NEAR(two, one, 1e-3 * one);
}

TEST_F(VaeRanks, StoppedAndResumedGiveTheSameBytesOrGoOnAlone) {
    ASSERT_EQ(run_by_ranks(2, into("whole")).exit_code, 0);
    {
        RunningProgram program(by_ranks(2, into("parts", {"--checkpoint-minutes", "0"})), run_);
        wait_for("parts", 8);
        program.signal(SIGINT);
        program.wait();
    }
    EXPECT_THAT(bytes("parts/metrics.jsonl"), Not(HasSubstr("\"step\":600,")));
    std::filesystem::copy(path("parts"), path("alone"), std::filesystem::copy_options::recursive);
    const RunResult same = run_by_ranks(2, {"train", "--resume", "-o", path("parts"), "--quiet"});
    ASSERT_EQ(same.exit_code, 0) << same.error;
    for (const char* file : {"weights.safetensors", "weights_ema.safetensors"}) {
        EXPECT_TRUE(bytes(std::string("parts/") + file) == bytes(std::string("whole/") + file)) << file;
    }
    const RunResult alone = run({"train", "--resume", "-o", path("alone"), "--quiet"});
    ASSERT_EQ(alone.exit_code, 0) << alone.error;
    EXPECT_TRUE(recorded("alone", 600));
    EXPECT_LT(distance("alone", "whole"), 0.5) << "from rounding alone";
}

TEST_F(VaeRanks, ALostRankIsNamedAndTheCheckpointGoesOn) {
    for (const int signal : {SIGKILL, SIGSTOP}) {
        const std::string folder = signal == SIGKILL ? "killed" : "stopped";
        RunningProgram program(by_ranks(2, into(folder, {"--checkpoint-minutes", "0", "--timeout", "2"}, "20000")),
                               run_);
        wait_for(folder, 8);
        const pid_t lost = process_of(1, folder);
        ASSERT_GT(lost, 0);
        ::kill(lost, signal);
        const RunResult result = program.wait();
        EXPECT_NE(result.exit_code, 0);
        EXPECT_THAT(result.error, HasSubstr("rank 0: rank 1 (process " + std::to_string(lost) + " on '"));
        EXPECT_THAT(result.error, HasSubstr(signal == SIGKILL ? "has ended" : "has not answered for 2 s"));
        EXPECT_THAT(result.error, HasSubstr("with --resume"));
        const RunResult alone = run({"train", "--resume", "-o", path(folder), "--quiet", "--time", "1s"});
        EXPECT_EQ(alone.exit_code, 0) << alone.error;
    }
}

TEST_F(VaeRanks, EvaluateInSharesToTheSameFigures) {
    ASSERT_EQ(run(into("run", {}, "6")).exit_code, 0);
    const std::vector<std::string> words = {"evaluate", path("run"), path("data"), "--images",
                                            "7",        "--samples", "7",          "--json"};
    const RunResult shared = run_by_ranks(2, words);
    ASSERT_EQ(shared.exit_code, 0) << shared.error;
    EXPECT_EQ(shared.output, done(words));
}

TEST_F(VaeRanks, WhatCannotBeSharedIsSaidByAll) {
    const RunResult result = run_by_ranks(3, into("three"));  // a batch of 4
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.error, HasSubstr("--batch 4 is not to be shared alike by 3 ranks"));
    EXPECT_FALSE(exists("three/metrics.jsonl"));
    const RunResult apart = run_by_ranks(2, into("apart", {"--distributed", "off"}));
    EXPECT_THAT(apart.error, HasSubstr("apart"));  // one of the two finds the folder taken
    expect_fault(run(into("bad", {"--distributed", "gloo"})), 2, "--distributed 'gloo'");
}

}  // namespace
}  // namespace reverie::test
