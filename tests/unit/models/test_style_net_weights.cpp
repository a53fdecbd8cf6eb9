#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <string>

#include "kernels/engine.h"
#include "models/style_runner.h"
#include "reverie/models/style_net_weights.h"
#include "support/expect_error.h"
#include "support/net_reference.h"
#include "support/style_weights.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using test::formula_tensor;
using test::TemporaryFolder;

std::filesystem::path small_file() { return std::string(REVERIE_TEST_DATA) + "/parity/references/style_net.pth"; }

/// The arrays of PyTorch's net with the channels of the published files.
std::map<std::string, Tensor> published_arrays() {
    std::map<std::string, Tensor> arrays;
    const auto convolution = [&](const std::string& name, std::int64_t out, std::int64_t in, std::int64_t side) {
        arrays[name + ".conv2d.weight"] = formula_tensor(name + ".conv2d.weight", {out, in, side, side}, false);
        arrays[name + ".conv2d.bias"] = formula_tensor(name + ".conv2d.bias", {out}, false);
    };
    const auto norm = [&](const std::string& name, std::int64_t channels) {
        for (const char* leaf : {".weight", ".bias"}) {
            arrays[name + leaf] = formula_tensor(name + leaf, {channels}, true);
        }
    };
    convolution("conv1", 32, 3, 9);
    convolution("conv2", 64, 32, 3);
    convolution("conv3", 128, 64, 3);
    for (int block = 1; block <= 5; ++block) {
        for (const char* part : {"1", "2"}) {
            const std::string name = "res" + std::to_string(block);
            convolution(name + ".conv" + part, 128, 128, 3);
            norm(name + ".in" + part, 128);
        }
    }
    convolution("deconv1", 64, 128, 3);
    convolution("deconv2", 32, 64, 3);
    convolution("deconv3", 3, 32, 9);
    norm("in1", 32);
    norm("in2", 64);
    norm("in3", 128);
    norm("in4", 64);
    norm("in5", 32);
    return arrays;
}

Tensor by_libtorch(const StyleNetWeights& weights, const Tensor& photo) {
    const c10::NoGradGuard no_grad;
    const TrainingEngine engine(false);
    const auto net = make_style_net(weights.options, 0);
    for (const auto& item : net->named_parameters()) {
        item.value().copy_(weights.arrays.at(item.key()));
    }
    return net->forward(photo.unsqueeze(0), at::zeros({1}, at::kLong))[0];
}

void expect_reference(const StyleNetWeights& weights, const std::string& name) {
    const auto wanted = test::references("style_net")[name];
    for (const auto& [width, height] : {std::pair{52, 36}, std::pair{51, 41}, std::pair{9, 8}}) {
        const Tensor photo = test::formula_image(height, width, "style")[0];
        const std::string size = std::to_string(width) + "x" + std::to_string(height);
        constexpr double kTolerance = 1e-4;  // float32, fifteen norms one after another
        test::expect_probes(by_libtorch(weights, photo), wanted[size], kTolerance, name + " " + size);
        for (const StyleMemory memory : {StyleMemory::Whole, StyleMemory::Strips}) {
            test::expect_probes(*StyleRunner(weights).paint(photo, {1.0}, 1.0, memory, {}), wanted[size], kTolerance,
                                name + " " + size + " by own kernels");
        }
    }
}

TEST(StyleNetWeights, PaintsWhatPyTorchsExamplePaints) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder / "mosaic.safetensors";
    write_safetensors(file, published_arrays());
    const StyleNetWeights weights = read_style_net(file);
    EXPECT_EQ(weights.options.styles, std::vector<std::string>{"mosaic"});
    EXPECT_FALSE(weights.options.adds_input);
    expect_reference(weights, "full");
}

TEST(StyleNetWeights, ReadsFilesOfTorchSaveWithRunningMeans) {
    const StateDict file = read_state_dict(small_file());
    ASSERT_TRUE(file.contains("in1.running_mean"));
    expect_reference(read_style_net(file), "small");
}

TEST(StyleNetWeights, FindsNetsBelowAPrefix) {
    const TemporaryFolder folder;
    std::map<std::string, Tensor> arrays;
    const StateDict file = read_state_dict(small_file());
    for (const std::string& name : file.names()) {
        arrays["module." + name] = file.load(name);
    }
    write_safetensors(folder / "net.safetensors", arrays);
    expect_reference(read_style_net(folder / "net.safetensors"), "small");
}

TEST(StyleNetWeights, ComeBackFromTheirFile) {
    const TemporaryFolder folder;
    const StyleNetWeights weights = test::style_weights(test::half_style_net());
    write_safetensors(folder / "net", weights.arrays, to_metadata(weights.options));
    const StyleNetWeights read = read_style_net(folder / "net");
    EXPECT_EQ(read.options.styles, weights.options.styles);
    EXPECT_EQ(read.options.channels, weights.options.channels);
    ASSERT_EQ(read.arrays.size(), weights.arrays.size());
    for (const auto& [name, array] : weights.arrays) {
        EXPECT_TRUE(at::equal(read.arrays.at(name), array)) << name;
    }
}

TEST(StyleNetWeights, OneStyleIsSmallAndAFurtherOneSmaller) {
    const TemporaryFolder folder;
    StyleNetOptions options = test::half_style_net();
    const auto bytes_of = [&](std::vector<std::string> styles) {
        options.styles = std::move(styles);
        write_safetensors(folder / "net", test::style_weights(options).arrays, to_metadata(options));
        return std::filesystem::file_size(folder / "net");
    };
    const auto one = bytes_of({"wave"});
    EXPECT_LE(one, 1'800'000U);
    EXPECT_LE(bytes_of({"wave", "starry"}) - one, 7'000U);
}

TEST(StyleNetWeights, DamagedFilesAreRefusedInASentence) {
    const TemporaryFolder folder;
    const StyleNetWeights weights = test::style_weights(test::half_style_net());
    const auto sentence_of = [&](const std::map<std::string, Tensor>& arrays,
                                 const std::map<std::string, std::string>& notes) {
        write_safetensors(folder / "net", arrays, notes);
        return expect_error(ErrorKind::Weights, [&] { read_style_net(folder / "net"); });
    };
    const auto notes = to_metadata(weights.options);
    EXPECT_NE(sentence_of(weights.arrays, {}).find("holds no style net"), std::string::npos);
    EXPECT_NE(sentence_of(weights.arrays, {{"architecture", "vae"}}).find("holds no style net"), std::string::npos);
    auto lacking = weights.arrays;
    lacking.erase("up.1.scale");
    EXPECT_NE(sentence_of(lacking, notes).find("lacks its array 'up.1.scale'"), std::string::npos);
    auto other = weights.arrays;
    other["down.1.weight"] = at::zeros({32, 16, 5, 5});
    EXPECT_NE(sentence_of(other, notes).find("'down.1.weight' of shape [32,16,5,5] where [32,16,3,3]"),
              std::string::npos);
    auto no_number = weights.arrays;
    no_number["out.bias"] = at::full({3}, std::numeric_limits<float>::infinity());
    EXPECT_NE(sentence_of(no_number, notes).find("'out.bias'"), std::string::npos);

    std::map<std::string, Tensor> published = published_arrays();
    published.erase("res3.in1.bias");
    EXPECT_NE(sentence_of(published, {}).find("lacks its array 'res3.in1.bias'"), std::string::npos);
    published = published_arrays();
    published["conv2.conv2d.weight"] = at::zeros({64});
    sentence_of(published, {});
    published = published_arrays();
    published["conv1.conv2d.weight"] = at::zeros({33, 3, 9, 9});
    EXPECT_NE(sentence_of(published, {}).find("multiple of 8"), std::string::npos);

    std::filesystem::copy_file(small_file(), folder / "cut.pth");
    std::filesystem::resize_file(folder / "cut.pth", std::filesystem::file_size(small_file()) / 2);
    expect_error(ErrorKind::Weights, [&] { read_style_net(folder / "cut.pth"); });
}

}  // namespace
}  // namespace reverie
