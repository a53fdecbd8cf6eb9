// A real program that trains, with images drawn here: bright discs and bars on dark ground, 20 wide and 24 high.
#pragma once

#include <ATen/ATen.h>
#include <unistd.h>

#include "cli/program_fixture.h"

namespace reverie::test {

class TrainingPrograms : public Programs {
  protected:
    explicit TrainingPrograms(std::string program) : Programs(std::move(program), lite0()) {}

    /// A disc or an upright bar, the `number`-th of its kind.
    static Tensor drawn(bool disc, int number) {
        const Tensor y = at::arange(24, at::kFloat).view({24, 1}) - (8.0 + number % 4 * 2.0);
        const Tensor x = at::arange(20, at::kFloat).view({1, 20}) - (7.0 + number % 3 * 2.5);
        const Tensor inside = disc ? (y.square() + x.square()) < 25.0 : (x.abs() < 2.5) & (y.abs() < 7.5);
        const Tensor grey = 0.1 + inside.to(at::kFloat) * (0.5 + 0.04 * (number % 8));
        return at::stack({grey, grey * 0.8, 1.0 - grey});
    }

    /// A folder with the sub-folders disc and bar, each with `count` images.
    static void draw(const std::filesystem::path& folder, int count) {
        for (const bool disc : {true, false}) {
            for (int i = 0; i < count; ++i) {
                save_image(folder / (disc ? "disc" : "bar") / (std::to_string(i) + ".png"), drawn(disc, i));
            }
        }
    }

    /// Size of a grid of such images with gaps of 2.
    static Size grid_size(std::int64_t rows, std::int64_t columns) { return {rows * 26 + 2, columns * 22 + 2}; }

    /// Expects success and returns standard output.
    std::string done(const std::vector<std::string>& words) const {
        const RunResult result = run(words);
        EXPECT_EQ(result.exit_code, 0) << result.error;
        return result.output;
    }

    Tensor image(const std::string& name) const { return load_image(path(name)); }

    /// Starts a run in "parts" and stops it once it has recorded that step.
    RunResult stopped(const std::vector<std::string>& words, int signal, int step) const {
        RunningProgram program(command(words), run_);
        const std::string line = "\"step\":" + std::to_string(step) + ",";
        constexpr int kPatience = 30'000;  // 60 s
        for (int i = 0; i < kPatience; ++i) {
            if (exists("parts/metrics.jsonl") && bytes("parts/metrics.jsonl").find(line) != std::string::npos) {
                break;
            }
            usleep(2000);
        }
        program.signal(signal);
        return program.wait();
    }

    static const FormulaModels& lite0() {
        static const FormulaModels models("efficientnet_lite0", make_graph("efficientnet_lite0", "lite0"),
                                          "lite0.safetensors");
        return models;
    }
};

/// A folder of images and a run of it that all tests of a suite share.
struct SharedRun {
    TemporaryFolder folder;
    std::string output;  ///< of the training; empty: not trained yet
    std::string data(const std::string& below = "") const { return (folder / ("data" + below)).string(); }
    std::string run() const { return (folder / "run").string(); }

    /// Those words after "COMMAND RUN".
    std::vector<std::string> command(const std::string& command, const std::vector<std::string>& words) const {
        std::vector<std::string> all = {command, run()};
        all.insert(all.end(), words.begin(), words.end());
        return all;
    }
};

}  // namespace reverie::test
