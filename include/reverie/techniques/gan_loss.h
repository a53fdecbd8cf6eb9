// What generator and discriminator of a GAN minimise.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

enum class GanLoss {
    NonSaturating,  ///< cross entropy of labels; the generator wants "real" (Goodfellow et al. 2014)
    Hinge,          ///< Lim, Ye 2017; Miyato et al. 2018
    LeastSquares,   ///< Mao et al. 2017, labels 1 and 0; mean squares, not halved
    Wasserstein,    ///< Arjovsky et al. 2017; to be used with a gradient penalty
};
GanLoss gan_loss(const std::string& name);  ///< non-saturating, hinge, least-squares, wasserstein; throws Usage
std::string text_of(GanLoss loss);
std::vector<std::string> gan_losses();
/// Whether labels (smooth, noisy) mean anything to it: NonSaturating and LeastSquares.
bool has_labels(GanLoss loss);

/// Labels drawn uniformly between two values (Salimans et al. 2016 smooth them; Chollet adds noise); equal ones are
/// constant.
struct LabelRange {
    double low = 1.0;
    double high = 1.0;
    friend bool operator==(const LabelRange&, const LabelRange&) = default;
};

/// Means over logits [N] or [N,places] of reals and of fakes; the discriminator's loss is their sum. `labels` [N],
/// looked at where they mean something; they may lie a little outside of [0,1].
Tensor real_loss(GanLoss loss, const Tensor& logits, const Tensor& labels);
Tensor fake_loss(GanLoss loss, const Tensor& logits, const Tensor& labels);
/// The generator's, of logits of its images. `label`: what it wants them to be called (1).
Tensor generator_loss(GanLoss loss, const Tensor& logits, double label = 1.0);

/// Gradients of logits go through `critic`, which gives [N] for images.
using Critic = std::function<Tensor(const Tensor& images)>;

/// 1/2 E |d D(x) / dx|^2 at real images (Mescheder et al. 2018), differentiable; to be multiplied by gamma.
Tensor r1_penalty(const Critic& critic, const Tensor& reals);

/// E (|d D(x) / dx| - 1)^2 at points between reals and fakes (Gulrajani et al. 2017); `mix` [N,1,1,1] in [0,1] is the
/// share of the real. To be multiplied by lambda.
Tensor gradient_penalty(const Critic& critic, const Tensor& reals, const Tensor& fakes, const Tensor& mix);

}  // namespace reverie
