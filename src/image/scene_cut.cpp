#include "reverie/image/scene_cut.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"

namespace reverie {
namespace {

constexpr std::int64_t kSide = 64;
constexpr int kBins = 24;

Tensor small_rgb(const Tensor& frame) {
    const Tensor rgb = frame.detach().narrow(0, 0, 3).to(at::kCPU).contiguous();
    const Size size = size_of(rgb);
    return size.height <= kSide && size.width <= kSide ? rgb : resize(rgb, fit_longest(size, kSide), Resample::Area);
}

/// Each value counts for the two bins around it, so that a slight change of light moves little over.
std::array<double, kBins + 1> level_shares(const Tensor& plane) {
    std::array<double, kBins + 1> bins{};
    const Tensor values = plane.contiguous();
    const float* value = values.const_data_ptr<float>();
    for (std::int64_t i = 0; i < values.numel(); ++i) {
        const double place = std::clamp(static_cast<double>(value[i]), 0.0, 1.0) * (kBins - 1);
        const auto bin = static_cast<std::size_t>(place);
        const double share = place - std::floor(place);
        bins[bin] += 1 - share;
        bins[bin + 1] += share;
    }
    for (double& bin : bins) {
        bin /= static_cast<double>(values.numel());
    }
    return bins;
}

double color_distance(const Tensor& a, const Tensor& b) {
    double sum = 0;
    for (std::int64_t channel = 0; channel < 3; ++channel) {
        const auto one = level_shares(a[channel]);
        const auto other = level_shares(b[channel]);
        for (std::size_t i = 0; i < one.size(); ++i) {
            sum += std::abs(one[i] - other[i]);
        }
    }
    return sum / (2 * 3);
}

double changed_share(const Tensor& a, const Tensor& b) {
    constexpr double kChanged = 0.1;
    constexpr double kMostGain = 2;        // of contrast from one frame to the next
    constexpr double kLeastSpread = 1e-3;  // of a flat picture
    const double spread_a = std::max(kLeastSpread, a.std(false).item<double>());
    const double spread_b = std::max(kLeastSpread, b.std(false).item<double>());
    const double gain = std::clamp(spread_a / spread_b, 1 / kMostGain, kMostGain);
    const Tensor difference = (b - b.mean()) * gain - (a - a.mean());
    return (difference.abs() > kChanged).to(at::kFloat).mean().item<double>();
}

}  // namespace

FrameChange frame_change(const Tensor& before, const Tensor& frame) {
    require_image(before, "the frame before", {3, 4});
    require_image(frame, "the frame", {3, 4});
    if (size_of(before) != size_of(frame)) {
        throw Error(ErrorKind::Usage, "the frame before is " + text_of(size_of(before)) + " and the frame " +
                                          text_of(size_of(frame)) + "; pass two of one size");
    }
    const Tensor a = small_rgb(before);
    const Tensor b = small_rgb(frame);
    return {.colors = color_distance(a, b), .pixels = changed_share(luma_of(a), luma_of(b))};
}

bool is_scene_cut(const FrameChange& change) noexcept {
    constexpr double kColors = 0.12;
    constexpr double kPixels = 0.35;
    return change.colors > kColors && change.pixels > kPixels;
}

}  // namespace reverie
