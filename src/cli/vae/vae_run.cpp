#include "cli/vae/vae_run.h"

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "cli/frame/pieces.h"

namespace reverie {
namespace {

ImageKind kind_of(const Vae& vae) {
    const VaeNetOptions& net = vae.options().net;
    return {net.size, net.channels, net.classes};
}

}  // namespace

VaeRun::VaeRun(Session& session, const RunFlags& flags)
    : VaeRun(session, flags, load_vae(run_path(flags), flags.weights, session.runtime().device)) {}

VaeRun::VaeRun(Session& session, const RunFlags& flags, Vae vae)
    : TrainedRun(session, flags, kind_of(vae)), session_(session), vae_(std::move(vae)) {}

Tensor VaeRun::decode(const Latents& latents, std::int64_t first, std::int64_t count) const {
    return vae_.decode(latents.values.narrow(0, first, count),
                       latents.labels.defined() ? latents.labels.narrow(0, first, count) : Tensor());
}

Posterior VaeRun::encode(const ImageList& images) const {
    std::vector<Tensor> means;
    std::vector<Tensor> variances;
    in_pieces(session_, images.count(), "images", [&](std::int64_t first, std::int64_t count) {
        Posterior part = vae_.encode(images.read(first, count), labels_of(images, first, count));
        means.push_back(std::move(part.mean));
        variances.push_back(std::move(part.log_variance));
    });
    return {at::cat(means), at::cat(variances)};
}

Latents VaeRun::latents_of(const ImageList& images) const {
    Latents latents{encode(images).mean, labels_of(images, 0, images.count()), {}};
    for (std::int64_t i = 0; i < images.count(); ++i) {
        latents.names.push_back(images.name(i));
    }
    return latents;
}

}  // namespace reverie
