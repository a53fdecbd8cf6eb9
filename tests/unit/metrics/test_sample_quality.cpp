#include "reverie/metrics/sample_quality.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/metrics/distances.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "support/latent_samples.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::formula_normal;

TEST(SampleQuality, IsMadeOfTheDistances) {
    const Tensor reals = formula_normal(41, 7, "reals");
    const Tensor fakes = formula_normal(33, 7, "fakes") * 0.8 + 0.3;
    const SampleQuality found = sample_quality(reals, fakes);
    EXPECT_DOUBLE_EQ(found.frechet, frechet_distance(reals, fakes));
    EXPECT_DOUBLE_EQ(found.kernel, kernel_distance(reals, fakes).value);
    EXPECT_DOUBLE_EQ(found.precision, precision_recall(reals, fakes).precision);
    EXPECT_DOUBLE_EQ(found.recall, precision_recall(reals, fakes).recall);
    EXPECT_GT(found.frechet, 0.0);
    EXPECT_GT(found.precision, 0.0);
}

TEST(SampleQuality, CallsTheSameImagesPerfect) {
    const Tensor reals = formula_normal(23, 5, "reals");
    const SampleQuality found = sample_quality(reals, reals.flip(0));
    EXPECT_NEAR(found.frechet, 0.0, 1e-10);
    EXPECT_EQ(found.precision, 1.0);
    EXPECT_EQ(found.recall, 1.0);
    EXPECT_NEAR(found.diversity, 1.0, 1e-12);
}

TEST(SampleQuality, MeasuresDiversityAsAShareOfTheReals) {
    const Tensor reals = formula_normal(30, 9, "reals");
    EXPECT_NEAR(sample_quality(reals, 0.25 * reals + 5.0).diversity, 0.25, 1e-6);  // float32 features
    EXPECT_EQ(sample_quality(reals, reals.narrow(0, 3, 1).expand({12, -1})).diversity, 0.0);
    // 4 rows: all distances by hand
    const Tensor corners = at::tensor({0.0, 0.0, 3.0, 0.0, 0.0, 4.0, 3.0, 4.0}).view({4, 2});
    const Tensor line = at::tensor({0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0}).view({4, 2});
    EXPECT_NEAR(sample_quality(corners, line).diversity, 10.0 / 24.0, 1e-12);
}

TEST(SampleQuality, SeesTheWholeOfALongSortedSet) {
    // Two classes far apart: pairs of neighbours alone would see none of their distance.
    const Tensor second = at::arange(601).lt(300).to(at::kDouble).unsqueeze(1);
    const Tensor reals = formula_normal(601, 2, "reals").to(at::kDouble) + 100.0 * second;
    const Tensor fakes = formula_normal(601, 2, "fakes").to(at::kDouble);
    const double expected = 1.77 / (0.5 * 100.0 * std::sqrt(2.0));  // sqrt(pi) within a class; half of pairs are across
    EXPECT_NEAR(sample_quality(reals, fakes).diversity, expected, 0.1 * expected);
}

TEST(SampleQuality, StaysFiniteForRealsThatAreAllOneImage) {
    const Tensor one = formula_normal(1, 6, "one").expand({8, -1});
    EXPECT_EQ(sample_quality(one, formula_normal(8, 6, "fakes")).diversity, 1.0);
}

TEST(SampleQuality, WantsFourFiniteRowsOfEither) {
    const Tensor four = formula_normal(4, 3, "four");
    EXPECT_NO_THROW(sample_quality(four, four + 1.0));
    expect_error(ErrorKind::Input, [&] { sample_quality(four, four.narrow(0, 0, 3)); });
    expect_error(ErrorKind::Input, [&] { sample_quality(four.narrow(0, 0, 3), four); });
    Tensor broken = four.clone();
    broken[2][1] = std::numeric_limits<float>::quiet_NaN();
    expect_error(ErrorKind::Input, [&] { sample_quality(four, broken); });
}

TEST(CollapseWarning, SpeaksWhenDiversityHalves) {
    const auto warning = [](double diversity, double best) { return collapse_warning({.diversity = diversity}, best); };
    EXPECT_EQ(warning(0.9, 0.9), "");
    EXPECT_EQ(warning(0.51, 0.7), "");
    EXPECT_EQ(warning(0.66, 1.3), "");
    EXPECT_NE(warning(0.64, 1.3), "");
    EXPECT_NE(warning(0.49, 0.49), "") << "it never varied and still does not";
    const std::string text = warning(0.128, 0.811);
    EXPECT_NE(text.find("0.13"), std::string::npos) << text;
    EXPECT_NE(text.find("0.81"), std::string::npos) << text;
    EXPECT_NE(text.find("best checkpoint"), std::string::npos) << text;
}

TEST(CollapseWarning, IsSilentWhileARunBegins) {
    double best = 0.0;
    for (const double diversity : {0.02, 0.2, 0.45, 0.8}) {
        EXPECT_EQ(collapse_warning({.diversity = diversity}, best), "") << diversity;
        best = diversity;
    }
    EXPECT_NE(collapse_warning({.diversity = 0.3}, best), "");
}

/// Counts how often features had to be made.
struct Maker {
    int calls = 0;
    Tensor features = formula_normal(9, 5, "kept");
    Tensor operator()(const fs::path& file, const std::string& key) {
        return kept_features(file, key, [this] { return ++calls, features; });
    }
};

TEST(KeptFeatures, AreMadeOnceForAKey) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "deep/features.safetensors";
    Maker maker;
    EXPECT_TRUE(at::equal(maker(file, "faces lite0"), maker.features));
    EXPECT_TRUE(at::equal(maker(file, "faces lite0"), maker.features));
    EXPECT_EQ(maker.calls, 1);
    maker.features = maker.features + 1.0;
    EXPECT_TRUE(at::equal(maker(file, "faces inception"), maker.features));
    EXPECT_EQ(maker.calls, 2);
    EXPECT_TRUE(at::equal(maker(file, "faces inception"), maker.features));
    EXPECT_EQ(maker.calls, 2);
    EXPECT_EQ(std::distance(fs::directory_iterator(file.parent_path()), {}), 1);
}

TEST(KeptFeatures, AreMadeAnewWhereTheFileIsDamagedOrAnother) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "features.safetensors";
    Maker maker;
    maker(file, "these reals");
    fs::resize_file(file, fs::file_size(file) - 4);
    EXPECT_TRUE(at::equal(maker(file, "these reals"), maker.features));
    EXPECT_EQ(maker.calls, 2);
    write_file(file, "no such thing");
    maker(file, "these reals");
    EXPECT_EQ(maker.calls, 3);
    write_safetensors(file, {{"features", maker.features}}, {{"key", "these reals"}});
    maker(file, "these reals");
    EXPECT_EQ(maker.calls, 4);
    maker(file, "these reals");
    EXPECT_EQ(maker.calls, 4);
}

TEST(KeptFeatures, AreGivenEvenIfTheyCannotBeKept) {
    const test::TemporaryFolder folder;
    write_file(folder / "file", "in the way");
    Maker maker;
    EXPECT_TRUE(at::equal(maker(folder / "file/features.safetensors", "reals"), maker.features));
    EXPECT_EQ(maker.calls, 1);
}

TEST(KeptFeatures, PassOnWhatTheMakerThrows) {
    const test::TemporaryFolder folder;
    const fs::path file = folder / "features.safetensors";
    expect_error(ErrorKind::Cancelled,
                 [&] { kept_features(file, "key", []() -> Tensor { throw Error(ErrorKind::Cancelled, "stopped"); }); });
    EXPECT_FALSE(fs::exists(file));
}

TEST(FeatureFile, IsAnotherForOtherImagesAndNets) {
    const FeatureProtocol lite0 = feature_protocol("efficientnet_lite0");
    const FeatureFile one = feature_file("cache", lite0, "digest");
    EXPECT_EQ(one.path.parent_path(), "cache");
    EXPECT_EQ(one.path, feature_file("cache", lite0, "digest").path);
    EXPECT_NE(one.path, feature_file("cache", lite0, "another").path);
    EXPECT_NE(one.key, feature_file("cache", feature_protocol("inception_v3_fid"), "digest").key);
}

TEST(SampleQuality, OfImagesReadsTheRealsOnce) {
    const test::TemporaryFolder folder;
    FrozenNet net = test::formula_lite0();
    const FeatureProtocol protocol = feature_protocol("efficientnet_lite0");
    const Tensor images =
        test::formula_image(20, 20 * 8, "images").unflatten(3, {8, 20}).squeeze(0).permute({2, 0, 1, 3});
    int read = 0;
    const ImageSource reals = {.count = 4, .images = [&](std::int64_t first, std::int64_t count) {
                                   ++read;
                                   return images.narrow(0, first, count);
                               }};
    const ImageSource fakes = {.count = 4, .images = [&](std::int64_t first, std::int64_t count) {
                                   return images.narrow(0, 4 + first, count);
                               }};
    const FeatureFile kept = feature_file(folder.path(), protocol, "reals");
    double fraction = 0.0;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) { fraction = progress.done / progress.total; };
    const SampleQuality first = sample_quality(net, protocol, reals, fakes, kept, hooks);
    EXPECT_EQ(fraction, 1.0);
    const SampleQuality second = sample_quality(net, protocol, reals, fakes, kept, hooks);
    EXPECT_EQ(read, 1);
    EXPECT_EQ(figures_of(first), figures_of(second));
    const SampleQuality wanted =
        sample_quality(image_features(net, protocol, reals, {}), image_features(net, protocol, fakes, {}));
    EXPECT_EQ(figures_of(first), figures_of(wanted));
}

}  // namespace
}  // namespace reverie
