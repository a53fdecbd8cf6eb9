// Variational autoencoders (Kingma, Welling 2014) for images of any size: one convolutional family and the published
// nets.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

enum class VaeNetKind {
    Residual,  ///< ours: residual convolutions, any size and channels
    Chollet,   ///< Deep Learning with Python, 2nd edition, chapter 12: 28x28 grey, latent 2, Keras padding
    Pytorch,   ///< pytorch/examples vae: 784-400-20
    Antixk,    ///< AntixK/PyTorch-VAE vanilla_vae: 64x64 RGB, latent 128
};

struct VaeNetOptions {
    VaeNetKind kind = VaeNetKind::Residual;
    Size size;                  ///< of the images, each side >= 16
    std::int64_t channels = 3;  ///< 1, 3 or 4
    std::int64_t latent = 0;  ///< dimensions of a vector latent, or channels of a spatial one; 0: the kind's own choice
    /// 0: a vector; else a spatial latent, whose shortest side is at least this and less than twice it
    std::int64_t latent_grid = 0;
    std::int64_t width = 0;    ///< channels of the first stage; 0: the kind's own choice
    std::int64_t blocks = 0;   ///< residual blocks a stage; 0: the kind's own choice
    std::int64_t classes = 0;  ///< conditional on that many labels; 0: not
    /// Residual: the decoder gives logits of the images, for a Bernoulli likelihood, and the encoder sees them as they
    /// are; otherwise it gives the images, and the encoder sees them in [-1,1].
    bool logits = true;
};

/// Throws Usage, speaking in flag names, for what the kind cannot do (a preset of one size with another).
void validate(const VaeNetOptions& options);
/// Every "own choice" filled in.
VaeNetOptions resolved(const VaeNetOptions& options);

/// As the metadata of a weights file, and back. The latter throws Input for notes of something else.
std::map<std::string, std::string> to_metadata(const VaeNetOptions& options);
VaeNetOptions vae_net_options(const std::map<std::string, std::string>& metadata);

/// A diagonal Gaussian over latents, [N, latent...] each. log_variance is held where it is made: softly in [-10, 10] by
/// Residual, in [-30, 20] by the published nets.
struct Posterior {
    Tensor mean;
    Tensor log_variance;
};

/// Parameters are registered under the names of the exported file ("encoder.stages.0.conv.weight", ...). Presets use
/// the published net's own. Initial weights are a function of `seed` alone.
class VaeNet : public torch::nn::Module {
  public:
    /// Images [N,C,H,W] in [0,1]; labels int64 [N], looked at only when conditional.
    virtual Posterior encode(const Tensor& images, const Tensor& labels) = 0;
    /// Latents [N, latent...] -> raw outputs [N,C,H,W]: logits of the images or images, see images_of.
    virtual Tensor decode(const Tensor& latents, const Tensor& labels) = 0;
    /// Whether decode's outputs are logits of the images (Chollet, Pytorch, Residual with `logits`) or the images
    /// themselves (Antixk, by a tanh; Residual without, by nothing).
    virtual bool outputs_logits() const = 0;
    /// Without the batch: {latent} or {latent, h, w}.
    virtual std::vector<std::int64_t> latent_shape() const = 0;
};

std::shared_ptr<VaeNet> make_vae(const VaeNetOptions& options, std::uint64_t seed);

/// Decoder outputs as images in [0,1].
Tensor images_of(const VaeNet& net, const Tensor& outputs);

}  // namespace reverie
