// sample_gan RUN OUTPUT [SEEDS]: new images of a run that gan train wrote, as one picture.
#include <reverie/core/error.h>
#include <reverie/core/runtime.h>
#include <reverie/image/picture.h>
#include <reverie/output/grid.h>
#include <reverie/techniques/gan.h>
#include <reverie/techniques/latent_space.h>

#include <iostream>

using namespace reverie;

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: sample_gan RUN OUTPUT [SEEDS]\n";
        return 2;
    }
    try {
        const Runtime runtime = setup_runtime({});
        const Gan gan = load_gan(argv[1], RunWeights::Average, runtime.device);
        const Tensor latents = seed_latents(parse_seeds(argc > 3 ? argv[3] : "1-64"), gan.options().latent, 0.8);
        save_image(argv[2], image_grid(gan.generate(latents), {.columns = 8}));
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return exit_code(error.kind());
    }
}
