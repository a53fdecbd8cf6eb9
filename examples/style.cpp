// style PHOTO PAINTING OUTPUT [NETWORK WEIGHTS]: a photo in the style of a painting.
#include <reverie/core/error.h>
#include <reverie/core/runtime.h>
#include <reverie/image/picture.h>
#include <reverie/techniques/style.h>
#include <reverie/weights/store.h>

#include <cstdlib>
#include <iostream>

using namespace reverie;

int main(int argc, char** argv) {
    if (argc != 4 && argc != 6) {
        std::cerr << "usage: style PHOTO PAINTING OUTPUT [NETWORK WEIGHTS]\n";
        return 2;
    }
    try {
        const Runtime runtime = setup_runtime({});
        const StyleOptions options = style_recipe(StylePreset::Reverie);
        const WeightStore store(default_locations(std::getenv("HOME")));
        const NetworkWeights weights = argc > 4 ? store.resolve_file(argv[4], argv[5]) : store.resolve("vgg19");
        FrozenNet net = load_net(weights, runtime.device, [&](Graph& graph) { prepare_graph(graph, options); });

        const StyleSource painting{.images = {load_image(argv[2])}};
        Stylizer stylizer(net, {painting}, options, available_memory() / 2);
        const StyleJob job{.content = load_image(argv[1])};
        std::cerr << stylizer.plan(size_of(job.content)).scales.size() << " scales\n";
        save_image(argv[3], stylizer.stylize(job).image);
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return exit_code(error.kind());
    }
}
