// Steps of training nets for tools/bench train, which asks for them in turn with those of other programs. Reads lines
// "NET ENGINE STEPS" and answers with the seconds of each step:
//
//     bench_steps [THREADS [NET ENGINE STEPS]]
//
// With a net it takes that one's steps alone, for its memory.
// NET is gan-pytorch-64, gan-64, gan-32, vae-64, vae-28 or style-256, ENGINE own, libtorch (its nets' own memory
// layout) or planar (style-256 alone: LibTorch on images that are not channels-last). Images are noise, made before; a
// GAN's or VAE's step is all that its training loop does for a batch: losses, gradients, optimisers, mean weights.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "bench/style_net.h"
#include "reverie/core/runtime.h"
#include "reverie/techniques/gan.h"
#include "reverie/techniques/vae.h"
#include "train/stepper.h"

namespace reverie {
namespace {

/// What a program trains, and how many steps it has taken.
class Subject {
  public:
    virtual ~Subject() = default;
    virtual void step() = 0;
};

class Training final : public Subject {
  public:
    Training(std::unique_ptr<TrainTask> task, const TrainOptions& options, Size size, std::int64_t channels)
        : task_(std::move(task)), options_(options), stepper_(*task_, options_) {
        batch_.images =
            at::rand({options.batch, channels, size.height, size.width}).contiguous(at::MemoryFormat::ChannelsLast);
        batch_.labels = at::zeros({options.batch}, at::kLong);
        batch_.indices = at::arange(options.batch, at::kLong);
    }
    void step() override {
        batch_.first = at_ * options_.batch;
        stepper_.step(batch_, at_, options_.steps, 1, 1.0);
        ++at_;
    }

  private:
    std::unique_ptr<TrainTask> task_;
    TrainOptions options_;
    Stepper stepper_;
    Batch batch_;
    std::int64_t at_ = 0;
};

class Style final : public Subject {
  public:
    explicit Style(bool planar)
        : images_(at::rand({4, 3, 256, 256})
                      .contiguous(planar ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast)) {}
    void step() override { net_.step(images_, images_); }

  private:
    Tensor images_;
    bench::StyleNet net_;
};

std::unique_ptr<Subject> make(const std::string& net, const std::string& engine) {
    if (net == "style-256") {
        return std::make_unique<Style>(engine == "planar");
    }
    const Size size = net.ends_with("-64") ? Size{64, 64} : net.ends_with("-32") ? Size{32, 32} : Size{28, 28};
    const std::int64_t channels = size.width == 64 ? 3 : 1;
    if (net.starts_with("gan")) {
        const std::string preset = net.starts_with("gan-pytorch") ? "pytorch" : "reverie";
        GanRecipe recipe = gan_recipe(preset, size, channels, 60'000);
        recipe.training.steps = 1'000'000;
        return std::make_unique<Training>(
            std::make_unique<GanTask>(recipe.options, 1, c10::Device(c10::kCPU), GanMeasure{}), recipe.training, size,
            channels);
    }
    VaeRecipe recipe = vae_recipe("reverie", size, channels);
    recipe.options.net.size = size;
    recipe.options.net.channels = channels;
    recipe.training.steps = 1'000'000;
    return std::make_unique<Training>(std::make_unique<VaeTask>(recipe.options, 1, c10::Device(c10::kCPU), nullptr),
                                      recipe.training, size, channels);
}

}  // namespace
}  // namespace reverie

int main(int count, char** words) {
    using namespace reverie;
    keep_freed_memory();  // as the programs do
    at::set_num_threads(count > 1 ? std::stoi(words[1]) : 2);
    std::istringstream one(count > 4 ? std::string(words[2]) + " " + words[3] + " " + words[4] : "");
    std::istream& orders = count > 4 ? one : std::cin;
    std::map<std::string, std::unique_ptr<Subject>> subjects;
    std::string net;
    std::string engine;
    int steps = 0;
    while (orders >> net >> engine >> steps) {
        std::unique_ptr<Subject>& subject = subjects[net + " " + engine];
        const TrainingEngine on(engine == "own");
        if (!subject) {
            subject = make(net, engine);
            subject->step();  // sets up
        }
        for (int i = 0; i < steps; ++i) {
            const auto begin = std::chrono::steady_clock::now();
            subject->step();
            std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << ' ';
        }
        std::cout << std::endl;
    }
    return 0;
}
