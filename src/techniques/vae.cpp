#include "reverie/techniques/vae.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/weights/state_dict.h"
#include "techniques/vae_model.h"

namespace reverie {
namespace {

/// Images or latents worked on at once, on the CPU and elsewhere.
constexpr std::int64_t kBatch = 32;
constexpr std::int64_t kDeviceBatch = 256;

VaeOptions options_in(const StateDict& weights) {
    try {
        return vae_options(weights.metadata());
    } catch (const Error& error) {
        throw Error(ErrorKind::Input, "'" + weights.path().string() + "' cannot be used: " + error.what());
    }
}

}  // namespace

struct Vae::State {
    VaeOptions options;
    VaeModel model;
    std::int64_t batch;

    Tensor labels_for(const Tensor& labels, std::int64_t count) const {
        return labels.defined() && labels.numel() > 0 ? labels : at::zeros({count}, at::kLong);
    }

    /// Rows [first, first+batch) of a tensor on the device; those beyond its end are zeros.
    Tensor rows(const Tensor& tensor, std::int64_t first) const {
        const std::int64_t count = std::min(batch, tensor.size(0) - first);
        const Tensor part = tensor.narrow(0, first, count).to(model.device());
        if (count == batch) {
            return part;
        }
        std::vector<std::int64_t> rest = tensor.sizes().vec();
        rest[0] = batch - count;
        return at::cat({part, at::zeros(rest, part.options())});
    }

    /// work(first row of a full batch) -> a tensor of its rows; all of them together, on the CPU.
    Tensor in_batches(std::int64_t count, const std::function<Tensor(std::int64_t first)>& work) const {
        std::vector<Tensor> parts;
        for (std::int64_t first = 0; first < count; first += batch) {
            parts.push_back(work(first).narrow(0, 0, std::min(batch, count - first)).to(at::kCPU));
        }
        return at::cat(parts);
    }

    Tensor shaped(const Tensor& latents) const {
        std::vector<std::int64_t> shape = model.net().latent_shape();
        shape.insert(shape.begin(), -1);
        return latents.view(shape);
    }
};

Vae::Vae(const VaeOptions& options, const NamedTensors& weights, c10::Device device) {
    validate(options);
    const VaeOptions all = settled(options);
    state_ =
        std::make_shared<State>(State{all, VaeModel(all, 0, device, nullptr), device.is_cpu() ? kBatch : kDeviceBatch});
    state_->model.load(weights);
    state_->model.train(false);
}

const VaeOptions& Vae::options() const { return state_->options; }
std::int64_t Vae::dimensions() const { return state_->model.dimensions(); }

Posterior Vae::encode(const Tensor& images, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    const Tensor classes = state_->labels_for(labels, images.size(0));
    const Tensor both = state_->in_batches(images.size(0), [&](std::int64_t first) {
        const Posterior posterior =
            state_->model.net().encode(state_->rows(images, first), state_->rows(classes, first));
        return at::stack({posterior.mean.flatten(1), posterior.log_variance.flatten(1)}, 1);  // [n,2,D]
    });
    return {both.select(1, 0).contiguous(), both.select(1, 1).contiguous()};
}

Tensor Vae::decode(const Tensor& latents, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    const Tensor classes = state_->labels_for(labels, latents.size(0));
    return state_->in_batches(latents.size(0), [&](std::int64_t first) {
        VaeNet& net = state_->model.net();
        return images_of(net, net.decode(state_->shaped(state_->rows(latents, first)), state_->rows(classes, first)))
            .contiguous();
    });
}

Tensor Vae::log_likelihood(const Tensor& latents, const Tensor& images, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    const Tensor classes = state_->labels_for(labels, latents.size(0));
    return state_->in_batches(latents.size(0), [&](std::int64_t first) {
        const Tensor outputs =
            state_->model.net().decode(state_->shaped(state_->rows(latents, first)), state_->rows(classes, first));
        return state_->model.likelihood().log_probability(outputs, state_->rows(images, first));
    });
}

bool Vae::likelihood_is_probability() const { return state_->model.likelihood().is_probability(); }

Vae load_vae(const std::filesystem::path& run, RunWeights which, c10::Device device) {
    const StateDict weights = read_state_dict(run_weights_file(run, which, "vae"));
    return {options_in(weights), all_tensors(weights), device};
}

}  // namespace reverie
