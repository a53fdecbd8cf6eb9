#include "reverie/techniques/vae.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/weights/state_dict.h"
#include "techniques/fixed_batches.h"
#include "techniques/vae/vae_model.h"

namespace reverie {
namespace {

VaeOptions options_in(const StateDict& weights) {
    try {
        return vae_options(weights.metadata());
    } catch (const Error& error) {
        throw Error(ErrorKind::Input, "'" + weights.path().string() + "' cannot be used: " + error.sentence());
    }
}

}  // namespace

struct Vae::State {
    VaeOptions options;
    VaeModel model;
    std::int64_t batch;

    Tensor rows(const Tensor& tensor, std::int64_t first) const {
        return padded_rows(tensor, first, batch, model.device());
    }

    Tensor shaped(const Tensor& latents) const {
        std::vector<std::int64_t> shape = model.net().latent_shape();
        shape.insert(shape.begin(), -1);
        return latents.view(shape);
    }

    void check_images(const Tensor& images) const {
        const VaeNetOptions& net = options.net;
        require_batch(images, "what a VAE is to look at", net.channels, net.size.height, net.size.width);
    }

    void check_labels(const Tensor& labels, std::int64_t count) const {
        require_labels(labels, "the labels for a VAE", count, options.net.classes);
    }
};

Vae::Vae(const VaeOptions& options, const NamedTensors& weights, c10::Device device) {
    validate(options);
    const VaeOptions all = resolved(options);
    state_ = std::make_shared<State>(State{all, VaeModel(all, 0, device, nullptr), fixed_batch(device)});
    state_->model.load(weights);
    state_->model.train(false);
}

const VaeOptions& Vae::options() const { return state_->options; }
std::int64_t Vae::dimensions() const { return state_->model.dimensions(); }

Posterior Vae::encode(const Tensor& images, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    state_->check_images(images);
    state_->check_labels(labels, images.size(0));
    const Tensor classes = labels_or_first(labels, images.size(0));
    const Tensor both = in_fixed_batches(images.size(0), state_->batch, [&](std::int64_t first) {
        const Posterior posterior =
            state_->model.net().encode(state_->rows(images, first), state_->rows(classes, first));
        return at::stack({posterior.mean.flatten(1), posterior.log_variance.flatten(1)}, 1);  // [n,2,D]
    });
    return {both.select(1, 0).contiguous(), both.select(1, 1).contiguous()};
}

Tensor Vae::decode(const Tensor& latents, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    require_rows(latents, "what is to be decoded", dimensions());
    state_->check_labels(labels, latents.size(0));
    const Tensor classes = labels_or_first(labels, latents.size(0));
    return in_fixed_batches(latents.size(0), state_->batch, [&](std::int64_t first) {
        VaeNet& net = state_->model.net();
        return images_of(net, net.decode(state_->shaped(state_->rows(latents, first)), state_->rows(classes, first)))
            .contiguous();
    });
}

Tensor Vae::log_likelihood(const Tensor& latents, const Tensor& images, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    require_rows(latents, "the latents of a likelihood", dimensions());
    state_->check_images(images);
    state_->check_labels(labels, latents.size(0));
    if (images.size(0) != latents.size(0)) {
        throw Error(ErrorKind::Usage, "there are " + std::to_string(latents.size(0)) + " latents and " +
                                          std::to_string(images.size(0)) + " images; wanted one for each");
    }
    const Tensor classes = labels_or_first(labels, latents.size(0));
    return in_fixed_batches(latents.size(0), state_->batch, [&](std::int64_t first) {
        const Tensor outputs =
            state_->model.net().decode(state_->shaped(state_->rows(latents, first)), state_->rows(classes, first));
        return state_->model.likelihood().log_probability(outputs, state_->rows(images, first));
    });
}

bool Vae::likelihood_is_probability() const { return state_->model.likelihood().is_probability(); }

Vae load_vae(const std::filesystem::path& run, RunWeights which, c10::Device device) {
    const StateDict weights = read_run_weights(run, which, "vae");
    return {options_in(weights), all_tensors(weights), device};
}

}  // namespace reverie
