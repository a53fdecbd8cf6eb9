// dream PHOTO OUTPUT [NETWORK [WEIGHTS]]: a network's dream on a photo. Its weights are downloaded when they are
// missing, or read from the file WEIGHTS.
#include <reverie/core/error.h>
#include <reverie/core/runtime.h>
#include <reverie/image/picture.h>
#include <reverie/techniques/dream.h>
#include <reverie/weights/store.h>

#include <cstdlib>
#include <iostream>
#include <string>

using namespace reverie;

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: dream PHOTO OUTPUT [NETWORK [WEIGHTS]]\n";
        return 2;
    }
    try {
        const Runtime runtime = setup_runtime({});
        const std::string network = argc > 3 ? argv[3] : "inception_v3";
        const WeightStore store(default_locations(std::getenv("HOME")));
        const NetworkWeights weights = argc > 4 ? store.resolve_file(network, argv[4]) : store.resolve(network);
        FrozenNet net = load_net(weights, runtime.device);

        Picture picture = read_picture(argv[1]);
        const std::int64_t memory = available_memory() / 2;
        Hooks hooks;
        hooks.on_progress = [](const Progress& progress) {
            std::cerr << progress.stage << ": " << static_cast<int>(100 * progress.done / progress.total) << " %\r";
        };
        picture.color = dream(picture.color, net, dream_recipe(network), memory, hooks).image;
        write_picture(argv[2], picture);
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return exit_code(error.kind());
    }
}
