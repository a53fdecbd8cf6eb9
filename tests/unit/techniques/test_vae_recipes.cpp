#include <gtest/gtest.h>

#include "reverie/techniques/vae.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

TEST(VaeRecipes, EachIsFitToTrain) {
    for (const std::string& name : vae_recipes()) {
        const bool antixk = name == "antixk";
        const VaeRecipe recipe = vae_recipe(name, antixk ? Size{64, 64} : Size{28, 28}, antixk ? 3 : 1);
        validate(recipe.options);
        EXPECT_GT(recipe.training.batch, 0) << name;
        EXPECT_TRUE(recipe.training.steps > 0 || recipe.training.epochs > 0) << name;
    }
}

TEST(VaeRecipes, PublishedOnesAreAsPublished) {
    const VaeRecipe pytorch = vae_recipe("pytorch", {28, 28}, 1);
    EXPECT_EQ(pytorch.options.optimizer.learning_rate, 1e-3);
    EXPECT_EQ(pytorch.training.batch, 128);
    EXPECT_EQ(pytorch.training.epochs, 10);
    EXPECT_EQ(pytorch.options.beta, 1.0);
    const VaeRecipe chollet = vae_recipe("chollet2e", {28, 28}, 1);
    EXPECT_TRUE(chollet.options.beta_average);
    EXPECT_EQ(chollet.options.optimizer.epsilon, 1e-7);
    EXPECT_EQ(chollet.training.epochs, 30);
    const VaeRecipe antixk = vae_recipe("antixk", {64, 64}, 3);
    // 3.07 against a sum of squares; ours is half of one.
    EXPECT_NEAR(2 * antixk.options.beta, 3.072, 1e-9);
    EXPECT_EQ(antixk.training.schedule.kind, Schedule::Exponential);
    EXPECT_EQ(antixk.options.likelihood.kind, LikelihoodKind::Mse);
}

TEST(VaeRecipes, TheDefaultSuitsItsImages) {
    EXPECT_EQ(vae_recipe("reverie", {28, 28}, 1).options.likelihood.kind, LikelihoodKind::Bernoulli);
    const VaeRecipe photos = vae_recipe("reverie", {96, 72}, 3);
    EXPECT_EQ(photos.options.likelihood.kind, LikelihoodKind::Gaussian);
    EXPECT_EQ(photos.options.net.size, (Size{96, 72}));
    EXPECT_GT(photos.training.average_half_life, 0.0);
}

TEST(VaeRecipes, AnUnknownOneIsRefused) {
    const std::string message = test::expect_error(ErrorKind::Usage, [] { vae_recipe("keras", {28, 28}, 1); });
    EXPECT_NE(message.find("'keras'"), std::string::npos);
    test::expect_error(ErrorKind::Usage, [] { vae_recipe("antixk", {28, 28}, 1); });
}

TEST(VaeOptions, RefuseNumbersOutOfRange) {
    const auto refused = [](auto change) {
        VaeOptions options = vae_recipe("reverie", {32, 32}, 3).options;
        change(options);
        return test::expect_error(ErrorKind::Usage, [&] { validate(options); });
    };
    EXPECT_EQ(refused([](VaeOptions& o) { o.beta = -0.5; }),
              "--beta -0.5 is out of range; wanted a number of at least 0");
    EXPECT_NE(refused([](VaeOptions& o) { o.kl_warmup = 1.5; }).find("--kl-warmup 1.5"), std::string::npos);
    EXPECT_NE(refused([](VaeOptions& o) { o.free_bits = -1; }).find("--free-bits"), std::string::npos);
    EXPECT_NE(refused([](VaeOptions& o) { o.kl_cycles = -1; }).find("--kl-cycles"), std::string::npos);
    EXPECT_NE(refused([](VaeOptions& o) { o.optimizer.learning_rate = 0; }).find("--learning-rate"), std::string::npos);
    VaeOptions antixk = vae_recipe("antixk", {64, 64}, 3).options;
    antixk.likelihood.kind = LikelihoodKind::Bernoulli;
    test::expect_error(ErrorKind::Usage, [&] { validate(antixk); });
}

}  // namespace
}  // namespace reverie
