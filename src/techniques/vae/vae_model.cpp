#include "techniques/vae/vae_model.h"

#include <ATen/ATen.h>

#include <utility>

#include "reverie/train/run_weights.h"

namespace reverie {

VaeOptions resolved(const VaeOptions& options) {
    VaeOptions all = options;
    const bool bernoulli = options.likelihood.kind == LikelihoodKind::Bernoulli;
    all.net.logits = all.net.kind == VaeNetKind::Residual ? bernoulli : all.net.kind != VaeNetKind::Antixk;
    all.net = resolved(all.net);
    all.likelihood.logits = all.net.logits;
    all.likelihood.channels = all.net.channels;
    return all;
}

VaeModel::VaeModel(const VaeOptions& options, std::uint64_t seed, c10::Device device,
                   std::shared_ptr<FrozenNet> perceptual)
    : device_(device),
      net_(make_vae(options.net, seed)),
      likelihood_(std::make_shared<Likelihood>(options.likelihood, std::move(perceptual))) {
    net_->to(device);
    likelihood_->to(device);
}

void VaeModel::train(bool on) {
    net_->train(on);
    likelihood_->train(on);
}

NamedTensors VaeModel::parameters() const {
    NamedTensors tensors;
    for (const torch::nn::Module* part :
         {static_cast<torch::nn::Module*>(net_.get()), static_cast<torch::nn::Module*>(likelihood_.get())}) {
        for (const auto& item : part->named_parameters()) {
            tensors[item.key()] = item.value();
        }
    }
    return tensors;
}

NamedTensors VaeModel::state() const {
    NamedTensors tensors = parameters();
    for (const auto& buffers : {net_->named_buffers(), likelihood_->named_buffers()}) {
        for (const auto& item : buffers) {
            tensors[item.key()] = item.value();
        }
    }
    return tensors;
}

void VaeModel::load(const NamedTensors& weights) { load_weights(state(), weights); }

std::int64_t VaeModel::dimensions() const {
    std::int64_t count = 1;
    for (const std::int64_t side : net_->latent_shape()) {
        count *= side;
    }
    return count;
}

}  // namespace reverie
