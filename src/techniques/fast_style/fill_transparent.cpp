#include "techniques/fast_style/fill_transparent.h"

#include <ATen/ATen.h>

#include "reverie/core/size.h"

namespace reverie {
namespace {

/// `visible` [1,1,H,W] is 1 or 0.
Tensor filled(const Tensor& colors, const Tensor& visible) {
    const Size size{colors.size(2), colors.size(3)};
    if ((size.height == 1 && size.width == 1) || visible.min().item<float>() > 0.0F) {
        return colors;
    }
    const auto halved = [&](const Tensor& map) {
        const Tensor even = at::replication_pad2d(map, {0, size.width % 2, 0, size.height % 2});
        return at::avg_pool2d(even, {2, 2});
    };
    const Tensor share = halved(visible);
    const Tensor mean = halved(colors * visible) / share.clamp_min(0.25);  // one of four at the least, or none
    const Tensor coarse = filled(mean, (share > 0.0).to(at::kFloat));
    const Tensor around = at::upsample_bilinear2d(coarse, {size.height, size.width}, /*align_corners=*/false);
    return at::where(visible > 0.0, colors, around);
}

}  // namespace

Tensor fill_transparent(const Tensor& colors, const Tensor& alpha) {
    const Tensor visible = (alpha > 0.0).to(at::kFloat).unsqueeze(0);
    if (visible.max().item<float>() <= 0.0F) {
        return colors;
    }
    return filled(colors.unsqueeze(0), visible)[0].contiguous();
}

}  // namespace reverie
