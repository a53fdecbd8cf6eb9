// How well decoder outputs explain images, in nats.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/distributed/ranks.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

enum class LikelihoodKind {
    Bernoulli,  ///< pixels as probabilities of a coin (exact for binary images, a loss for others)
    Gaussian,   ///< with one scale for all pixels, the best one for the batch (Rybkin et al., sigma-VAE, 2021): density
                ///< over [0,1]
    Logistic,   ///< discretised over 256 levels with one learned scale per channel (Kingma et al. 2016): true nats of
                ///< 8-bit images
    Mse,        ///< sum of squares, unit scale 1/2 (AntixK's loss without its mean): a loss in its own units
    Perceptual,  ///< Gaussian plus the squared distance of a frozen net's features (Hou et al. 2017)
};

/// "bernoulli", "gaussian", "logistic", "mse", "perceptual", and back. The latter throws Usage for another.
std::string text_of(LikelihoodKind kind);
LikelihoodKind likelihood_kind(const std::string& name);
std::vector<std::string> likelihood_kinds();

/// Whether nats under it are a likelihood of images, so that bits per dimension mean something: not Mse and Perceptual.
bool has_bits(LikelihoodKind kind);

/// `nats` of -log p an image (a double or a Tensor) as bits per dimension of 8-bit images, of which one has `values`
/// numbers; Gaussian's density over [0,1] is spread over 256 levels. For kinds that have them.
template <typename Number>
Number bits_per_dimension(LikelihoodKind kind, const Number& nats, double values) {
    return (kind == LikelihoodKind::Gaussian ? 8.0 : 0.0) + nats / (values * std::numbers::ln2);
}

struct LikelihoodOptions {
    LikelihoodKind kind = LikelihoodKind::Gaussian;
    double perceptual_weight = 1.0;  ///< of Perceptual's feature part
    bool logits = true;              ///< what the net's decoder gives
    std::int64_t channels = 3;
};

/// Its scales are "log_scale" in the exported file. Logistic's are a parameter. Gaussian's and Perceptual's is a
/// buffer: while training, each batch takes the scale under which it is likeliest (no gradient passes through it, which
/// changes nothing: the derivative there is zero), and a running mean of its logarithm is what counts otherwise.
class Likelihood : public torch::nn::Module {
  public:
    /// `net` for Perceptual alone; may be null otherwise.
    Likelihood(const LikelihoodOptions& options, std::shared_ptr<FrozenNet> net);
    /// log p(images | outputs) [N] in nats, summed over channels and pixels. For Perceptual the feature part is taken
    /// off (no probability any more). Differentiable with respect to outputs and Logistic's scales. In training a
    /// Gaussian's scale is the best for the images of all ranks: then it is collective.
    Tensor log_probability(const Tensor& outputs, const Tensor& images, const Ranks& ranks = {});
    /// Whether log_probability is one of the 8-bit images, so that bits per dimension mean something; for the density
    /// (Gaussian) log 256 per dimension is added to bits.
    bool is_probability() const;
    /// Those in use outside training, detached: one, or one a channel; undefined for likelihoods without.
    Tensor scales() const;
    const LikelihoodOptions& options() const noexcept { return options_; }

  private:
    LikelihoodOptions options_;
    std::shared_ptr<FrozenNet> net_;
    Tensor log_scale_;
};

}  // namespace reverie
