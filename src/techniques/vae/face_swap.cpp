#include "reverie/techniques/face_swap.h"

#include <ATen/ATen.h>

#include "reverie/core/error.h"
#include "reverie/core/size.h"
#include "techniques/vae/blends.h"

namespace reverie {
namespace {

// Of faces64, portraits cropped to the face: the oval takes in both eyes with their outer corners, the nose and an open
// mouth, and leaves hair and background out.
constexpr double kHalfHeight = 0.48;  // of the height
constexpr double kHalfWidth = 0.46;   // of the width
constexpr double kFull = 0.75;        // of the radius: from here on the mask falls to 0

std::string shape_of(const Tensor& image) { return std::to_string(image.size(0)) + "x" + text_of(size_of(image)); }

}  // namespace

Tensor face_mask(std::int64_t height, std::int64_t width) {
    const auto offsets = [](std::int64_t count, double half) {  // of pixel centres from the middle, in radii
        const auto n = static_cast<double>(count);
        return (at::arange(count, at::kDouble) + 0.5 - 0.5 * n) / (half * n);
    };
    const Tensor y = offsets(height, kHalfHeight).unsqueeze(1);
    const Tensor x = offsets(width, kHalfWidth).unsqueeze(0);
    const Tensor t = ((1.0 - (y.square() + x.square()).sqrt()) / (1.0 - kFull)).clamp(0.0, 1.0);
    return (t * t * (3.0 - 2.0 * t)).to(at::kFloat).unsqueeze(0);
}

Tensor blend_inside(const Tensor& inside, const Tensor& outside, const Tensor& mask, SwapBlend blend) {
    if (inside.dim() != 3 || outside.dim() != 3 || mask.dim() != 3 || inside.sizes() != outside.sizes() ||
        mask.size(0) != 1 || size_of(mask) != size_of(inside)) {
        const auto words = [](const Tensor& x) { return x.dim() == 3 ? shape_of(x) : "no picture"; };
        throw Error(ErrorKind::Usage, "a swap was asked for between pictures of " + words(inside) + " and " +
                                          words(outside) + " by a mask of " + words(mask) +
                                          "; all must be of one size, and the mask of one channel");
    }
    const Tensor m = mask.to(at::kCPU, at::kFloat).contiguous();
    if (!m.gt(0.0).any().item<bool>()) {
        throw Error(ErrorKind::Usage,
                    "the mask of the swap is black all over, so nothing would be swapped; paint what "
                    "is to be taken over white");
    }
    const Tensor in = inside.to(at::kCPU, at::kFloat).contiguous();
    const Tensor out = outside.to(at::kCPU, at::kFloat).contiguous();
    const Tensor blended = blend == SwapBlend::Poisson ? poisson_blend(in, out, m) : multi_band_blend(in, out, m);
    return at::where(m.gt(0.0), blended.clamp(0.0, 1.0), out);
}

}  // namespace reverie
