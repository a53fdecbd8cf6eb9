// The published nets, layer by layer, under their own names.
#include <ATen/ATen.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/precision.h"
#include "models/convolve.h"
#include "models/initialize.h"
#include "models/vae_nets.h"

namespace reverie {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::Linear;

/// A module that is only a name over others.
std::shared_ptr<torch::nn::Module> folder(torch::nn::Module& parent, const std::string& name) {
    return parent.register_module(name, std::make_shared<torch::nn::Module>());
}

/// Common to the nets with a vector latent and no labels.
class PresetVae : public VaeNet {
  public:
    PresetVae(const VaeNetOptions& options, bool logits) : latent_(options.latent), logits_(logits) {}
    bool outputs_logits() const override { return logits_; }
    std::vector<std::int64_t> latent_shape() const override { return {latent_}; }

  private:
    std::int64_t latent_;
    bool logits_;
};

// ---- Chollet: Deep Learning with Python, second edition, chapter 12.4
// ------------------------------------------------

class CholletVae final : public PresetVae {
  public:
    CholletVae(const VaeNetOptions& options, std::uint64_t seed) : PresetVae(options, /*logits=*/true) {
        const auto encoder = folder(*this, "encoder");
        conv1_ = encoder->register_module("conv1", Conv2d(Conv2dOptions(1, 32, 3).stride(2)));
        conv2_ = encoder->register_module("conv2", Conv2d(Conv2dOptions(32, 64, 3).stride(2)));
        dense_ = encoder->register_module("dense", Linear(64 * 7 * 7, 16));
        z_mean_ = encoder->register_module("z_mean", Linear(16, options.latent));
        z_log_var_ = encoder->register_module("z_log_var", Linear(16, options.latent));
        const auto decoder = folder(*this, "decoder");
        first_ = decoder->register_module("dense", Linear(options.latent, 7 * 7 * 64));
        up1_ = decoder->register_module("up1", ConvTranspose2d(ConvTranspose2dOptions(64, 64, 3).stride(2)));
        up2_ = decoder->register_module("up2", ConvTranspose2d(ConvTranspose2dOptions(64, 32, 3).stride(2)));
        last_ = decoder->register_module("conv", Conv2d(Conv2dOptions(32, 1, 3).padding(1)));
        initialize_as_keras(*this, seed);
    }

    Posterior encode(const Tensor& images, const Tensor& /*labels*/) override {
        Tensor x = at::relu(convolve(*conv1_, padded(images)));  // [N,32,14,14]
        x = at::relu(convolve(*conv2_, padded(x)));              // [N,64,7,7]
        x = at::relu(multiply(*dense_, x.flatten(1)));           // [N,16]
        return {at_least_single(multiply(*z_mean_, x)), held_log_variance(multiply(*z_log_var_, x))};
    }

    Tensor decode(const Tensor& latents, const Tensor& /*labels*/) override {
        Tensor x = at::relu(multiply(*first_, latents)).view({-1, 64, 7, 7});
        x = at::relu(cut(convolve(*up1_, x)));  // [N,64,14,14]
        x = at::relu(cut(convolve(*up2_, x)));  // [N,32,28,28]
        return convolve(*last_, x);
    }

  private:
    /// Keras's "same" at stride 2 of an even side: one zero row and column, behind the picture alone.
    static Tensor padded(const Tensor& x) { return at::constant_pad_nd(x, {0, 1, 0, 1}); }
    /// Its counterpart, with which a transposed convolution exactly doubles a side.
    static Tensor cut(const Tensor& x) { return x.narrow(2, 0, x.size(2) - 1).narrow(3, 0, x.size(3) - 1); }

    Conv2d conv1_{nullptr}, conv2_{nullptr}, last_{nullptr};
    ConvTranspose2d up1_{nullptr}, up2_{nullptr};
    Linear dense_{nullptr}, z_mean_{nullptr}, z_log_var_{nullptr}, first_{nullptr};
};

// ---- pytorch/examples, vae/main.py
// -----------------------------------------------------------------------------------

class PytorchVae final : public PresetVae {
  public:
    PytorchVae(const VaeNetOptions& options, std::uint64_t seed) : PresetVae(options, /*logits=*/true) {
        fc1_ = register_module("fc1", Linear(784, 400));
        fc21_ = register_module("fc21", Linear(400, options.latent));
        fc22_ = register_module("fc22", Linear(400, options.latent));
        fc3_ = register_module("fc3", Linear(options.latent, 400));
        fc4_ = register_module("fc4", Linear(400, 784));
        initialize_as_pytorch(*this, seed);
    }

    Posterior encode(const Tensor& images, const Tensor& /*labels*/) override {
        const Tensor x = at::relu(multiply(*fc1_, images.flatten(1)));
        return {at_least_single(multiply(*fc21_, x)), held_log_variance(multiply(*fc22_, x))};
    }

    Tensor decode(const Tensor& latents, const Tensor& /*labels*/) override {
        return multiply(*fc4_, at::relu(multiply(*fc3_, latents))).view({-1, 1, 28, 28});
    }

  private:
    Linear fc1_{nullptr}, fc21_{nullptr}, fc22_{nullptr}, fc3_{nullptr}, fc4_{nullptr};
};

// ---- AntixK/PyTorch-VAE, models/vanilla_vae.py
// -----------------------------------------------------------------------

/// A convolution, batch norm and leaky ReLU.
template <typename Convolution>
class NormedStage : public torch::nn::Module {
  public:
    explicit NormedStage(Convolution convolution, std::int64_t channels)
        : convolution_(register_module("0", std::move(convolution))),
          norm_(register_module("1", BatchNorm2d(channels))) {}
    Tensor forward(const Tensor& x) { return normalize(*norm_, convolve(*convolution_, x), 0.01); }

  private:
    Convolution convolution_;
    BatchNorm2d norm_;
};

using DownStage = NormedStage<Conv2d>;
using UpStage = NormedStage<ConvTranspose2d>;

ConvTranspose2d doubling(std::int64_t in, std::int64_t out) {
    return ConvTranspose2d(ConvTranspose2dOptions(in, out, 3).stride(2).padding(1).output_padding(1));
}

class AntixkVae final : public PresetVae {
  public:
    AntixkVae(const VaeNetOptions& options, std::uint64_t seed) : PresetVae(options, /*logits=*/false) {
        const std::array<std::int64_t, 5> widths = {32, 64, 128, 256, 512};
        const auto encoder = folder(*this, "encoder");
        std::int64_t in = 3;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const Conv2d convolution(Conv2dOptions(in, widths[i], 3).stride(2).padding(1));
            down_.push_back(
                encoder->register_module(std::to_string(i), std::make_shared<DownStage>(convolution, widths[i])));
            in = widths[i];
        }
        fc_mu_ = register_module("fc_mu", Linear(512 * 4, options.latent));
        fc_var_ = register_module("fc_var", Linear(512 * 4, options.latent));
        decoder_input_ = register_module("decoder_input", Linear(options.latent, 512 * 4));
        const auto decoder = folder(*this, "decoder");
        for (std::size_t i = widths.size() - 1; i > 0; --i) {
            up_.push_back(
                decoder->register_module(std::to_string(widths.size() - 1 - i),
                                         std::make_shared<UpStage>(doubling(widths[i], widths[i - 1]), widths[i - 1])));
        }
        const auto last = register_module("final_layer", std::make_shared<UpStage>(doubling(32, 32), 32));
        up_.push_back(last);
        last_ = last->register_module("3", Conv2d(Conv2dOptions(32, 3, 3).padding(1)));
        initialize_as_pytorch(*this, seed);
    }

    Posterior encode(const Tensor& images, const Tensor& /*labels*/) override {
        Tensor x = images;
        for (const auto& stage : down_) {
            x = stage->forward(x);  // ... [N,512,2,2]
        }
        x = x.flatten(1);
        return {at_least_single(multiply(*fc_mu_, x)), held_log_variance(multiply(*fc_var_, x))};
    }

    Tensor decode(const Tensor& latents, const Tensor& /*labels*/) override {
        Tensor x = multiply(*decoder_input_, latents).view({-1, 512, 2, 2});
        for (const auto& stage : up_) {
            x = stage->forward(x);  // ... [N,32,64,64]
        }
        return at::tanh(convolve(*last_, x));  // though images are in [0,1], as published
    }

  private:
    std::vector<std::shared_ptr<DownStage>> down_;
    std::vector<std::shared_ptr<UpStage>> up_;
    Linear fc_mu_{nullptr}, fc_var_{nullptr}, decoder_input_{nullptr};
    Conv2d last_{nullptr};
};

}  // namespace

std::shared_ptr<VaeNet> make_chollet_vae(const VaeNetOptions& options, std::uint64_t seed) {
    return std::make_shared<CholletVae>(options, seed);
}
std::shared_ptr<VaeNet> make_pytorch_vae(const VaeNetOptions& options, std::uint64_t seed) {
    return std::make_shared<PytorchVae>(options, seed);
}
std::shared_ptr<VaeNet> make_antixk_vae(const VaeNetOptions& options, std::uint64_t seed) {
    return std::make_shared<AntixkVae>(options, seed);
}

}  // namespace reverie
