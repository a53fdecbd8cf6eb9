#include "techniques/vae_model.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <string>
#include <utility>

#include "reverie/core/error.h"

namespace reverie {
namespace {

std::string shape_text(const Tensor& tensor) {
    std::string text;
    for (const std::int64_t side : tensor.sizes()) {
        text += (text.empty() ? "" : "x") + std::to_string(side);
    }
    return text.empty() ? "one number" : text;
}

}  // namespace

VaeOptions settled(const VaeOptions& options) {
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

void VaeModel::load(const NamedTensors& weights) {
    const c10::NoGradGuard no_grad;
    for (const auto& [name, tensor] : state()) {
        const auto found = weights.find(name);
        if (found == weights.end() && !tensor.is_floating_point()) {
            continue;  // a norm's count of batches, which means are not kept of
        }
        if (found == weights.end()) {
            throw Error(ErrorKind::Input, "the weights lack '" + name +
                                              "'; they are another net's, so pass the options they were trained with");
        }
        if (found->second.sizes() != tensor.sizes()) {
            throw Error(ErrorKind::Input, "'" + name + "' is " + shape_text(found->second) + " in the weights and " +
                                              shape_text(tensor) +
                                              " in this net; pass the options the weights were trained with");
        }
        tensor.copy_(found->second);
    }
}

std::int64_t VaeModel::dimensions() const {
    std::int64_t count = 1;
    for (const std::int64_t side : net_->latent_shape()) {
        count *= side;
    }
    return count;
}

}  // namespace reverie
