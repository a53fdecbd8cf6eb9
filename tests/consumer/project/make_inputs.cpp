// Writes what the examples work on, small and out of formulas: pictures, weights of nets that were never trained, a
// GAN's run.
#include <ATen/ATen.h>
#include <reverie/image/picture.h>
#include <reverie/nn/graph.h>
#include <reverie/techniques/gan.h>
#include <reverie/train/run_folder.h>
#include <reverie/weights/state_dict.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

namespace {

using namespace reverie;
namespace fs = std::filesystem;

Tensor drawn(std::int64_t height, std::int64_t width, double turn) {
    const Tensor y = at::arange(height, at::kFloat).view({1, -1, 1});
    const Tensor x = at::arange(width, at::kFloat).view({1, 1, -1});
    const Tensor c = at::arange(3, at::kFloat).view({-1, 1, 1});
    return (0.5 + 0.4 * at::sin(0.3 * x * std::cos(turn) + 0.3 * y * std::sin(turn) + c)).contiguous();
}

/// A checkpoint of the graph's layers with a kernel. What belongs to batch norms keeps the values' size.
void write_weights(const fs::path& path, const Graph& graph) {
    at::manual_seed(0);
    std::map<std::string, Tensor> arrays;
    for (const WeightShape& weight : weights_of(graph)) {
        if (weight.name.starts_with("classifier")) {
            continue;  // most of VGG's bytes, and no layer that the examples look at
        }
        if (weight.shape.size() == 4) {
            const auto inputs = static_cast<double>(weight.shape[1] * weight.shape[2] * weight.shape[3]);
            arrays[weight.name] = at::randn(weight.shape) * std::sqrt(2.0 / inputs);
        } else if (weight.name.ends_with(".weight") || weight.name.ends_with(".running_var")) {
            arrays[weight.name] = at::ones(weight.shape);
        } else {
            arrays[weight.name] = at::zeros(weight.shape);
        }
    }
    write_safetensors(path, arrays);
}

void write_gan(const fs::path& run) {
    fs::create_directories(run);
    GanOptions options = gan_recipe("reverie", Size{16, 16}, 3, 100).options;
    options.net.latent = 4;
    options.net.generator_width = options.net.discriminator_width = 8;
    GanTask task(options, 1, at::kCPU, {});
    export_weights(run / kWeightsFile, task.averaged(), task.metadata());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: make_inputs FOLDER\n";
        return 2;
    }
    const fs::path folder = argv[1];
    fs::remove_all(folder);
    fs::create_directories(folder / "images");
    for (int i = 0; i < 6; ++i) {
        save_image(folder / "images" / (std::to_string(i) + ".png"), drawn(16, 16, 0.5 * i));
    }
    save_image(folder / "photo.png", drawn(32, 40, 0.3));
    save_image(folder / "painting.png", drawn(36, 36, 1.8));
    write_weights(folder / "lite0.safetensors", make_graph("efficientnet_lite0", "lite0"));
    write_weights(folder / "vgg16.safetensors", make_graph("vgg16", "torchvision"));
    write_gan(folder / "gan");
}
