// What a stranger's program does with the installed libraries: a picture through a file, a network's graph, settings as
// JSON.
#include <ATen/ops/zeros.h>
#include <reverie/cli/settings.h>
#include <reverie/core/error.h>
#include <reverie/core/runtime.h>
#include <reverie/image/picture.h>
#include <reverie/image/resample.h>
#include <reverie/nn/graph.h>

#include <iostream>

int main(int argc, char** argv) {
    using namespace reverie;
    if (argc != 2) {
        std::cerr << "usage: consumer PICTURE\n";
        return 2;
    }
    save_image(argv[1], resize(at::zeros({3, 48, 96}), Size{32, 64}));
    const Tap tap = taps_of(make_graph("vgg16", "torchvision")).front();
    Settings settings;
    settings.set("version", version());
    settings.set("tap", tap.name);
    settings.set("field", tap.field);
    std::cout << to_json(settings) << '\n';
    if (read_picture_size(argv[1]) != Size{32, 64} || tap.field != 3) {
        return 1;
    }
    try {
        make_graph("no such architecture", "torchvision");
        return 1;
    } catch (const Error& error) {  // thrown in one library and caught in another program
        return error.kind() == ErrorKind::Usage ? 0 : 1;
    }
}
