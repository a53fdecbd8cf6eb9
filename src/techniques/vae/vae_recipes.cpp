#include <algorithm>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/vae.h"

namespace reverie {
namespace {

/// pytorch/examples, vae/main.py.
VaeRecipe pytorch() {
    VaeRecipe recipe;
    recipe.options.net.kind = VaeNetKind::Pytorch;
    recipe.options.likelihood.kind = LikelihoodKind::Bernoulli;
    recipe.options.optimizer.learning_rate = 1e-3;
    recipe.training.batch = 128;
    recipe.training.epochs = 10;
    return recipe;
}

/// Deep Learning with Python, second edition, chapter 12.4, with Keras's Adam. There the images are MNIST's training
/// and test set together.
VaeRecipe chollet() {
    VaeRecipe recipe;
    recipe.options.net.kind = VaeNetKind::Chollet;
    recipe.options.likelihood.kind = LikelihoodKind::Bernoulli;
    recipe.options.optimizer.learning_rate = 1e-3;
    recipe.options.optimizer.epsilon = 1e-7;
    recipe.options.beta_average = true;
    recipe.training.batch = 128;
    recipe.training.epochs = 30;
    return recipe;
}

/// AntixK/PyTorch-VAE, configs/vae.yaml. Its loss, mean of squares + 0.00025 KL, is 2 / 12288 of ours with this beta.
VaeRecipe antixk() {
    VaeRecipe recipe;
    recipe.options.net.kind = VaeNetKind::Antixk;
    recipe.options.likelihood.kind = LikelihoodKind::Mse;
    recipe.options.optimizer.learning_rate = 5e-3;
    recipe.options.beta = 0.00025 * 3 * 64 * 64 / 2;
    recipe.training.batch = 64;
    recipe.training.epochs = 100;
    recipe.training.schedule = {.kind = Schedule::Exponential, .decay = 0.95};
    return recipe;
}

/// Ours, found by experiments on MNIST and on faces of 64x64.
VaeRecipe reverie(Size size, std::int64_t channels) {
    const auto values = static_cast<double>(size.height * size.width * channels);
    const bool small = std::min(size.height, size.width) < 48;
    VaeRecipe recipe;
    recipe.options.likelihood.kind = channels == 1 ? LikelihoodKind::Bernoulli : LikelihoodKind::Gaussian;
    recipe.options.optimizer = {.kind = OptimizerKind::AdamW,
                                .learning_rate = small ? 2e-3 : 1e-3,
                                .epsilon = 1e-8 * values,  // gradients are of whole images, not of a value
                                .weight_decay = 0.01};
    recipe.options.kl_warmup = 0.1;
    recipe.training.batch = small ? 128 : 32;
    recipe.training.steps = small ? 15'000 : 10'000;  // about a quarter of an hour on two cores
    recipe.training.schedule = {.kind = Schedule::Cosine, .warmup_steps = 250};
    recipe.training.clip_norm = values;
    recipe.training.average_half_life = 10'000;
    return recipe;
}

}  // namespace

VaeRecipe vae_recipe(const std::string& name, Size size, std::int64_t channels) {
    VaeRecipe recipe;
    if (name == "reverie") {
        recipe = reverie(size, channels);
    } else if (name == "chollet2e") {
        recipe = chollet();
    } else if (name == "pytorch") {
        recipe = pytorch();
    } else if (name == "antixk") {
        recipe = antixk();
    } else {
        throw Error(ErrorKind::Usage, "{--preset} is '" + name + "'; wanted " + join(vae_recipes(), ", ", " or "));
    }
    recipe.options.net.size = size;
    recipe.options.net.channels = channels;
    validate(recipe.options);
    return recipe;
}

std::vector<std::string> vae_recipes() { return {"reverie", "chollet2e", "pytorch", "antixk"}; }

}  // namespace reverie
