// With the real weights and sample photos that tools/setup fetches; skipped where they are not.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

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

TEST(RealWeights, EfficientNetLite0NamesTheSamplePhotos) {
    const auto file = below("XDG_DATA_HOME", ".local/share", "reverie/models/efficientnet-lite0-57934424.pth");
    const auto samples = below("XDG_CACHE_HOME", ".cache", "reverie/samples");
    if (!std::filesystem::exists(file) || !std::filesystem::exists(samples / "orange.jpg")) {
        GTEST_SKIP() << "tools/setup has not fetched " << file << " and " << samples;
    }
    FrozenNet net(make_graph("efficientnet_lite0", "lite0"), read_state_dict(file), c10::Device(c10::kCPU));
    struct Photo {
        const char* name;
        std::int64_t label;
        double probability;  // by an independent PyTorch transcription (tests/parity/check_lite0.py)
    };
    for (const Photo& photo : {Photo{"orange.jpg", 950, 0.8059}, Photo{"baboon.jpg", 372, 0.7409},
                               Photo{"squirrel_cls.jpg", 335, 0.6653}, Photo{"butterfly.jpg", 323, 0.3991}}) {
        const Tensor image = load_image(samples / photo.name);
        const std::int64_t side = std::min(image.size(1), image.size(2));
        const Tensor square =
            image.narrow(1, (image.size(1) - side) / 2, side).narrow(2, (image.size(2) - side) / 2, side).contiguous();
        const Tensor input = resize(square, Size{224, 224}).clamp(0, 1);
        const Tensor probabilities = net.forward(input, {"logits"}).at("logits").flatten().softmax(0);
        EXPECT_EQ(probabilities.argmax().item<std::int64_t>(), photo.label) << photo.name;
        // The transcription resamples in bytes, and JPEG decoders may differ by a grey level.
        EXPECT_NEAR(probabilities[photo.label].item<double>(), photo.probability, 0.03) << photo.name;
    }
}

}  // namespace
}  // namespace reverie
