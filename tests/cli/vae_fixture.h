// The real vae on drawn images.
#pragma once

#include "cli/training_fixture.h"

namespace reverie::test {

class VaePrograms : public TrainingPrograms {
  protected:
    VaePrograms() : TrainingPrograms("vae") {}

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
};

/// With a run that all tests of a suite share.
class VaeRuns : public VaePrograms {
  protected:
    VaeRuns() {
        if (house().output.empty()) {
            draw(data(), 8);
            house().output = run(quick({data(), "-o", trained(), "--conditional"})).output;
        }
    }

    static std::string data(const std::string& below = "") { return house().data(below); }
    static std::string trained() { return house().run(); }
    static std::vector<std::string> of_run(const std::string& command, const std::vector<std::string>& words) {
        return house().command(command, words);
    }

    static SharedRun& house() {
        static SharedRun house;
        return house;
    }
};

}  // namespace reverie::test
