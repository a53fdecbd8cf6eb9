// train_vae IMAGES RUN STEPS: learns a folder (list, archive) of images, then draws new ones.
#include <reverie/core/error.h>
#include <reverie/core/runtime.h>
#include <reverie/image/picture.h>
#include <reverie/output/grid.h>
#include <reverie/techniques/latent_sampler.h>

#include <iostream>
#include <string>

using namespace reverie;

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: train_vae IMAGES RUN STEPS\n";
        return 2;
    }
    try {
        const Runtime runtime = setup_runtime({});
        const Dataset set = open_dataset(argv[1]);
        VaeRecipe recipe = vae_recipe("reverie", set.size(), set.channels());
        recipe.training.steps = std::stoll(argv[3]);
        recipe.training.device = runtime.device;
        VaeTask task(recipe.options, runtime.seed, runtime.device, nullptr);
        Batches batches(set, all_indices(set), {.batch = recipe.training.batch});
        RunFolder run = RunFolder::create(argv[2], {.program = "vae"}, 100'000'000);
        train(task, batches, nullptr, recipe.training, &run, {}, {});
        const Vae vae = load_vae(run.path(), RunWeights::Average, runtime.device);
        const MixturePlace place{.folder = run.path(),
                                 .weights = run_weights_file(run.path(), RunWeights::Average, "vae")};
        const auto images = [&] { return image_source(set, sample_indices(set.count(), kMostFittedImages, 0)); };
        const auto mixture = [&] { return vae_mixture(vae, 10, place, images); };
        const Tensor latents = sample_latents(vae, {}, parse_seeds("1-64"), 1.0, mixture);
        save_image(run.file("samples.png"), image_grid(vae.decode(latents)));
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return exit_code(error.kind());
    }
}
