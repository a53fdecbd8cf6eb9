#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "techniques/vae/blends.h"

namespace reverie {
namespace {

constexpr std::int64_t kSmallest = 8;  // side at which the pyramid ends: about what a face has of features

/// The binomial filter (1 4 6 4 1) along both sides, borders mirrored, every second pixel kept: [1,C,H,W].
Tensor halved(const Tensor& image) {
    const std::int64_t channels = image.size(1);
    const Tensor row = at::tensor({1.0F, 4.0F, 6.0F, 4.0F, 1.0F}) / 16.0;
    const Tensor padded = at::reflection_pad2d(image, {2, 2, 2, 2});
    const Tensor across = at::conv2d(padded, row.reshape({1, 1, 1, 5}).expand({channels, 1, 1, 5}), {}, {1, 2},
                                     at::IntArrayRef{0, 0}, {1, 1}, channels);
    return at::conv2d(across, row.reshape({1, 1, 5, 1}).expand({channels, 1, 5, 1}), {}, {2, 1}, at::IntArrayRef{0, 0},
                      {1, 1}, channels);
}

Tensor doubled(const Tensor& image, const Tensor& like) {
    return at::upsample_bilinear2d(image, like.sizes().slice(2), true);
}

/// 1 well within the mask's support, falling to 0 at its edge: the wide bands reach over the edge, where the picture
/// must already be the outer one.
Tensor window(const Tensor& mask) {
    const std::int64_t reach = std::max<std::int64_t>(1, std::min(mask.size(2), mask.size(3)) / 64);
    const std::int64_t side = 2 * reach + 1;
    const Tensor support = mask.gt(0.0).to(at::kFloat);
    // The smallest value around: what lies beyond the picture does not count.
    const Tensor eroded = -at::max_pool2d(-support, {side, side}, {1, 1}, at::IntArrayRef{reach, reach});
    return at::avg_pool2d(eroded, {side, side}, {1, 1}, at::IntArrayRef{reach, reach}, false, false);
}

}  // namespace

Tensor multi_band_blend(const Tensor& inside, const Tensor& outside, const Tensor& mask) {
    struct Level {
        Tensor inside, outside, mask;  // [1,C,h,w]
    };
    std::vector<Level> levels = {{inside.unsqueeze(0), outside.unsqueeze(0), mask.unsqueeze(0)}};
    while (std::min(levels.back().mask.size(2), levels.back().mask.size(3)) >= 2 * kSmallest) {
        const Level& fine = levels.back();
        levels.push_back({halved(fine.inside), halved(fine.outside), halved(fine.mask)});
    }
    const auto mixed = [](const Tensor& m, const Tensor& in, const Tensor& out) { return m * in + (1.0 - m) * out; };
    Tensor result = mixed(levels.back().mask, levels.back().inside, levels.back().outside);
    for (std::size_t i = levels.size() - 1; i-- > 0;) {
        const Level& fine = levels[i];
        const Level& coarse = levels[i + 1];
        const Tensor band_in = fine.inside - doubled(coarse.inside, fine.inside);
        const Tensor band_out = fine.outside - doubled(coarse.outside, fine.outside);
        result = doubled(result, fine.inside) + mixed(fine.mask, band_in, band_out);
    }
    return mixed(window(levels[0].mask), result, levels[0].outside).squeeze(0);
}

}  // namespace reverie
