#include "reverie/techniques/gan_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

constexpr std::array<std::pair<GanLoss, const char*>, 4> kNames = {{{GanLoss::NonSaturating, "non-saturating"},
                                                                    {GanLoss::Hinge, "hinge"},
                                                                    {GanLoss::LeastSquares, "least-squares"},
                                                                    {GanLoss::Wasserstein, "wasserstein"}}};

/// Cross entropy is linear in the labels, so those a little outside of [0,1] do no harm. Mao et al. halve the squares,
/// which a learning rate undoes; most code does not.
Tensor distance_to_labels(GanLoss loss, const Tensor& logits, const Tensor& labels) {
    const Tensor wanted = labels.view({-1, 1}).expand({-1, logits.numel() / logits.size(0)}).view_as(logits);
    if (loss == GanLoss::LeastSquares) {
        return (logits - wanted).square().mean();
    }
    return at::binary_cross_entropy_with_logits(logits, wanted.to(logits.scalar_type()));
}

/// Of what the critic gives, for each image: a pixel of one image has no part in the logit of another.
Tensor image_gradients(const Critic& critic, const Tensor& images) {
    return torch::autograd::grad({critic(images).sum()}, {images}, /*grad_outputs=*/{}, /*retain_graph=*/std::nullopt,
                                 /*create_graph=*/true)
        .front()
        .flatten(1);
}

}  // namespace

std::string text_of(GanLoss loss) {
    return std::ranges::find(kNames, loss, &std::pair<GanLoss, const char*>::first)->second;
}

GanLoss gan_loss(const std::string& name) {
    for (const auto& [loss, known] : kNames) {
        if (name == known) {
            return loss;
        }
    }
    throw Error(ErrorKind::Usage, "there is no loss '" + name + "'" + did_you_mean(name, gan_losses()) +
                                      "; {--loss} takes " + join(gan_losses(), ", ", " or "));
}

std::vector<std::string> gan_losses() {
    std::vector<std::string> names;
    for (const auto& entry : kNames) {
        names.emplace_back(entry.second);
    }
    return names;
}

bool has_labels(GanLoss loss) { return loss == GanLoss::NonSaturating || loss == GanLoss::LeastSquares; }

Tensor real_loss(GanLoss loss, const Tensor& logits, const Tensor& labels) {
    if (has_labels(loss)) {
        return distance_to_labels(loss, logits, labels);
    }
    return loss == GanLoss::Hinge ? (1.0 - logits).relu().mean() : -logits.mean();
}

Tensor fake_loss(GanLoss loss, const Tensor& logits, const Tensor& labels) {
    if (has_labels(loss)) {
        return distance_to_labels(loss, logits, labels);
    }
    return loss == GanLoss::Hinge ? (1.0 + logits).relu().mean() : logits.mean();
}

Tensor generator_loss(GanLoss loss, const Tensor& logits, double label) {
    return has_labels(loss) ? distance_to_labels(loss, logits, at::full({logits.size(0)}, label, logits.options()))
                            : -logits.mean();
}

Tensor r1_penalty(const Critic& critic, const Tensor& reals) {
    const Tensor points = reals.detach().requires_grad_();
    return 0.5 * image_gradients(critic, points).square().sum(1).mean();
}

Tensor gradient_penalty(const Critic& critic, const Tensor& reals, const Tensor& fakes, const Tensor& mix) {
    const Tensor points = at::lerp(fakes.detach(), reals.detach(), mix).requires_grad_();
    // The norm's own derivative is 0 where a gradient vanishes; a root's would be infinite.
    return (image_gradients(critic, points).norm(2, {1}) - 1.0).square().mean();
}

}  // namespace reverie
