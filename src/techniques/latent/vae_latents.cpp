#include "reverie/techniques/vae_latents.h"

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/core/pieces.h"
#include "reverie/distributed/shared_pieces.h"

namespace reverie {

ImageSource as_trained(const Vae& vae, ImageSource images) {
    if (!vae.options().binarize) {
        return images;
    }
    ImageSource binary = images;
    binary.images = [images = std::move(images)](std::int64_t first, std::int64_t count) {
        return binarized(images.images(first, count), images.indices_of(first, count));
    };
    return binary;
}

Posterior encode_images(const Vae& vae, const ImageSource& images, const Hooks& hooks, const Ranks& ranks) {
    if (images.count < 1) {
        throw Error(ErrorKind::Input, "there are no images to be encoded; wanted one or more");
    }
    std::vector<Tensor> means = {at::empty({0, vae.dimensions()})};
    std::vector<Tensor> variances = means;
    in_shared_pieces(ranks, images.count, "latents", "images", hooks, [&](std::int64_t first, std::int64_t count) {
        Posterior part = vae.encode(images.images(first, count), images.labels_of(first, count));
        means.push_back(std::move(part.mean));
        variances.push_back(std::move(part.log_variance));
    });
    return {ranks.gather_shares(at::cat(means), images.count), ranks.gather_shares(at::cat(variances), images.count)};
}

Direction learn_direction(const std::string& name, const Vae& vae, const ImageSource& with, const ImageSource& without,
                          DirectionMethod method, std::uint64_t seed, const Hooks& hooks) {
    const Tensor on_one_side = encode_images(vae, with, hooks_of_part(hooks, 0, 2)).mean;
    const Tensor on_the_other = encode_images(vae, without, hooks_of_part(hooks, 1, 2)).mean;
    return learn_direction(name, on_one_side, on_the_other, method, seed);
}

}  // namespace reverie
