// The published nets of PyTorch programs, under their own names: convolutions without bias, batch norms.
//   Pytorch     pytorch/examples, dcgan/main.py
//   PytorchCpp  pytorch/examples, cpp/dcgan/dcgan.cpp
//   KobaJon     koba-jon/pytorch_cpp, Generative_Modeling/DCGAN
#include <ATen/ATen.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "core/precision.h"
#include "models/convolve.h"
#include "models/gan_nets.h"
#include "models/initialize.h"

namespace reverie {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::LeakyReLU;
using torch::nn::LeakyReLUOptions;
using torch::nn::ReLU;
using torch::nn::Sequential;
using torch::nn::Tanh;

struct Window {
    std::int64_t kernel, stride, padding;
};
constexpr Window kHalving = {4, 2, 1};
constexpr Window kWhole = {4, 1, 0};  // between 1x1 and 4x4

ConvTranspose2d up(std::int64_t in, std::int64_t out, Window window = kHalving) {
    return ConvTranspose2d(
        ConvTranspose2dOptions(in, out, window.kernel).stride(window.stride).padding(window.padding).bias(false));
}

Conv2d down(std::int64_t in, std::int64_t out, Window window = kHalving) {
    return Conv2d(Conv2dOptions(in, out, window.kernel).stride(window.stride).padding(window.padding).bias(false));
}

void push_up(Sequential& layers, const ConvTranspose2d& convolution) {
    layers->push_back(convolution);
    layers->push_back(BatchNorm2d(convolution->options.out_channels()));
    layers->push_back(ReLU());
}

void push_down(Sequential& layers, const Conv2d& convolution, bool norm) {
    layers->push_back(convolution);
    if (norm) {
        layers->push_back(BatchNorm2d(convolution->options.out_channels()));
    }
    layers->push_back(LeakyReLU(LeakyReLUOptions().negative_slope(0.2)));
}

/// Registers the layers as `name`, or each for itself when that is empty.
void register_layers(torch::nn::Module& net, const std::string& name, Sequential& layers) {
    if (!name.empty()) {
        net.register_module(name, layers);
        return;
    }
    for (const auto& layer : layers->named_children()) {
        net.register_module(layer.key(), layer.value());
    }
}

class SequentialGenerator final : public GanGenerator {
  public:
    SequentialGenerator(const std::string& name, Sequential layers) : layers_(std::move(layers)) {
        register_layers(*this, name, layers_);
    }
    Tensor forward(const Tensor& latents, const Tensor& /*labels*/) override {
        return at_least_single(run_layers(layers_, latents.unflatten(1, {latents.size(1), 1, 1})));
    }

  private:
    Sequential layers_;
};

class SequentialDiscriminator final : public GanDiscriminator {
  public:
    SequentialDiscriminator(const std::string& name, Sequential layers) : layers_(std::move(layers)) {
        register_layers(*this, name, layers_);
    }
    Tensor forward(const std::vector<Tensor>& seen, const Tensor& /*labels*/,
                   const DropoutNoise& /*dropout*/) override {
        return at_least_single(run_layers(layers_, seen.front().contiguous(at::MemoryFormat::ChannelsLast)).flatten());
    }

  private:
    Sequential layers_;
};

/// Channels from the finest maps to the coarsest, 4x4: {f, 2f, 4f, 8f} at 64 px.
std::vector<std::int64_t> pytorch_widths(const GanNetOptions& options, std::int64_t finest) {
    std::vector<std::int64_t> widths;
    for (std::int64_t side = options.size.width / 2; side >= 4; side /= 2) {
        widths.push_back(widths.empty() ? finest : 2 * widths.back());
    }
    return widths;
}

/// The same down to 2x2: {f, 2f, 4f, 8f, 8f, ...}.
std::vector<std::int64_t> koba_widths(const GanNetOptions& options, std::int64_t finest) {
    std::vector<std::int64_t> widths = {finest, 2 * finest, 4 * finest};
    widths.resize(static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(options.size.width))) - 1,
                  8 * finest);
    return widths;
}

/// From a latent to the coarsest maps by `first`, doubling from there.
Sequential generator_of(const GanNetOptions& options, const std::vector<std::int64_t>& widths, Window first) {
    Sequential layers;
    push_up(layers, up(options.latent, widths.back(), first));
    for (std::size_t i = widths.size() - 1; i > 0; --i) {
        push_up(layers, up(widths[i], widths[i - 1]));
    }
    layers->push_back(up(widths[0], options.channels));
    layers->push_back(Tanh());
    return layers;
}

/// Halving to the coarsest maps, and by `last` to one number.
Sequential discriminator_of(std::int64_t channels, const std::vector<std::int64_t>& widths, Window last) {
    Sequential layers;
    push_down(layers, down(channels, widths[0]), /*norm=*/false);
    for (std::size_t i = 1; i < widths.size(); ++i) {
        push_down(layers, down(widths[i - 1], widths[i]), /*norm=*/true);
    }
    layers->push_back(down(widths.back(), 1, last));
    return layers;
}

class PytorchCppGenerator final : public GanGenerator {
  public:
    PytorchCppGenerator(const GanNetOptions& options, std::uint64_t seed) {
        const ConvTranspose2d convolutions[] = {up(options.latent, 256, kWhole), up(256, 128, {3, 2, 1}), up(128, 64)};
        for (const ConvTranspose2d& convolution : convolutions) {
            const std::string number = std::to_string(convs_.size() + 1);
            convs_.emplace_back(register_module("conv" + number, convolution));
            norms_.emplace_back(
                register_module("batch_norm" + number, BatchNorm2d(convolution->options.out_channels())));
        }
        last_ = register_module("conv4", up(64, 1));
        initialize_as_pytorch(*this, seed);
    }
    Tensor forward(const Tensor& latents, const Tensor& /*labels*/) override {
        Tensor x = latents.unflatten(1, {latents.size(1), 1, 1});
        for (std::size_t i = 0; i < convs_.size(); ++i) {
            x = normalize(*norms_[i], convolve(*convs_[i], x), /*leaky_slope=*/0.0);  // 4x4, 7x7, 14x14
        }
        return at::tanh(at_least_single(convolve(*last_, x)));
    }

  private:
    std::vector<ConvTranspose2d> convs_;
    std::vector<BatchNorm2d> norms_;
    ConvTranspose2d last_ = nullptr;
};

}  // namespace

std::shared_ptr<GanGenerator> make_dcgan_generator(const GanNetOptions& options, std::uint64_t seed) {
    if (options.kind == GanNetKind::PytorchCpp) {
        return std::make_shared<PytorchCppGenerator>(options, seed);
    }
    const std::int64_t width = options.generator_width;
    const bool koba = options.kind == GanNetKind::KobaJon;
    auto net = koba ? std::make_shared<SequentialGenerator>(
                          "Generator", generator_of(options, koba_widths(options, width), kHalving))
                    : std::make_shared<SequentialGenerator>(
                          "main", generator_of(options, pytorch_widths(options, width), kWhole));
    initialize_as_dcgan(*net, seed);
    return net;
}

std::shared_ptr<GanDiscriminator> make_dcgan_discriminator(const GanNetOptions& options, std::uint64_t seed) {
    const std::int64_t channels = options.channels;
    if (options.kind == GanNetKind::PytorchCpp) {
        auto net = std::make_shared<SequentialDiscriminator>("", discriminator_of(1, {64, 128, 256}, {3, 1, 0}));
        initialize_as_pytorch(*net, seed);
        return net;
    }
    const std::int64_t width = options.discriminator_width;
    const bool koba = options.kind == GanNetKind::KobaJon;
    auto net = koba ? std::make_shared<SequentialDiscriminator>(
                          "Discriminator", discriminator_of(channels, koba_widths(options, width), kHalving))
                    : std::make_shared<SequentialDiscriminator>(
                          "main", discriminator_of(channels, pytorch_widths(options, width), kWhole));
    initialize_as_dcgan(*net, seed);
    return net;
}

}  // namespace reverie
