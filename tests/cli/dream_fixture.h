// The real deepdream with a net of closed-formula weights.
#pragma once

#include "cli/program_fixture.h"

namespace reverie::test {

inline constexpr const char* kWeightsFile = "lite0.safetensors";

class DreamPrograms : public Programs {
  protected:
    DreamPrograms() : Programs("deepdream", lite0()) {}

    static const std::filesystem::path& models() { return lite0().path(); }

    RunResult deepdream(const std::vector<std::string>& words) const { return run(words); }

    /// With the smallest dream there is.
    RunResult quick_dream(std::vector<std::string> words) const {
        for (const char* word : {"--layers", "block3", "--steps", "1", "--octaves", "1", "--jitter", "4"}) {
            words.emplace_back(word);
        }
        return run(words);
    }

  private:
    static const FormulaModels& lite0() {
        static const FormulaModels models("efficientnet_lite0", make_graph("efficientnet_lite0", "lite0"),
                                          kWeightsFile);
        return models;
    }
};

}  // namespace reverie::test
