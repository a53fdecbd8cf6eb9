#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "reverie/techniques/latent_sampler.h"
#include "reverie/techniques/vae_latents.h"
#include "small_vae.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

const std::vector<std::uint64_t> kSeeds = {1, 2, 3, 70};

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

/// A run's folder, and how often its images were asked for.
struct Fitting {
    test::TemporaryFolder folder;
    Vae vae = test::small_vae();
    int asked = 0;

    Fitting() { write(folder / "weights", "one"); }
    Mixture fitted(MixturePlace place) {
        place.weights = folder / "weights";
        return vae_mixture(vae, 2, place, [this] {
            ++asked;
            return test::small_images(9);
        });
    }
};

TEST(VaeMixture, IsFittedOnceForTheSameWeights) {
    Fitting run;
    const MixturePlace place = {.folder = run.folder.path()};
    const Tensor first = sample_mixture(run.fitted(place), kSeeds);
    const Tensor second = sample_mixture(run.fitted(place), kSeeds);
    EXPECT_EQ(run.asked, 1);
    EXPECT_TRUE(at::equal(first, second));
    EXPECT_TRUE(std::filesystem::exists(run.folder / "mixture-2.safetensors"));
    write(run.folder / "weights", "others");
    run.fitted(place);
    EXPECT_EQ(run.asked, 2);
}

TEST(VaeMixture, IsKeptAndReadOnlyWhereItMayBe) {
    Fitting run;
    run.fitted({.folder = run.folder.path(), .write = false});
    EXPECT_FALSE(std::filesystem::exists(run.folder / "mixture-2.safetensors"));
    run.fitted({.folder = run.folder / "nowhere"});
    EXPECT_FALSE(std::filesystem::exists(run.folder / "nowhere"));
    run.fitted({.folder = run.folder.path()});
    run.fitted({.folder = run.folder.path(), .read = false});
    EXPECT_EQ(run.asked, 4);
}

TEST(VaeMixture, IsUsedWithAWarningWhereItCannotBeKept) {
    Fitting run;
    std::filesystem::create_directories(run.folder / "mixture-2.safetensors" / "in the way");
    std::vector<std::string> warnings;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& sentence) { warnings.push_back(sentence); };
    const Mixture mixture = vae_mixture(
        run.vae, 2, {.folder = run.folder.path(), .weights = run.folder / "weights"},
        [] { return test::small_images(9); }, hooks);
    EXPECT_EQ(mixture.weights.size(0), 2);
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_THAT(warnings[0], testing::HasSubstr("could not be kept"));
}

TEST(VaeMixture, HasNoMoreGaussiansThanImages) {
    const Vae vae = test::small_vae();
    EXPECT_EQ(vae_mixture(vae, 10, {}, [] { return test::small_images(3); }).weights.size(0), 3);
    test::expect_error(ErrorKind::Usage, [&] { vae_mixture(vae, 0, {}, [] { return test::small_images(3); }); });
    test::expect_error(ErrorKind::Input, [&] { vae_mixture(vae, 2, {}, [] { return ImageSource(); }); });
}

TEST(SampleLatents, FallBackToThePriorOnlyWhenTheyMay) {
    const Vae vae = test::small_vae();
    const auto nothing = []() -> Mixture { throw Error(ErrorKind::Usage, "the images are gone"); };
    std::string warning;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& sentence) { warning = sentence; };
    const Tensor prior = sample_latents(vae, {.sampler = Sampler::Prior}, kSeeds, 0.5, nothing, hooks);
    EXPECT_TRUE(at::equal(prior, seed_latents(kSeeds, 4, 0.5)));
    EXPECT_EQ(warning, "");
    EXPECT_TRUE(at::equal(sample_latents(vae, {}, kSeeds, 0.5, nothing, hooks), prior));
    EXPECT_EQ(warning, "seeds are drawn from the prior: the images are gone");
    test::expect_error(ErrorKind::Usage,
                       [&] { sample_latents(vae, {.sampler = Sampler::Mixture}, kSeeds, 0.5, nothing, hooks); });
    const auto stopped = []() -> Mixture { throw Error(ErrorKind::Cancelled, "stopped"); };
    test::expect_error(ErrorKind::Cancelled, [&] { sample_latents(vae, {}, kSeeds, 0.5, stopped, hooks); });
}

TEST(VaeLatents, OfPiecesAreThoseOfTheWhole) {
    const Vae vae = test::small_vae();
    const Tensor images = test::reference_images(5, 3, 16, 20).repeat({60, 1, 1, 1});
    const Posterior pieces = encode_images(vae, test::source_of(images));
    const Posterior whole = vae.encode(images);
    EXPECT_TRUE(at::equal(pieces.mean, whole.mean));
    EXPECT_TRUE(at::equal(pieces.log_variance, whole.log_variance));
}

TEST(VaeLatents, OfBinaryImagesFollowTheirNumbersInTheSet) {
    VaeOptions options;
    options.binarize = true;
    const Vae vae = test::small_vae(options);
    ImageSource images = test::small_images(4);
    images.indices = [](std::int64_t first, std::int64_t count) { return at::arange(first + 30, first + 30 + count); };
    const Tensor seen = as_trained(vae, images).images(1, 2);
    EXPECT_TRUE(at::equal(seen, binarized(images.images(1, 2), at::tensor({31, 32}, at::kLong))));
    EXPECT_TRUE(at::equal(as_trained(test::small_vae(), images).images(1, 2), images.images(1, 2)));
}

TEST(VaeLatents, DirectionIsThatOfTheMeans) {
    const Vae vae = test::small_vae();
    const Tensor images = test::reference_images(8, 3, 16, 20);
    const Tensor dark = images * 0.3;
    const Direction found =
        learn_direction("bright", vae, test::source_of(images), test::source_of(dark), DirectionMethod::Mean, 5);
    const Direction wanted =
        learn_direction("bright", vae.encode(images).mean, vae.encode(dark).mean, DirectionMethod::Mean, 5);
    EXPECT_TRUE(at::equal(found.vector, wanted.vector));
    EXPECT_EQ(found.accuracy, wanted.accuracy);
}

}  // namespace
}  // namespace reverie
