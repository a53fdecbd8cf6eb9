// The real gan on drawn images.
#pragma once

#include "cli/training_fixture.h"

namespace reverie::test {

class GanPrograms : public TrainingPrograms {
  protected:
    GanPrograms() : TrainingPrograms("gan") {}

    /// The smallest training there is.
    static std::vector<std::string> quick(std::vector<std::string> words, const std::string& steps = "6") {
        words.insert(words.begin(), "train");
        for (const std::string word : {"--latent", "3", "--width", "4", "--batch", "4", "--fid-samples", "6",
                                       "--log-every", "2", "--preview-every", "4"}) {
            words.push_back(word);
        }
        words.insert(words.end(), {"--steps", steps});
        return words;
    }
};

/// With a run that all tests of a suite share.
class GanRuns : public GanPrograms {
  protected:
    GanRuns() {
        if (house().output.empty()) {
            draw(data(), 8);
            house().output = run(quick({data(), "-o", trained(), "--conditional", "--validate-every", "3",
                                        "--learning-rate", "0.01"}))
                                 .output;
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
