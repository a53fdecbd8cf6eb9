#include "reverie/techniques/vae_evaluation.h"

#include <ATen/ATen.h>

#include <string>

#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/pieces.h"
#include "reverie/distributed/shared_pieces.h"

namespace reverie {
namespace {

constexpr std::uint64_t kNoiseStream = 0x6576616c;

void require_one_each(const ImageSource& images, const Tensor& rows, const std::string& what) {
    if (images.count < 1 || rows.size(0) != images.count) {
        throw Error(ErrorKind::Usage, "there are " + std::to_string(images.count) + " images and " +
                                          std::to_string(rows.size(0)) + " " + what +
                                          "; wanted one for each image, and at least one");
    }
}

/// Images of latents [N,D].
ImageSource decoded(const Vae& vae, const Tensor& latents, const ImageSource::Read& labels) {
    ImageSource source;
    source.count = latents.size(0);
    source.images = [&vae, latents, labels](std::int64_t first, std::int64_t count) {
        return vae.decode(latents.narrow(0, first, count), labels(first, count));
    };
    return source;
}

}  // namespace

ElboEstimate estimate_elbo(const Vae& vae, const ImageSource& images, const Posterior& posterior, std::uint64_t seed,
                           const Hooks& hooks, const Ranks& ranks) {
    require_one_each(images, posterior.mean, "posteriors");
    double reconstruction = 0.0;
    in_shared_pieces(ranks, images.count, "reconstruction", "images", hooks,
                     [&](std::int64_t first, std::int64_t count) {
                         const Tensor noise = normal_noise(seed, kNoiseStream, first, count, {vae.dimensions()});
                         const Tensor z = posterior.mean.narrow(0, first, count) +
                                          at::exp(0.5 * posterior.log_variance.narrow(0, first, count)) * noise;
                         const Tensor log_likelihood =
                             vae.log_likelihood(z, images.images(first, count), images.labels_of(first, count));
                         reconstruction -= log_likelihood.sum(at::kDouble).item<double>();
                     });
    reconstruction =
        ranks.sum(at::scalar_tensor(reconstruction, at::kDouble)).item<double>() / static_cast<double>(images.count);

    ElboEstimate estimate;
    const Tensor kl = kl_per_dimension(posterior);
    estimate.reconstruction = reconstruction;
    estimate.kl = kl.sum(1).mean(0, false, at::kDouble).item<double>();
    estimate.elbo = -(reconstruction + estimate.kl);
    const LikelihoodKind kind = vae.options().likelihood.kind;
    if (has_bits(kind)) {
        const VaeNetOptions& net = vae.options().net;
        const auto values = static_cast<double>(net.channels * net.size.height * net.size.width);
        estimate.bits_per_dim = bits_per_dimension(kind, reconstruction + estimate.kl, values);
    }
    const Tensor variance = posterior.mean.to(at::kDouble).var(0, /*unbiased=*/false);
    estimate.active_units = (variance > kActiveVariance).sum().item<std::int64_t>();
    const Tensor means = kl.to(at::kDouble).mean(0);
    estimate.kl_per_dimension.assign(means.const_data_ptr<double>(), means.const_data_ptr<double>() + means.numel());
    return estimate;
}

LikelihoodEstimate estimate_likelihood(const Vae& vae, const ImageSource& images, const Posterior& posterior,
                                       const ImportanceOptions& options, const Hooks& hooks) {
    require_one_each(images, posterior.mean, "posteriors");
    const auto log_likelihood = [&](const Tensor& rows, const Tensor& z) {
        // Rows of a call lie close together, so an image is read once, not once a sample.
        const auto first = rows.min().item<std::int64_t>();
        const std::int64_t count = rows.max().item<std::int64_t>() - first + 1;
        const Tensor labels = images.labels_of(first, count);
        const Tensor local = rows - first;
        return vae.log_likelihood(z, images.images(first, count).index_select(0, local),
                                  labels.defined() ? labels.index_select(0, local) : labels);
    };
    return importance_nll(posterior.mean, posterior.log_variance, log_likelihood, options, hooks);
}

VaeDistances vae_distances(const Vae& vae, const ImageSource& images, const Posterior& posterior, const Tensor& samples,
                           const Tensor& sample_labels, FrozenNet& net, const FeatureProtocol& protocol,
                           const Hooks& hooks, const Ranks& ranks) {
    require_one_each(images, posterior.mean, "posteriors");
    require_one_each(images, samples, "samples");
    const auto of_images = [&](std::int64_t first, std::int64_t count) { return images.labels_of(first, count); };
    const auto of_samples = [&](std::int64_t first, std::int64_t count) {
        return sample_labels.defined() ? sample_labels.narrow(0, first, count) : of_images(first, count);
    };
    constexpr int kParts = 3;
    const auto features = [&](int part, const ImageSource& source) {
        return image_features(net, protocol, source, hooks_of_part(hooks, part, kParts), ranks);
    };
    const Tensor reals = features(0, images);
    VaeDistances distances;
    distances.reconstructions = feature_distances(reals, features(1, decoded(vae, posterior.mean, of_images)));
    distances.samples = feature_distances(reals, features(2, decoded(vae, samples, of_samples)));
    return distances;
}

}  // namespace reverie
