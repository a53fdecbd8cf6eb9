// The real styletransfer with a net of closed-formula weights, two styles and the smallest work there is.
#pragma once

#include "cli/program_fixture.h"

namespace reverie::test {

class StylePrograms : public Programs {
  protected:
    StylePrograms() : Programs("styletransfer", vgg16()) {
        save_image(path("photo.png"), formula_image(36, 48, "photo").squeeze(0));
        save_image(path("wave.png"), formula_image(40, 44, "wave").squeeze(0) * 0.6);
        save_image(path("night.png"), formula_image(44, 33, "night").squeeze(0).flip(0));
    }

    static const std::filesystem::path& models() { return vgg16().path(); }

    static std::vector<std::string> quick(std::vector<std::string> words) {
        for (const char* word : {"--size", "own", "--min-size", "32", "--steps", "2", "--style-layers", "relu1_1",
                                 "relu2_1", "--content-layers", "relu2_2"}) {
            words.emplace_back(word);
        }
        return words;
    }
    RunResult quick_style(const std::vector<std::string>& words) const { return run(quick(words)); }

    /// Expects success and returns standard output.
    std::string styled(const std::vector<std::string>& words) const {
        const RunResult result = quick_style(words);
        EXPECT_EQ(result.exit_code, 0) << result.error;
        return result.output;
    }

    Tensor image(const std::string& name) const { return load_image(path(name)); }

    /// Beside the net of the style one that knows things.
    static const FormulaModels& two_nets() {
        static const FormulaModels models(
            {{"vgg16", make_graph("vgg16", "torchvision"), "vgg16.safetensors"},
             {"efficientnet_lite0", make_graph("efficientnet_lite0", "lite0"), "lite0.safetensors"}});
        return models;
    }

  private:
    static const FormulaModels& vgg16() {
        static const FormulaModels models("vgg16", make_graph("vgg16", "torchvision"), "vgg16.safetensors");
        return models;
    }
};

}  // namespace reverie::test
