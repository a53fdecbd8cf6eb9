#include "reverie/metrics/features.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "reverie/image/resample.h"
#include "support/expect_error.h"
#include "support/formula_net.h"

namespace reverie {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

double largest(const Tensor& x) { return x.abs().max().item<double>(); }

/// All of `images` [N,C,H,W] at once.
Tensor features_of(FrozenNet& net, const std::string& network, const Tensor& images, const Hooks& hooks = {}) {
    return image_features(
        net, feature_protocol(network), images.size(0),
        [&](std::int64_t first, std::int64_t count) { return images.narrow(0, first, count); }, hooks);
}

TEST(FeatureProtocol, NamesWhatWasMeasured) {
    EXPECT_EQ(feature_protocol("efficientnet_lite0").name("frechet", 5000, 4990),
              "frechet(efficientnet_lite0 pool 1280d, bicubic 224, n=5000/4990)");
    EXPECT_EQ(feature_protocol("inception_v3_fid").name("kernel", 10, 20),
              "kernel(inception_v3_fid pool 2048d, bicubic 299, n=10/20)");
    EXPECT_EQ(feature_protocol("efficientnet_lite2").name("frechet", 10, 20),
              "frechet(efficientnet_lite2 pool 1280d, bicubic 260, n=10/20)");
    EXPECT_EQ(feature_protocol("vgg16_hed").name("frechet", 10, 20),
              "frechet(vgg16_hed pool 512d, bicubic 224, n=10/20)");
}

TEST(FeatureProtocol, UnknownNameIsToldThoseThatThereAre) {
    const std::string message = test::expect_error(ErrorKind::Usage, [] { feature_protocol("vgg16"); });
    EXPECT_THAT(message, HasSubstr("'vgg16' is not a network that distances are measured with"));
    EXPECT_THAT(message, HasSubstr("wanted inception_v3_fid, efficientnet_lite0, efficientnet_lite2 or vgg16_hed"));
}

TEST(FeatureNetworks, ComeInOrderOfPreference) {
    EXPECT_THAT(feature_networks(),
                ElementsAre("inception_v3_fid", "efficientnet_lite0", "efficientnet_lite2", "vgg16_hed"));
}

TEST(FeatureNetworks, LeaveOutTheOneThatWasLookedThrough) {
    EXPECT_THAT(feature_networks("efficientnet_lite0"),
                ElementsAre("inception_v3_fid", "efficientnet_lite2", "vgg16_hed"));
    EXPECT_EQ(feature_networks("resnet50"), feature_networks()) << "a net that nothing is measured with";
}

TEST(ImageFeatures, ComeInBatchesWithProgress) {
    FrozenNet net = test::formula_lite0();
    constexpr std::int64_t kCount = 35;
    std::vector<std::pair<std::int64_t, std::int64_t>> asked;
    double done = 0.0;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) {
        EXPECT_GT(progress.done, done);
        EXPECT_EQ(progress.total, static_cast<double>(kCount));
        done = progress.done;
    };
    const Tensor image = test::formula_image(40, 56, "picture");
    const Tensor features = image_features(
        net, feature_protocol("efficientnet_lite0"), kCount,
        [&](std::int64_t first, std::int64_t count) {
            asked.emplace_back(first, count);
            const Tensor shade = (at::arange(first, first + count, at::kFloat) / kCount).reshape({count, 1, 1, 1});
            return image * shade;
        },
        hooks);
    EXPECT_EQ(features.sizes(), (at::IntArrayRef{kCount, 1280}));
    EXPECT_EQ(done, static_cast<double>(kCount));
    std::int64_t next = 0;
    for (const auto& [first, count] : asked) {
        EXPECT_EQ(first, next);
        next += count;
    }
    EXPECT_EQ(next, kCount);
    // The last row is its own picture's: the net's head, averaged here, of the picture resized here.
    const Tensor seen = resize(image * (34.0F / kCount), Size{224, 224}).clamp(0.0, 1.0);
    const Tensor wanted = net.forward(seen, {"head"}, false).at("head").mean(at::IntArrayRef{2, 3})[0];
    EXPECT_LT(largest(features[34] - wanted), 1e-5 * largest(wanted));  // another batch size sums in another order
}

TEST(ImageFeatures, OfGreyAndTransparentPicturesAreThoseOfTheirColours) {
    FrozenNet net = test::formula_lite0();
    const Tensor image = test::formula_image(64, 64, "picture");
    const Tensor grey = image.narrow(1, 0, 1);
    const Tensor from_grey = features_of(net, "efficientnet_lite0", grey);
    EXPECT_TRUE(at::equal(from_grey, features_of(net, "efficientnet_lite0", grey.repeat({1, 3, 1, 1}))));
    const Tensor alpha = at::full({1, 1, 64, 64}, 0.25);
    const Tensor from_alpha = features_of(net, "efficientnet_lite0", at::cat({image, alpha}, 1));
    const Tensor on_white = features_of(net, "efficientnet_lite0", image * 0.25 + 0.75);
    EXPECT_LT(largest(from_alpha - on_white), 1e-4 * largest(on_white));
    EXPECT_GT(largest(from_alpha - from_grey), 1e-2 * largest(on_white));
}

TEST(ImageFeatures, OfThe2015NetCountFrom128) {
    FrozenNet net = test::formula_net("inception_v3_fid", "inception");
    // clean-fid's (x - 128) / 128 of a picture of 128s is 0; so is the graph's own 2x - 1 of one half.
    const Tensor features = features_of(net, "inception_v3_fid", at::full({1, 3, 19, 33}, 128.0F / 255.0F));
    EXPECT_EQ(features.sizes(), (at::IntArrayRef{1, 2048}));
    const Tensor maps = net.forward(at::full({1, 3, 299, 299}, 0.5F), {"Mixed_7c"}, false).at("Mixed_7c");
    const Tensor wanted = maps.mean(at::IntArrayRef{2, 3});
    EXPECT_LT(largest(features - wanted), 1e-5 * largest(wanted));
}

TEST(ImageFeatures, OfVgg16AreTheMeanOfItsLastActivation) {
    FrozenNet net = test::formula_net("vgg16", "caffe");
    const Tensor image = test::formula_image(224, 224, "picture");
    const Tensor features = features_of(net, "vgg16_hed", image);
    EXPECT_EQ(features.sizes(), (at::IntArrayRef{1, 512}));
    const Tensor maps = net.forward(image, {"relu5_3"}, false).at("relu5_3");
    EXPECT_EQ(maps.sizes(), (at::IntArrayRef{1, 512, 14, 14})) << "before the last pooling";
    EXPECT_TRUE(at::equal(features, maps.mean(at::IntArrayRef{2, 3})));
    EXPECT_GT(largest(features), 0.0);
}

TEST(ImageFeatures, OfLite2AreOfPicturesOfItsOwnSize) {
    FrozenNet net = test::formula_net("efficientnet_lite2", "lite0");
    const Tensor image = test::formula_image(260, 260, "picture");
    const Tensor features = features_of(net, "efficientnet_lite2", image);
    EXPECT_EQ(features.sizes(), (at::IntArrayRef{1, 1280}));
    const Tensor wanted = net.forward(image, {"head"}, false).at("head").mean(at::IntArrayRef{2, 3});
    EXPECT_LT(largest(features - wanted), 1e-5 * largest(wanted));  // the net's own mean sums in another order
    EXPECT_GT(largest(wanted), 0.0);
}

TEST(ImageFeatures, StopWhenAsked) {
    FrozenNet net = test::formula_lite0();
    CancelToken cancel;
    cancel.request();
    Hooks hooks;
    hooks.cancel = &cancel;
    test::expect_error(ErrorKind::Cancelled,
                       [&] { features_of(net, "efficientnet_lite0", test::formula_image(32, 32, "picture"), hooks); });
}

}  // namespace
}  // namespace reverie
