// vae train: a run folder, resumed to the bit, and every kind of bad input.
#include "cli/vae_fixture.h"

namespace reverie::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

class VaeTrain : public VaePrograms {
  protected:
    VaeTrain() { draw(path("data"), 8); }

    RunResult train(std::vector<std::string> words) const {
        words.insert(words.begin(), {path("data"), "-o", path("run"), "--quiet"});
        return run(quick(std::move(words)));
    }
};

TEST_F(VaeTrain, MakesAWholeRunFolder) {
    write_file(path("data/disc/torn.png"), bytes("data/disc/1.png").substr(0, 60));
    const RunResult result = run(quick({path("data"), "-o", path("run"), "--conditional"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("run") + "\n");
    EXPECT_THAT(result.error, HasSubstr("1 file left out (disc/torn.png); "));
    EXPECT_THAT(result.error, HasSubstr("fits"));  // and does not say again what was left out
    EXPECT_EQ(result.error.find("torn.png"), result.error.rfind("torn.png")) << result.error;
    EXPECT_THAT(names("run"),
                IsSupersetOf({"options.toml", "metrics.jsonl", "metrics.csv", "timing.jsonl", "weights.safetensors",
                              "weights_ema.safetensors", "best.safetensors", "checkpoint.safetensors", "skipped.json",
                              "labels.json", "previews", "report.html"}));
    EXPECT_THAT(bytes("run/skipped.json"), HasSubstr("torn.png"));
    EXPECT_EQ(nlohmann::json::parse(bytes("run/labels.json")), nlohmann::json({"bar", "disc"}));
    EXPECT_EQ(json_lines(bytes("run/metrics.jsonl")).back()["step"], 6);
    EXPECT_THAT(bytes("run/options.toml"), HasSubstr("latent = 3\n"));

    const RunResult again = run(quick({path("data"), "-o", path("run")}));
    expect_fault(again, 2, "holds a run already");
}

TEST_F(VaeTrain, PathsThatAreNoUtf8AreRefusedBeforeAnythingIsMade) {
    std::filesystem::rename(path("data"), path("d\xe4ta"));
    expect_fault(run(quick({path("d\xe4ta"), "-o", path("run")})), 2, "not UTF-8");
    EXPECT_FALSE(exists("run"));
    std::filesystem::create_symlink(path("d\xe4ta"), path("data"));
    EXPECT_EQ(run(quick({path("data"), "-o", path("run")})).exit_code, 0);
}

TEST_F(VaeTrain, LabelsAndFilesThatAreNoUtf8AreKeptAsTheyAre) {
    std::filesystem::rename(path("data/disc"), path("data/d\xefsc"));
    write_file(path("data/t\xf6rn.png"), std::string_view("no picture"));
    ASSERT_EQ(run(quick({path("data"), "-o", path("run"), "--conditional"})).exit_code, 0);
    EXPECT_EQ(bytes("run/labels.json"), "[\"bar\",\"d\\udcefsc\"]\n");
    EXPECT_THAT(bytes("run/skipped.json"), HasSubstr("\"t\\udcf6rn.png\""));
    const RunResult sample =
        run({"sample", path("run"), "--class", "d\xefsc", "-o", path("a.png"), "--sampler", "prior"});
    EXPECT_EQ(sample.exit_code, 0) << sample.error;
    EXPECT_EQ(run({"train", "--resume", "-o", path("run"), "--quiet"}).exit_code, 0);
}

TEST_F(VaeTrain, CutWeightsComeAgainByAResume) {
    ASSERT_EQ(train({}).exit_code, 0);
    const std::string whole = bytes("run/weights.safetensors");
    std::filesystem::resize_file(path("run/weights.safetensors"), 200);
    expect_fault(run({"sample", path("run"), "--weights", "last", "-o", path("a.png")}), 4, "vae train --resume -o");
    ASSERT_EQ(run({"train", "--resume", "-o", path("run"), "--quiet"}).exit_code, 0);
    EXPECT_TRUE(bytes("run/weights.safetensors") == whole);
}

TEST_F(VaeTrain, KilledAndResumedGivesTheSameBytes) {
    const auto into = [&](const std::string& folder, std::vector<std::string> more) {
        more.insert(more.begin(), {path("data"), "-o", path(folder)});
        return quick(std::move(more), "60");
    };
    ASSERT_EQ(run(into("whole", {})).exit_code, 0);

    const RunResult killed = stopped(into("parts", {"--checkpoint-minutes", "0"}), SIGKILL, 8);
    ASSERT_EQ(killed.signal, SIGKILL) << killed.error;
    const RunResult interrupted = stopped(into("parts", {"--checkpoint-minutes", "0", "--resume"}), SIGINT, 30);
    EXPECT_EQ(interrupted.exit_code, 130) << interrupted.error;
    EXPECT_EQ(interrupted.output, path("parts") + "\n");
    EXPECT_THAT(bytes("parts/metrics.jsonl"), Not(HasSubstr("\"step\":60")));
    // What the flags are not repeated for is the run's own.
    const RunResult finished = run({"train", "--resume", "-o", path("parts"), "--quiet"});
    ASSERT_EQ(finished.exit_code, 0) << finished.error;
    for (const char* file : {"metrics.jsonl", "weights.safetensors", "weights_ema.safetensors", "best.safetensors"}) {
        EXPECT_TRUE(bytes(std::string("parts/") + file) == bytes(std::string("whole/") + file)) << file;
    }
}

/// Runs that --time plans, with a schedule that their number of steps shapes.
class VaeTrainByTime : public VaeTrain {
  protected:
    std::vector<std::string> words(const std::string& folder, const std::vector<std::string>& more) const {
        std::vector<std::string> all = quick({path("data"), "-o", path(folder), "--kl-warmup", "0.5"});
        all.resize(all.size() - 2);  // without --steps
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    std::string planned_steps(const std::string& folder) const {
        const std::string options = bytes(folder + "/options.toml");
        const std::string line = "\nsteps = ";
        const std::size_t begin = options.find(line) + line.size();
        return options.substr(begin, options.find('\n', begin) - begin);
    }

    /// However slow the machine was meanwhile.
    void finish(const std::string& folder) const {
        done({"train", "--resume", "-o", path(folder), "--time", "1d", "--quiet"});
    }
};

TEST_F(VaeTrainByTime, PlansAsManyStepsAsFitAndIsTheRunWithThatManySteps) {
    const RunResult result = run(words("timed", {"--time", "1s"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const std::string steps = planned_steps("timed");
    EXPECT_THAT(result.error, HasSubstr("--time 1s: " + steps + " step"));
    EXPECT_THAT(bytes("timed/options.toml"), HasSubstr("\nepochs = 0\n"));
    finish("timed");
    done(words("straight", {"--steps", steps, "--quiet"}));
    for (const char* file : {"metrics.jsonl", "weights.safetensors", "weights_ema.safetensors"}) {
        EXPECT_TRUE(bytes(std::string("timed/") + file) == bytes(std::string("straight/") + file)) << file;
    }
    EXPECT_EQ(json_lines(bytes("timed/metrics.jsonl")).back()["step"], std::stoll(steps));
}

TEST_F(VaeTrainByTime, AResumeKeepsThePlanAndOnlyStopsWhenItsTimeIsUp) {
    const RunResult killed = stopped(words("parts", {"--time", "1m", "--checkpoint-minutes", "0"}), SIGKILL, 8);
    ASSERT_EQ(killed.signal, SIGKILL) << killed.error;
    const std::string steps = planned_steps("parts");
    const RunResult timed = run({"train", "--resume", "-o", path("parts"), "--time", "0.001s"});
    ASSERT_EQ(timed.exit_code, 0) << timed.error;
    EXPECT_THAT(timed.error, Not(HasSubstr("shaped by")));
    EXPECT_EQ(planned_steps("parts"), steps);
    EXPECT_LT(json_lines(bytes("parts/metrics.jsonl")).back()["step"], std::stoll(steps));
    expect_fault(run({"train", "--resume", "-o", path("parts"), "--steps", steps + "0"}), 2, "steps");
}

TEST_F(VaeTrainByTime, KilledBeforeThePlanIsSettledItPlansAfresh) {
    RunningProgram program(command(words("run", {"--time", "30m"})), run_);  // it measures for seconds
    usleep(300'000);
    program.signal(SIGKILL);
    EXPECT_EQ(program.wait().signal, SIGKILL);
    EXPECT_FALSE(exists("run"));
    const RunResult result = run(words("run", {"--time", "1s", "--resume"}));
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("--time 1s: " + planned_steps("run") + " step"));
}

TEST_F(VaeTrainByTime, StepsAndEpochsOverruleIt) {
    const RunResult steps = run(words("steps", {"--time", "1h", "--steps", "6"}));
    EXPECT_EQ(steps.exit_code, 0) << steps.error;
    EXPECT_THAT(steps.error, Not(HasSubstr("shaped by")));
    EXPECT_EQ(planned_steps("steps"), "6");
    done(words("epochs", {"--time", "1h", "--epochs", "1", "--quiet"}));
    EXPECT_EQ(planned_steps("epochs"), "0");
}

TEST_F(VaeTrainByTime, DryRunSaysThePlanAndAConfigurationLeavesItToTheTime) {
    const RunResult result =
        run(words("run", {"--time", "20s", "--dry-run", "--save-config", path("my.toml"), "--quiet"}));
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr(", by which the steps are planned\n"));
    EXPECT_THAT(bytes("my.toml"), HasSubstr("time = \"20s\"\n"));
    EXPECT_THAT(bytes("my.toml"), Not(HasSubstr("steps = ")));
    EXPECT_THAT(bytes("my.toml"), Not(HasSubstr("epochs = ")));
    EXPECT_FALSE(exists("run"));
}

TEST_F(VaeTrain, ResumeStartsWhatIsNotThereAndRefusesOtherOptions) {
    ASSERT_EQ(train({"--resume"}).exit_code, 0);
    const std::string weights = bytes("run/weights.safetensors");
    std::filesystem::create_directory(path("other"));
    write_file(path("other/options.toml"), "# gan 0.1.0, run format 1: the options of this run\npreset = \"dcgan\"\n");
    expect_fault(run({"train", "--resume", "-o", path("other")}), 3, "a run of gan");
    expect_fault(train({"--resume", "--beta", "0.25"}), 2, "beta");
    expect_fault(train({"--resume", "--seed", "4"}), 2, "seed");
    expect_fault(train({"--resume", "--dry-run", "--seed", "4"}), 2, "seed");
    EXPECT_EQ(train({"--resume", "--dry-run"}).exit_code, 0);
    save_image(path("data/bar/new.png"), drawn(false, 3));
    expect_fault(train({"--resume"}), 2, "digest of the images");
    expect_fault(train({"--resume", "--dry-run"}), 2, "digest of the images");
    EXPECT_TRUE(bytes("run/weights.safetensors") == weights);
}

TEST_F(VaeTrain, BeginsFromAnotherRunsWeights) {
    ASSERT_EQ(train({}).exit_code, 0);
    const RunResult result =
        run(quick({path("data"), "-o", path("second"), "--init-from", path("run"), "--quiet", "--json"}, "2"));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const auto object = json_lines(result.output).back();
    EXPECT_EQ(object["output"], path("second"));
    EXPECT_EQ(object["end"], "finished");
    expect_fault(run({"train", path("data"), "-o", path("third"), "--init-from", path("run"), "--latent", "5",
                      "--width", "4", "--quiet"}),
                 3, "in the weights");
    EXPECT_FALSE(exists("third"));
}

TEST_F(VaeTrain, DryRunSaysParametersAndLeavesNothing) {
    const RunResult result = train({"--dry-run"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    for (const char* part : {"parameters: ", "images: 16 of 20x24 with 3 channels", "memory: about ", "disk: about ",
                             "steps: 6 of 4 images", "time: about "}) {
        EXPECT_THAT(result.output, HasSubstr(part));
    }
    EXPECT_FALSE(exists("run"));
}

TEST_F(VaeTrain, AConfigurationFileSaysItAll) {
    ASSERT_EQ(train({"--dry-run", "--save-config", path("my.toml")}).exit_code, 0);
    const RunResult result = run({"train", "--config", path("my.toml"), "-o", path("run"), "--dry-run", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(json_lines(result.output).back()["latent"], "3 dimensions");
}

TEST_F(VaeTrain, BadInputIsRefusedInASentence) {
    std::filesystem::create_directory(path("empty"));
    std::filesystem::create_directory(path("flat"));
    save_image(path("flat/a.png"), drawn(true, 1));
    write_file(path("note.txt"), "no image anywhere\n");
    const auto refused = [&](std::vector<std::string> words, int code, const std::string& part) {
        words.insert(words.begin(), "train");
        SCOPED_TRACE(part);
        expect_fault(run(words), code, part);
    };
    const std::string out = path("out");
    refused({"-o", out}, 2, "no images are given");
    refused({path("data")}, 2, "pass -o RUN");
    refused({path("nowhere"), "-o", out}, 3, "nowhere");
    refused({path("empty"), "-o", out}, 3, "empty");
    refused({path("note.txt"), "-o", out}, 3, "no image anywhere");
    refused({path("data"), "-o", out, "--preset", "pytroch"}, 2, "did you mean 'pytorch'");
    refused({path("data"), "-o", out, "--preset", "antixk"}, 2, "--size");
    refused({path("data"), "-o", out, "--size", "8"}, 2, "--size");
    refused({path("data"), "-o", out, "--batch", "0"}, 2, "--batch");
    refused({path("data"), "-o", out, "--time", "soon"}, 2, "--time 'soon'");
    refused({path("data"), "-o", out, "--steps", "3", "--epochs", "2"}, 2, "--steps and --epochs");
    refused({path("flat"), "-o", out, "--conditional"}, 3, "sub-folders");
    refused({path("data"), "-o", path("note.txt") + "/run", "--steps", "1"}, 6, "note.txt");
    write_file(path("data/disc/torn.png"), bytes("data/disc/1.png").substr(0, 60));
    refused({path("data"), "-o", out, "--strict"}, 3, "torn.png");
    EXPECT_FALSE(exists("out"));
}

TEST_F(VaeTrain, MemoryThatRunsOutNamesItsFlagsAndLeavesNothing) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the address sanitizer itself takes more address space than any limit leaves";
#endif
    run_.address_space = std::size_t{2500} << 20;
    const RunResult result = run({"train", path("data"), "-o", path("run"), "--size", "512", "--width", "64", "--batch",
                                  "512", "--steps", "2", "--threads", "1", "--preview-every", "0"});
    expect_fault(result, 5, "choose a smaller --batch or --size");
    EXPECT_FALSE(exists("run"));
    run_.address_space = 0;
    EXPECT_EQ(train({}).exit_code, 0) << "its name is free";
}

TEST_F(VaeTrain, StartedWithoutStandardStreamsKeepsItsRecordsClean) {
    run_.closed = {0, 1, 2};
    const RunResult result = run(quick({path("data"), "-o", path("run"), "--progress", "json"}));
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(json_lines(bytes("run/metrics.jsonl")).back()["step"], 6);
    EXPECT_EQ(bytes("run/metrics.jsonl").find("fraction"), std::string::npos);
    run_.closed.clear();
    EXPECT_EQ(train({"--resume"}).exit_code, 0);
}

TEST_F(VaeTrain, AnotherLengthIsSaidInItsFlag) {
    ASSERT_EQ(run({"train", path("data"), "-o", path("run"), "--latent", "3", "--width", "4", "--batch", "4",
                   "--schedule", "cosine", "--steps", "4", "--quiet"})
                  .exit_code,
              0);
    const std::string refused = "begun with --steps 4 and is to go on with --epochs 30";
    expect_fault(run({"train", "--resume", "-o", path("run"), "--epochs", "30", "--quiet"}), 2, refused);
    expect_fault(run({"train", "--resume", "-o", path("run"), "--epochs", "30", "--quiet", "--dry-run"}), 2, refused);
}

TEST_F(VaeTrain, OneImageOfAnotherShapeIsEnough) {
    std::filesystem::create_directory(path("one"));
    save_image(path("one/wide.png"), at::full({3, 40, 90}, 0.5));
    const RunResult result = run(quick({path("one"), "-o", path("run"), "--size", "17x30", "--quiet"}, "2"));
    EXPECT_EQ(result.exit_code, 0) << result.error;
}

}  // namespace
}  // namespace reverie::test
