#include "cli/vae/vae_run.h"

#include <utility>

#include "cli/runs/with_progress.h"
#include "reverie/techniques/vae_latents.h"

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

ImageSource VaeRun::source(const ImageList& images) const {
    ImageSource source = source_of(images);
    source.labels = [this, &images](std::int64_t first, std::int64_t count) { return labels_of(images, first, count); };
    return source;
}

Posterior VaeRun::encode(const ImageList& images) const {
    return with_progress(session_, "", [&](const Hooks& hooks) { return encode_images(vae_, source(images), hooks); });
}

Latents VaeRun::latents_of(const ImageList& images) const {
    Latents latents{encode(images).mean, labels_of(images, 0, images.count()), {}};
    for (std::int64_t i = 0; i < images.count(); ++i) {
        latents.names.push_back(images.name(i));
    }
    return latents;
}

}  // namespace reverie
