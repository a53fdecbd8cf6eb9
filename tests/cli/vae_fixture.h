// The real vae with images drawn here: bright discs and bars on dark ground, 20 wide and 24 high.
#pragma once

#include <ATen/ATen.h>

#include "cli/program_fixture.h"

namespace reverie::test {

class VaePrograms : public Programs {
  protected:
    VaePrograms() : Programs("vae", lite0()) {}

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

    /// The smallest training there is.
    static std::vector<std::string> quick(std::vector<std::string> words, const std::string& steps = "6") {
        words.insert(words.begin(), "train");
        for (const std::string word : {"--latent", "3", "--width", "4", "--batch", "4", "--validation", "0.25",
                                       "--log-every", "2", "--validate-every", "4", "--preview-every", "4"}) {
            words.push_back(word);
        }
        words.insert(words.end(), {"--steps", steps});
        return words;
    }

    /// Expects success and returns standard output.
    std::string done(const std::vector<std::string>& words) const {
        const RunResult result = run(words);
        EXPECT_EQ(result.exit_code, 0) << result.error;
        return result.output;
    }

    Tensor image(const std::string& name) const { return load_image(path(name)); }

    static const FormulaModels& lite0() {
        static const FormulaModels models("efficientnet_lite0", make_graph("efficientnet_lite0", "lite0"),
                                          "lite0.safetensors");
        return models;
    }
};

/// With a run that all tests of a suite share.
class VaeRuns : public VaePrograms {
  protected:
    VaeRuns() {
        if (house().output.empty()) {
            draw(house().folder / "data", 8);
            house().output = run(quick({data(), "-o", trained(), "--conditional"})).output;
        }
    }

    static std::string data(const std::string& below = "") { return (house().folder / ("data" + below)).string(); }
    static std::string trained() { return (house().folder / "run").string(); }

    /// Those words after "COMMAND RUN".
    static std::vector<std::string> of_run(const std::string& command, const std::vector<std::string>& words) {
        std::vector<std::string> all = {command, trained()};
        all.insert(all.end(), words.begin(), words.end());
        return all;
    }

    struct House {
        TemporaryFolder folder;
        std::string output;  ///< of the training
    };
    static House& house() {
        static House house;
        return house;
    }
};

}  // namespace reverie::test
