// styletransfer train and add: nets that learn styles, resumed to the bit, and what they refuse.
#include <csignal>

#include "cli/style_fixture.h"
#include "reverie/weights/state_dict.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;

class StyleTrain : public StylePrograms {
  protected:
    StyleTrain() {
        std::filesystem::create_directory(path("photos"));
        for (const char* name : {"a", "b", "c", "d"}) {
            save_image(path(std::string("photos/") + name + ".png"), formula_image(70, 81, name).squeeze(0));
        }
    }

    std::vector<std::string> words(std::vector<std::string> begin, const std::string& output,
                                   const std::vector<std::string>& more = {}) const {
        for (const std::string& word :
             {std::string("--data"), path("photos"), std::string("-o"), path(output), std::string("--size"),
              std::string("64"), std::string("--train-size"), std::string("64"), std::string("--content-network"),
              std::string("none"), std::string("--log-every"), std::string("2"), std::string("--quiet")}) {
            begin.push_back(word);
        }
        begin.insert(begin.end(), more.begin(), more.end());
        return begin;
    }
    std::vector<std::string> train(const std::string& output, const std::vector<std::string>& more = {}) const {
        return words({"train", path("wave.png"), path("night.png")}, output, more);
    }
};

TEST_F(StyleTrain, LearnsStylesAndPaintsWithThem) {
    const RunResult result = run(train("run", {"--steps", "4"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("run") + "\n");
    EXPECT_THAT(names("run"), IsSupersetOf({"options.toml", "metrics.jsonl", "weights.safetensors",
                                            "weights_ema.safetensors", "checkpoint.safetensors", "report.html"}));
    const auto last = json_lines(bytes("run/metrics.jsonl")).back();
    EXPECT_GT(last["validation/ratio"], 0.0);

    const RunResult painted = run({path("photo.png"), "--model", path("run") + ":night", "-o", path("out.png")});
    ASSERT_EQ(painted.exit_code, 0) << painted.error;
    EXPECT_EQ(size_of(image("out.png")), size_of(image("photo.png")));
    expect_fault(run(train("run", {"--steps", "4"})), 2, "holds a run already");
}

TEST_F(StyleTrain, KilledAndResumedGivesTheSameBytes) {
    ASSERT_EQ(run(train("whole", {"--steps", "14"})).exit_code, 0);
    {
        RunningProgram program(command(train("part", {"--steps", "14", "--checkpoint-minutes", "0"})), run_);
        for (int i = 0; i < 30'000 && !exists("part/checkpoint-previous.safetensors"); ++i) {
            usleep(1000);
        }
        program.signal(SIGKILL);
        program.wait();
    }
    const RunResult result = run({"train", "--resume", "-o", path("part"), "--quiet"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_TRUE(bytes("part/weights.safetensors") == bytes("whole/weights.safetensors"));
    EXPECT_TRUE(bytes("part/weights_ema.safetensors") == bytes("whole/weights_ema.safetensors"));
}

TEST_F(StyleTrain, AddsAStyleAndLeavesTheOthersToTheBit) {
    ASSERT_EQ(run(train("run", {"--steps", "2"})).exit_code, 0);
    save_image(path("dots.png"), formula_image(41, 50, "dots").squeeze(0));
    const RunResult result = run(words({"add", path("run"), path("dots.png")}, "more", {"--steps", "2"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    for (const char* style : {"wave", "night"}) {
        for (const char* of : {"run", "more"}) {
            const RunResult painted = run({path("photo.png"), "--model", path(of) + ":" + style, "-o",
                                           path(std::string(of) + ".png"), "--overwrite"});
            ASSERT_EQ(painted.exit_code, 0) << painted.error;
        }
        EXPECT_TRUE(at::equal(image("run.png"), image("more.png"))) << style;
    }
    EXPECT_EQ(run({path("photo.png"), "--model", path("more") + ":dots", "-o", path("dots-out.png")}).exit_code, 0);
    expect_fault(run({"train", "--resume", "-o", path("more"), "--quiet"}), 2, "`styletransfer add --resume`");
}

TEST_F(StyleTrain, SaysWhatIsWrongBeforeItBegins) {
    expect_fault(run(words({"train"}, "run")), 2, "STYLE");
    expect_fault(run(words({"train", path("none.png")}, "run")), 3, "none.png");
    expect_fault(run(words({"add", path("photos"), path("wave.png")}, "run")), 3, "photos");
    write_safetensors(path("other.safetensors"), {{"weight", at::zeros({2})}}, {});
    expect_fault(run(train("run", {"--init-from", path("other.safetensors")})), 4,
                 "other.safetensors' holds no style net");
    expect_fault(run(train("run", {"--train-size", "8"})), 2, "--train-size");
    expect_fault(run(train("run", {"--network", "vgg19"})), 4, "vgg19");
    EXPECT_FALSE(exists("run"));
}

}  // namespace
}  // namespace reverie::test
