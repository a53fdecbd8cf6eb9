// The published nets of Deep Learning with Python: no norms, Keras's "same" paddings. The layers' names are ours, and
// maps are flattened channels first, where Keras's are flattened channels last.
#include <ATen/ATen.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <string>
#include <vector>

#include "core/precision.h"
#include "models/convolve.h"
#include "models/gan_nets.h"
#include "models/initialize.h"
#include "reverie/core/device.h"
#include "reverie/core/noise.h"

namespace reverie {
namespace {

using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::Linear;

Tensor dropped(const Tensor& x, double share, const DropoutNoise& noise) {
    const Tensor kept = uniform_noise(noise.seed, noise.stream, noise.first, x.size(0), {x.size(1)}) >= share;
    return x * on_device(kept.to(at::kFloat), x.device()).to(x.scalar_type()).div(1.0 - share);
}

Conv2d same(std::int64_t in, std::int64_t out, std::int64_t kernel) {
    return Conv2d(Conv2dOptions(in, out, kernel).padding(kernel / 2));
}

ConvTranspose2d doubled(std::int64_t in, std::int64_t out) {
    return ConvTranspose2d(ConvTranspose2dOptions(in, out, 4).stride(2).padding(1));
}

/// Second edition, chapter 12.5.
class Chollet2Generator final : public GanGenerator {
  public:
    Chollet2Generator(const GanNetOptions& options, std::uint64_t seed)
        : dense_(register_module("dense", Linear(options.latent, 8 * 8 * 128))),
          up1_(register_module("up1", doubled(128, 128))),
          up2_(register_module("up2", doubled(128, 256))),
          up3_(register_module("up3", doubled(256, 512))),
          conv_(register_module("conv", same(512, 3, 5))) {
        initialize_as_keras(*this, seed);
    }
    Tensor forward(const Tensor& latents, const Tensor& /*labels*/) override {
        Tensor x = multiply(*dense_, latents).view({-1, 128, 8, 8});
        x = at::leaky_relu(convolve(*up1_, x), 0.2);
        x = at::leaky_relu(convolve(*up2_, x), 0.2);
        x = at::leaky_relu(convolve(*up3_, x), 0.2);
        return at::sigmoid(at_least_single(convolve(*conv_, x)));
    }

  private:
    Linear dense_;
    ConvTranspose2d up1_, up2_, up3_;
    Conv2d conv_;
};

/// First edition, chapter 8.5.
class Chollet1Generator final : public GanGenerator {
  public:
    Chollet1Generator(const GanNetOptions& options, std::uint64_t seed)
        : dense_(register_module("dense", Linear(options.latent, 16 * 16 * 128))),
          conv1_(register_module("conv1", same(128, 256, 5))),
          up_(register_module("up", doubled(256, 256))),
          conv2_(register_module("conv2", same(256, 256, 5))),
          conv3_(register_module("conv3", same(256, 256, 5))),
          conv4_(register_module("conv4", same(256, 3, 7))) {
        initialize_as_keras(*this, seed);
    }
    Tensor forward(const Tensor& latents, const Tensor& /*labels*/) override {
        Tensor x = at::leaky_relu(multiply(*dense_, latents), 0.3).view({-1, 128, 16, 16});
        x = convolve(*conv1_, x, {.leaky_slope = 0.3});
        x = at::leaky_relu(convolve(*up_, x), 0.3);
        x = convolve(*conv2_, x, {.leaky_slope = 0.3});
        x = convolve(*conv3_, x, {.leaky_slope = 0.3});
        return at::tanh(at_least_single(convolve(*conv4_, x)));  // though images are in [0,1], as published
    }

  private:
    Linear dense_;
    Conv2d conv1_;
    ConvTranspose2d up_;
    Conv2d conv2_, conv3_, conv4_;
};

/// Of either edition: leaky convolutions, dropout, a linear layer.
class CholletDiscriminator final : public GanDiscriminator {
  public:
    CholletDiscriminator(const std::vector<Conv2d>& convolutions, std::int64_t features, double slope, double dropout,
                         std::uint64_t seed)
        : slope_(slope), dropout_(dropout) {
        for (const Conv2d& convolution : convolutions) {
            convs_.emplace_back(register_module("conv" + std::to_string(convs_.size() + 1), convolution));
        }
        dense_ = register_module("dense", Linear(features, 1));
        initialize_as_keras(*this, seed);
    }
    Tensor forward(const std::vector<Tensor>& seen, const Tensor& /*labels*/, const DropoutNoise& dropout) override {
        Tensor x = seen.front();
        for (const Conv2d& conv : convs_) {
            x = convolve(*conv, x, {.leaky_slope = slope_});
        }
        x = x.flatten(1);
        return at_least_single(multiply(*dense_, is_training() ? dropped(x, dropout_, dropout) : x).squeeze(1));
    }

  private:
    double slope_, dropout_;
    std::vector<Conv2d> convs_;
    Linear dense_ = nullptr;
};

std::shared_ptr<GanDiscriminator> make_chollet2_discriminator(std::uint64_t seed) {
    const auto halved = [](std::int64_t in, std::int64_t out) {
        return Conv2d(Conv2dOptions(in, out, 4).stride(2).padding(1));
    };
    const std::vector<Conv2d> convolutions = {halved(3, 64), halved(64, 128), halved(128, 128)};
    return std::make_shared<CholletDiscriminator>(convolutions, 128 * 8 * 8, 0.2, 0.2, seed);
}

std::shared_ptr<GanDiscriminator> make_chollet1_discriminator(std::uint64_t seed) {
    std::vector<Conv2d> convolutions = {Conv2d(Conv2dOptions(3, 128, 3))};
    for (int i = 0; i < 3; ++i) {
        convolutions.emplace_back(Conv2dOptions(128, 128, 4).stride(2));
    }
    return std::make_shared<CholletDiscriminator>(convolutions, 128 * 2 * 2, 0.3, 0.4, seed);
}

}  // namespace

std::shared_ptr<GanGenerator> make_chollet_generator(const GanNetOptions& options, std::uint64_t seed) {
    if (options.kind == GanNetKind::Chollet1) {
        return std::make_shared<Chollet1Generator>(options, seed);
    }
    return std::make_shared<Chollet2Generator>(options, seed);
}

std::shared_ptr<GanDiscriminator> make_chollet_discriminator(const GanNetOptions& options, std::uint64_t seed) {
    return options.kind == GanNetKind::Chollet1 ? make_chollet1_discriminator(seed) : make_chollet2_discriminator(seed);
}

}  // namespace reverie
