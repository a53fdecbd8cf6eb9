#include "reverie/models/vae.h"

#include <ATen/ATen.h>

#include "core/precision.h"
#include "models/convolve.h"
#include "models/held.h"
#include "models/vae_nets.h"
#include "reverie/core/error.h"

namespace reverie {

namespace {

std::shared_ptr<VaeNet> net_of(const VaeNetOptions& all, std::uint64_t seed) {
    switch (all.kind) {
        case VaeNetKind::Residual:
            return make_residual_vae(all, seed);
        case VaeNetKind::Chollet:
            return make_chollet_vae(all, seed);
        case VaeNetKind::Pytorch:
            return make_pytorch_vae(all, seed);
        case VaeNetKind::Antixk:
            return make_antixk_vae(all, seed);
    }
    throw Error(ErrorKind::Internal, "a VAE of an unknown kind was asked for; please report this");
}

}  // namespace

std::shared_ptr<VaeNet> make_vae(const VaeNetOptions& options, std::uint64_t seed) {
    validate(options);
    auto net = net_of(resolved(options), seed);
    lay_out_for_kernels(*net);
    return net;
}

Tensor images_of(const VaeNet& net, const Tensor& outputs) {
    const Tensor values = at_least_single(outputs);
    return net.outputs_logits() ? at::sigmoid(values) : values.clamp(0.0, 1.0);
}

Tensor held_log_variance(const Tensor& raw) { return held(at_least_single(raw), -30.0, 20.0); }

}  // namespace reverie
