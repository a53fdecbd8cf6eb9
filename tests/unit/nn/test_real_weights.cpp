// With the real weights and sample photos that tools/setup fetches; skipped where they are not.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "reverie/image/picture.h"
#include "reverie/image/resample.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {
namespace {

std::filesystem::path below(const char* variable, const char* fallback, const std::string& rest) {
    if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') {
        return std::filesystem::path(value) / rest;
    }
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home == nullptr ? "" : home) / fallback / rest;
}

struct Photo {
    const char* name;
    std::int64_t label;
    double probability;  // by an independent PyTorch transcription (tests/parity/check_lite.py)
};

struct Lite {
    std::string architecture;
    std::string file;
    std::int64_t side;  // that it was trained for
    std::vector<Photo> photos;
};

void PrintTo(const Lite& lite, std::ostream* out) { *out << lite.architecture; }

class RealWeights : public testing::TestWithParam<Lite> {};

TEST_P(RealWeights, NameTheSamplePhotos) {
    const Lite& lite = GetParam();
    const auto file = below("XDG_DATA_HOME", ".local/share", "reverie/models/" + lite.file);
    const auto samples = below("XDG_CACHE_HOME", ".cache", "reverie/samples");
    if (!std::filesystem::exists(file) || !std::filesystem::exists(samples / "orange.jpg")) {
        GTEST_SKIP() << "tools/setup has not fetched " << file << " and " << samples;
    }
    FrozenNet net(make_graph(lite.architecture, "lite0"), read_state_dict(file), c10::Device(c10::kCPU));
    for (const Photo& photo : lite.photos) {
        const Tensor image = load_image(samples / photo.name);
        const std::int64_t side = std::min(image.size(1), image.size(2));
        const Tensor square =
            image.narrow(1, (image.size(1) - side) / 2, side).narrow(2, (image.size(2) - side) / 2, side).contiguous();
        const Tensor input = resize(square, Size{lite.side, lite.side}).clamp(0, 1);
        const Tensor probabilities = net.forward(input, {"logits"}).at("logits").flatten().softmax(0);
        EXPECT_EQ(probabilities.argmax().item<std::int64_t>(), photo.label) << photo.name;
        // The transcription resamples in bytes, and JPEG decoders may differ by a grey level.
        EXPECT_NEAR(probabilities[photo.label].item<double>(), photo.probability, 0.03) << photo.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Nets, RealWeights,
                         testing::Values(Lite{"efficientnet_lite0",
                                              "efficientnet-lite0-57934424.pth",
                                              224,
                                              {{"orange.jpg", 950, 0.8059},
                                               {"baboon.jpg", 372, 0.7409},
                                               {"squirrel_cls.jpg", 335, 0.6653},
                                               {"butterfly.jpg", 323, 0.3991}}},
                                         Lite{"efficientnet_lite1",
                                              "efficientnet-lite1-77cc7160.pth",
                                              240,
                                              {{"orange.jpg", 950, 0.3966},
                                               {"baboon.jpg", 372, 0.6595},
                                               {"squirrel_cls.jpg", 335, 0.2565},
                                               {"apple.jpg", 948, 0.2523}}},
                                         Lite{"efficientnet_lite2",
                                              "efficientnet-lite2-9656183e.pth",
                                              260,
                                              {{"orange.jpg", 950, 0.6960},
                                               {"baboon.jpg", 372, 0.5004},
                                               {"squirrel_cls.jpg", 335, 0.7485},
                                               {"apple.jpg", 948, 0.3154}}}),
                         [](const auto& tested) { return tested.param.architecture; });

}  // namespace
}  // namespace reverie
