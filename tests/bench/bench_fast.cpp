// One pass of style nets for tools/bench fast, which asks for it in turn with that of another program. Reads lines
// "NET ENGINE SIDE" and answers with the seconds of one pass over a square photo:
//
//     bench_fast [THREADS]
//
// NET is half (16-32-64, ends of 5) or full (32-64-128, ends of 9), ENGINE own, strips (own, with large maps made
// anew), stages (own, the seconds when each layer was done) or libtorch.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "models/style_runner.h"
#include "reverie/core/runtime.h"
#include "reverie/techniques/fast_painter.h"
#include "support/style_weights.h"

int main(int count, char** words) {
    using namespace reverie;
    keep_freed_memory();  // as the programs do
    at::set_num_threads(count > 1 ? std::stoi(words[1]) : 2);
    std::map<std::string, std::unique_ptr<StyleRunner>> own;
    std::map<std::string, std::unique_ptr<FastPainter>> libtorch;
    std::string net;
    std::string engine;
    std::int64_t side = 0;
    while (std::cin >> net >> engine >> side) {
        if (!own[net]) {
            const StyleNetWeights weights =
                test::style_weights(net == "half" ? test::half_style_net() : test::full_style_net());
            own[net] = std::make_unique<StyleRunner>(weights);
            libtorch[net] = std::make_unique<FastPainter>(weights, FastPainterOptions{.engine = Engine::Libtorch});
        }
        const Tensor photo = at::rand({3, side, side});
        std::vector<double> shares(net == "half" ? 3 : 1);
        shares.front() = 1.0;
        const auto begin = std::chrono::steady_clock::now();
        if (engine == "libtorch") {
            libtorch[net]->paint({.photo = photo});
        } else {
            Hooks hooks;
            if (engine == "stages") {
                hooks.on_progress = [begin](const Progress&) {
                    std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << ' ';
                };
            }
            own[net]->paint(photo, shares, 1.0, engine == "strips" ? StyleMemory::Strips : StyleMemory::Whole, hooks);
        }
        std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << std::endl;
    }
    return 0;
}
