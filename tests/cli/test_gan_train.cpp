// gan train: a run folder, resumed to the bit, and every kind of bad input.
#include "cli/gan_fixture.h"

namespace reverie::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

class GanTrain : public GanPrograms {
  protected:
    GanTrain() { draw(path("data"), 8); }

    RunResult train(std::vector<std::string> words) const {
        words.insert(words.begin(), {path("data"), "-o", path("run"), "--quiet"});
        return run(quick(std::move(words)));
    }
};

TEST_F(GanTrain, MakesAWholeRunFolder) {
    write_file(path("data/disc/torn.png"), bytes("data/disc/1.png").substr(0, 60));
    const RunResult result = run(quick({path("data"), "-o", path("run"), "--conditional", "--validate-every", "3"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("run") + "\n");
    EXPECT_THAT(result.error, HasSubstr("1 file left out (disc/torn.png); "));
    EXPECT_THAT(names("run"),
                IsSupersetOf({"options.toml", "metrics.jsonl", "metrics.csv", "timing.jsonl", "weights.safetensors",
                              "weights_ema.safetensors", "best.safetensors", "checkpoint.safetensors", "skipped.json",
                              "labels.json", "previews", "report.html"}));
    EXPECT_EQ(nlohmann::json::parse(bytes("run/labels.json")), nlohmann::json({"bar", "disc"}));
    const std::string metrics = bytes("run/metrics.jsonl");
    for (const char* name : {"generator/loss", "discriminator/loss", "validation/frechet", "validation/diversity"}) {
        EXPECT_THAT(metrics, HasSubstr("\"" + std::string(name) + "\":"));
    }
    for (const char* line : {"latent = 3\n", "generator-width = 4\n", "features = \"efficientnet_lite0\"\n"}) {
        EXPECT_THAT(bytes("run/options.toml"), HasSubstr(line));
    }
    EXPECT_THAT(bytes("run/report.html"), HasSubstr("6 images of the data, trained on too"));
    EXPECT_EQ(names("cache/reverie/features").size(), 1U) << "features of the reals are kept";

    expect_fault(run(quick({path("data"), "-o", path("run")})), 2, "holds a run already");
}

TEST_F(GanTrain, KilledAndResumedWithAnyNumberOfThreadsGivesTheSameBytes) {
    const auto into = [&](const std::string& folder, std::vector<std::string> more) {
        more.insert(more.begin(), {path("data"), "-o", path(folder), "--validate-every", "20", "--label-noise", "0.1",
                                   "--label-smoothing", "0.05", "--augment-target", "0.6", "--r1", "0.1", "--r1-every",
                                   "3", "--learning-rate", "0.001", "--minibatch-std", "on"});
        return quick(std::move(more), "60");
    };
    ASSERT_EQ(run(into("whole", {"--threads", "1"})).exit_code, 0);

    const RunResult killed = stopped(into("parts", {"--checkpoint-minutes", "0", "--threads", "2"}), SIGKILL, 8);
    ASSERT_EQ(killed.signal, SIGKILL) << killed.error;
    const RunResult interrupted =
        stopped(into("parts", {"--checkpoint-minutes", "0", "--threads", "3", "--resume"}), SIGINT, 30);
    EXPECT_EQ(interrupted.exit_code, 130) << interrupted.error;
    EXPECT_EQ(interrupted.output, path("parts") + "\n");
    EXPECT_THAT(bytes("parts/metrics.jsonl"), Not(HasSubstr("\"step\":60")));
    // What the flags are not repeated for is the run's own.
    const RunResult finished = run({"train", "--resume", "-o", path("parts"), "--quiet"});
    ASSERT_EQ(finished.exit_code, 0) << finished.error;
    EXPECT_EQ(bytes("parts/metrics.jsonl"), bytes("whole/metrics.jsonl"));
    for (const char* file : {"weights.safetensors", "weights_ema.safetensors", "best.safetensors"}) {
        EXPECT_TRUE(bytes(std::string("parts/") + file) == bytes(std::string("whole/") + file)) << file;
    }
}

TEST_F(GanTrain, TimePlansTheRunWithAsManyStepsAsFit) {
    const auto into = [&](const std::string& folder, const std::string& flag, const std::string& value) {
        std::vector<std::string> words = quick({path("data"), "-o", path(folder), "--threads", "1", "--augment",
                                                "color", "--augment-target", "0.6", "--validate-every", "20"});
        words.resize(words.size() - 2);  // without --steps
        words.insert(words.end(), {flag, value});
        return words;
    };
    const RunResult timed = run(into("timed", "--time", "2s"));
    ASSERT_EQ(timed.exit_code, 0) << timed.error;
    const std::string said = "--time 2s: ";
    const std::size_t begin = timed.error.find(said);
    ASSERT_NE(begin, std::string::npos) << timed.error;
    const std::string steps = std::to_string(std::stoll(timed.error.substr(begin + said.size())));
    EXPECT_THAT(bytes("timed/options.toml"), HasSubstr("\nsteps = " + steps + "\n"));
    // However slow the machine was meanwhile.
    done({"train", "--resume", "-o", path("timed"), "--time", "1d", "--quiet"});
    done(into("straight", "--steps", steps));
    EXPECT_EQ(bytes("timed/metrics.jsonl"), bytes("straight/metrics.jsonl"));
    for (const char* file : {"weights.safetensors", "weights_ema.safetensors"}) {
        EXPECT_TRUE(bytes(std::string("timed/") + file) == bytes(std::string("straight/") + file)) << file;
    }
}

TEST_F(GanTrain, ResumeStartsWhatIsNotThereAndRefusesOtherOptions) {
    ASSERT_EQ(train({"--resume"}).exit_code, 0);
    const std::string weights = bytes("run/weights.safetensors");
    std::filesystem::create_directory(path("other"));
    write_file(path("other/options.toml"), "# vae 0.1.0, run format 1: the options of this run\nlatent = 3\n");
    expect_fault(run({"train", "--resume", "-o", path("other")}), 3, "a run of vae");
    expect_fault(train({"--resume", "--loss", "hinge"}), 2, "loss");
    expect_fault(train({"--resume", "--learning-rate", "0.002"}), 2, "learning-rate");
    expect_fault(run({"train", "--resume", "-o", path("run"), "--width", "6"}), 2, "width");
    EXPECT_TRUE(bytes("run/weights.safetensors") == weights);
}

TEST_F(GanTrain, BeginsFromAnotherRunsWeights) {
    ASSERT_EQ(train({"--features", "none"}).exit_code, 0);
    const RunResult result =
        run(quick({path("data"), "-o", path("second"), "--init-from", path("run"), "--quiet", "--json"}, "2"));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(json_lines(result.output).back()["end"], "finished");
    expect_fault(run({"train", path("data"), "-o", path("third"), "--init-from", path("run"), "--latent", "5",
                      "--width", "4", "--quiet"}),
                 3, "in the weights");
    expect_fault(run({"train", path("data"), "-o", path("third"), "--init-from", path("data"), "--quiet"}), 3,
                 "weights.safetensors");
    EXPECT_FALSE(exists("third"));
}

TEST_F(GanTrain, DryRunSaysWhatItWouldDoAndLeavesNothing) {
    const RunResult result = train({"--dry-run"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    for (const char* part :
         {"generator: ", "discriminator: ", "images: 16 of 20x24 with 3 channels", "measured on: 6 images of the data",
          "augmentation: ", "memory: about ", "disk: about ", "steps: 6 of 4 images", "time: about "}) {
        EXPECT_THAT(result.output, HasSubstr(part));
    }
    EXPECT_FALSE(exists("run"));
}

TEST_F(GanTrain, MeasuresOnATestSetWhenThereIsOne) {
    draw(path("test"), 4);
    const RunResult result = train({"--test", path("test"), "--validate-every", "6"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(bytes("run/report.html"), HasSubstr("6 images of " + path("test")));
}

TEST_F(GanTrain, OneImageIsEnoughButCannotBeMeasured) {
    std::filesystem::create_directory(path("one"));
    save_image(path("one/wide.png"), at::full({3, 40, 90}, 0.5));
    const RunResult result = run(quick({path("one"), "-o", path("run"), "--size", "17x30"}, "2"));
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("1 image is too few"));
    EXPECT_THAT(bytes("run/options.toml"), HasSubstr("features = \"none\"\n"));
    EXPECT_FALSE(exists("run/best.safetensors"));
}

TEST_F(GanTrain, ProjectedRunKilledAndResumedGivesTheSameBytesAndIsMeasuredByAnotherNet) {
    const auto into = [&](const std::string& folder, std::vector<std::string> more) {
        more.insert(more.begin(), {path("data"), "-o", path(folder), "--preset", "projected", "--projected-size", "64",
                                   "--conditional", "--validate-every", "10"});
        return quick(std::move(more), "20");
    };
    const RunResult whole = run(into("whole", {"--threads", "1"}));
    ASSERT_EQ(whole.exit_code, 0) << whole.error;
    EXPECT_THAT(bytes("whole/options.toml"), Not(HasSubstr("features = \"efficientnet_lite0\"")));
    const RunResult killed = stopped(into("parts", {"--checkpoint-minutes", "0", "--threads", "2"}), SIGKILL, 8);
    ASSERT_EQ(killed.signal, SIGKILL) << killed.error;
    for (const auto& [flag, value] : {std::pair{"--projected-size", "96"}, {"--seed", "2"}, {"--generator", "dcgan"}}) {
        expect_fault(run({"train", path("data"), "-o", path("parts"), "--resume", flag, value, "--quiet"}), 2,
                     "was begun with");
    }
    const RunResult finished = run({"train", "--resume", "-o", path("parts"), "--quiet", "--threads", "3"});
    ASSERT_EQ(finished.exit_code, 0) << finished.error;
    EXPECT_EQ(bytes("parts/metrics.jsonl"), bytes("whole/metrics.jsonl"));
    for (const char* file : {"weights.safetensors", "weights_ema.safetensors"}) {
        EXPECT_TRUE(bytes(std::string("parts/") + file) == bytes(std::string("whole/") + file)) << file;
    }
    const RunResult sampled = run({"sample", path("whole"), "-o", path("sheet.png"), "--seeds", "1-4", "--quiet"});
    EXPECT_EQ(sampled.exit_code, 0) << sampled.error;
    const auto truncated = [&](const std::string& name, const std::string& seeds, const std::string& threads) {
        const RunResult done = run({"sample", path("whole"), "-o", path(name), "--seeds", seeds, "--truncation", "0.6",
                                    "--threads", threads, "--quiet"});
        EXPECT_EQ(done.exit_code, 0) << done.error;
    };
    truncated("near.png", "1-4", "1");
    EXPECT_FALSE(at::equal(load_image(path("near.png")), load_image(path("sheet.png"))));
    truncated("alone.png", "3", "2");
    truncated("few/", "1-4", "1");
    EXPECT_TRUE(at::equal(load_image(path("alone.png")), load_image(path("few/seed3.png"))));
    const RunResult flattered = run({"evaluate", path("whole"), "--features", "efficientnet_lite0", "--samples", "6"});
    EXPECT_EQ(flattered.exit_code, 0) << flattered.error;
    EXPECT_THAT(flattered.error, HasSubstr("warning: "));
}

TEST_F(GanTrain, ProjectedWithoutItsPretrainedNetIsRefusedBeforeAnythingStarts) {
    const FormulaModels none(std::vector<FormulaModels::Net>{});
    run_.environment["REVERIE_MODELS"] = none.path().string();
    expect_fault(run({"train", path("data"), "-o", path("run"), "--preset", "projected"}), 4, "efficientnet_lite0");
    EXPECT_FALSE(exists("run"));
}

TEST_F(GanTrain, BadInputIsRefusedInASentence) {
    std::filesystem::create_directory(path("flat"));
    save_image(path("flat/a.png"), drawn(true, 1));
    const std::string out = path("out");
    const auto refused = [&](const std::vector<std::string>& words, int code, const std::string& part,
                             const std::string& data = "data") {
        std::vector<std::string> all = {"train", path(data), "-o", out};
        all.insert(all.end(), words.begin(), words.end());
        SCOPED_TRACE(part);
        expect_fault(run(all), code, part);
    };
    expect_fault(run({"train", "-o", out}), 2, "no images are given");
    refused({}, 3, "nowhere", "nowhere");
    refused({"--preset", "pytroch"}, 2, "did you mean 'pytorch");
    refused({"--preset", "chollet2e"}, 2, "--size 64x64");
    refused({"--preset", "pytorch", "--size", "64", "--spectral-norm", "on"}, 2, "as published");
    refused({"--loss", "hing"}, 2, "did you mean 'hinge'");
    refused({"--critic-steps", "0"}, 2, "--critic-steps");
    refused({"--r1=-1"}, 2, "--r1");
    refused({"--loss", "hinge", "--label-noise", "0.1"}, 2, "--label-noise");
    refused({"--label-smoothing", "0.7"}, 2, "--label-smoothing 0.7");
    refused({"--augment", "colour"}, 2, "--augment");
    refused({"--augment", "none", "--augment-probability", "0.5"}, 2, "nothing is augmented");
    refused({"--augment-probability", "1.5"}, 2, "--augment-probability");
    refused({"--discriminator-learning-rate", "0"}, 2, "--discriminator-learning-rate");
    refused({"--fid-samples", "3"}, 2, "--fid-samples 3");
    refused({"--features", "vgg16"}, 2, "vgg16");
    refused({"--validation", "0.1"}, 2, "--validation");
    refused({"--projected-size", "128"}, 2, "--projected-size is for --preset projected");
    refused({"--preset", "projected", "--projected-size", "100"}, 2, "a multiple of 32 from 64");
    refused({"--preset", "projected", "--r1", "1"}, 2, "--r1 is not for --preset projected");
    refused({"--generator", "stylegan"}, 2, "--generator");
    refused({"--cutout", "1.5"}, 2, "--cutout");
    refused({"--conditional"}, 3, "sub-folders", "flat");
    EXPECT_FALSE(exists("out"));
}

TEST_F(GanTrain, TooLittleAddressSpaceIsASentence) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the address sanitizer itself takes more address space than any limit leaves";
#endif
    // Around what a step takes oneDNN finds no memory for the code it makes, and calls it all the same.
    int sentences = 0;
    for (std::size_t megabytes = 440; megabytes <= 680; megabytes += 16) {
        run_.address_space = megabytes << 20;
        std::filesystem::remove_all(path("run"));
        const RunResult result = train({});
        if (result.exit_code == 127) {
            continue;  // libraries that do not fit: the system's loader ends it
        }
        EXPECT_THAT(result.exit_code, AnyOf(0, 5)) << megabytes << " MB, signal " << result.signal << result.error;
        if (result.exit_code == 5) {
            EXPECT_THAT(result.error, HasSubstr("error: ")) << megabytes << " MB";
            EXPECT_THAT(result.error, HasSubstr("ulimit -v")) << megabytes << " MB";
            ++sentences;
        }
    }
    EXPECT_GT(sentences, 0) << "no limit was met";
}

}  // namespace
}  // namespace reverie::test
