#include <algorithm>
#include <cmath>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/techniques/gan.h"

namespace reverie {
namespace {

void set_adam(GanOptions& options, double generator_rate, double discriminator_rate, double beta1, double beta2) {
    options.generator = {.learning_rate = generator_rate, .beta1 = beta1, .beta2 = beta2};
    options.discriminator = {.learning_rate = discriminator_rate, .beta1 = beta1, .beta2 = beta2};
}

/// pytorch/examples, dcgan/main.py.
GanRecipe pytorch() {
    GanRecipe recipe;
    recipe.options.net.kind = GanNetKind::Pytorch;
    recipe.options.separate_batches = true;
    set_adam(recipe.options, 2e-4, 2e-4, 0.5, 0.999);
    recipe.training.batch = 64;
    recipe.training.epochs = 25;
    return recipe;
}

/// pytorch/examples, cpp/dcgan/dcgan.cpp.
GanRecipe pytorch_cpp() {
    GanRecipe recipe;
    recipe.options.net.kind = GanNetKind::PytorchCpp;
    recipe.options.separate_batches = true;
    recipe.options.real_labels = {0.8, 1.0};
    set_adam(recipe.options, 2e-4, 2e-4, 0.5, 0.5);
    recipe.training.batch = 64;
    recipe.training.epochs = 30;
    return recipe;
}

/// Labels of Chollet's are the other way round (1: fake) with up to 0.05 added to both.
void set_chollet_labels(GanOptions& options) {
    options.real_labels = {0.95, 1.0};
    options.fake_labels = {-0.05, 0.0};
    options.discriminator_scale = 0.5;
    options.fresh_latents = true;
}

/// Deep Learning with Python, second edition, chapter 12.5, with Keras's Adam.
GanRecipe chollet2() {
    GanRecipe recipe;
    recipe.options.net.kind = GanNetKind::Chollet2;
    set_chollet_labels(recipe.options);
    set_adam(recipe.options, 1e-4, 1e-4, 0.9, 0.999);
    recipe.options.generator.epsilon = recipe.options.discriminator.epsilon = 1e-7;
    recipe.training.batch = 32;
    recipe.training.epochs = 100;
    return recipe;
}

/// The first edition, chapter 8.5, with Keras's RMSprop; its decay of the rate by 1e-8 a step is left out.
GanRecipe chollet1() {
    GanRecipe recipe;
    recipe.options.net.kind = GanNetKind::Chollet1;
    set_chollet_labels(recipe.options);
    OptimizerOptions rms{.kind = OptimizerKind::RmsProp, .beta2 = 0.9, .epsilon = 1e-7, .clip_value = 1.0};
    rms.learning_rate = 4e-4;
    recipe.options.generator = rms;
    rms.learning_rate = 8e-4;
    recipe.options.discriminator = rms;
    recipe.training.batch = 20;
    recipe.training.steps = 10'000;
    return recipe;
}

/// koba-jon/pytorch_cpp, DCGAN: a net rests while its loss is half of what it is in equilibrium.
GanRecipe koba_jon() {
    GanRecipe recipe;
    recipe.options.net.kind = GanNetKind::KobaJon;
    recipe.options.separate_batches = true;
    set_adam(recipe.options, 1e-3, 2.5e-4, 0.5, 0.999);
    recipe.options.discriminator_rest = 0.5 * 2.0 * std::log(2.0);
    recipe.options.generator_rest = 0.5 * std::log(2.0);
    recipe.training.batch = 32;
    recipe.training.epochs = 200;
    return recipe;
}

constexpr std::int64_t kFew = 5000;  // images that a discriminator soon knows by heart

/// Ours, found by experiments on digits, faces and drawn shapes: docs/gan.md has their table.
GanRecipe reverie(std::int64_t images) {
    constexpr std::int64_t kVeryFew = 1000;  // so few that a target of 0.6 does not stop that
    GanRecipe recipe;
    recipe.options.net.spectral_norm = false;
    recipe.options.r1 = 0.2;
    set_adam(recipe.options, 1e-3, 1e-3, 0.5, 0.999);
    recipe.options.augment_images = 50'000;
    if (images < kFew) {
        recipe.options.augment = {.color = true, .translation = true, .cutout = true};
        recipe.options.augment_target = images < kVeryFew ? 0.2 : 0.6;  // 0.6: Karras et al. 2020
    }
    recipe.training.batch = 32;
    recipe.training.steps = 20'000;
    recipe.training.schedule = {.kind = Schedule::Cosine};
    recipe.training.average_half_life = 10'000;
    return recipe;
}

/// Sauer et al.: Projected GANs Converge Faster (2021), with a pixel branch, and with widths, batch and rates for an
/// hour on a CPU; docs/gan.md has what was tried.
GanRecipe projected() {
    GanRecipe recipe;
    recipe.options.net.generator = GanGeneratorKind::Fastgan;
    recipe.options.net.discriminator = GanDiscriminatorKind::Projected;
    recipe.options.net.pixel_branch = true;
    recipe.options.loss = GanLoss::Hinge;
    recipe.options.separate_batches = true;
    // Places and colours are left alone, of 200 images too. Of images that are moved nobody can tell that in all of
    // them the eyes are in one place, and a generator whose colours count for less makes greyer ones.
    recipe.options.augment = {.cutout = true, .cutout_side = 0.2};
    recipe.options.augment_probability = 1.0;
    set_adam(recipe.options, 5e-4, 5e-4, 0.0, 0.99);
    recipe.training.batch = 16;
    recipe.training.steps = 20'000;
    recipe.training.schedule = {.kind = Schedule::Cosine};
    recipe.training.average_half_life = 20'000;
    return recipe;
}

}  // namespace

GanRecipe gan_recipe(const std::string& name, Size size, std::int64_t channels, std::int64_t images) {
    GanRecipe recipe;
    if (name == "reverie") {
        recipe = reverie(images);
    } else if (name == "projected") {
        recipe = projected();
    } else if (name == "chollet2e") {
        recipe = chollet2();
    } else if (name == "chollet1e") {
        recipe = chollet1();
    } else if (name == "pytorch") {
        recipe = pytorch();
    } else if (name == "pytorch-cpp") {
        recipe = pytorch_cpp();
    } else if (name == "koba-jon") {
        recipe = koba_jon();
    } else {
        throw Error(ErrorKind::Usage, "{--preset} is '" + name + "'; wanted " + join(gan_recipes(), ", ", " or "));
    }
    // Measuring samples takes seconds, hundreds of steps of small images; it shall be about a twentieth of a run at
    // most.
    recipe.training.validate_every = std::min(size.height, size.width) < 48 ? 10'000 : 2500;
    if (!looked_through(recipe.options.net).empty()) {  // the nets that may measure it are larger
        recipe.training.validate_every = 5000;
    }
    recipe.options.net.size = size;
    recipe.options.net.channels = channels;
    validate(recipe.options);
    return recipe;
}

std::vector<std::string> gan_recipes() {
    return {"reverie", "projected", "chollet2e", "chollet1e", "pytorch", "pytorch-cpp", "koba-jon"};
}

}  // namespace reverie
