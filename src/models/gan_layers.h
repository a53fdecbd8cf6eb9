// Layers of our own GAN nets that LibTorch does not have.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// "weight" and, when wanted, "bias" of a layer. With a spectral norm (Miyato et al. 2018) the weight in use is the
/// parameter divided by sigma = u^T W v / (|u| |v|), W's first dimension against all others: u and v, the buffers, are
/// constants to the gradient.
class GanWeight : public torch::nn::Module {
  public:
    GanWeight(const std::vector<std::int64_t>& shape, bool with_bias, bool spectral_norm);
    /// The weight in use.
    Tensor weight() const;
    const Tensor& bias() const { return bias_; }
    /// One power iteration, where there is a spectral norm: v from u, then u from v.
    void advance();

  private:
    Tensor weight_, bias_, u_, v_;
};

/// The first weights and vectors of every GanWeight below: fifteen power iterations from normal numbers.
void initialize_norms(torch::nn::Module& net, std::uint64_t seed);
/// One power iteration of every GanWeight below.
void advance_norms_of(torch::nn::Module& net);

/// Self-attention of maps (Zhang et al. 2019), x + gamma * out(values looked up), gamma starting at 0; keys and values
/// are the largest of 2x2.
class SelfAttention : public torch::nn::Module {
  public:
    SelfAttention(std::int64_t channels, bool spectral_norm);
    Tensor forward(const Tensor& x);  // [N,C,H,W] -> the same

  private:
    std::shared_ptr<GanWeight> query_, key_, value_, out_;
    Tensor gamma_;
};

/// The bias of a last layer before tanh whose images begin as these colours [C] in [-1,1].
Tensor bias_for_colors(const Tensor& colors);

/// Maps [N,C,H,W] and one channel more: the mean over C, H, W of the deviation within a group of the batch. Groups are
/// as few as can be of at most four neighbours, as equal in size as can be.
Tensor with_minibatch_deviation(const Tensor& maps);

}  // namespace reverie
