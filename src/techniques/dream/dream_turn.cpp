#include "techniques/dream/dream_turn.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reverie/core/noise.h"
#include "reverie/core/random.h"

namespace reverie {
namespace {

// Of LibTorch's sampler.
constexpr std::int64_t kBilinear = 0;
constexpr std::int64_t kMirrored = 2;

}  // namespace

DreamTurn::DreamTurn(Size picture, const DreamOptions& options, std::uint64_t stage, std::int64_t step,
                     c10::Device device)
    : picture_(picture), cosine_(1.0), sine_(0.0) {
    if (options.robust <= 0.0) {
        return;
    }
    constexpr double kMostScale = 0.1;
    constexpr double kMostAngle = 10.0 * std::numbers::pi / 180.0;
    const std::uint64_t stream = stream_of("turns of a dream") + stage;
    const auto draw = [&](std::uint64_t axis) {  // -1 to 1
        return 2.0 * random_uniform(options.seed, stream, static_cast<std::uint64_t>(step) * 2 + axis) - 1.0;
    };
    const double scale = std::exp(options.robust * std::log1p(kMostScale) * draw(0));
    const double angle = options.robust * kMostAngle * draw(1);
    cosine_ = scale * std::cos(angle);
    sine_ = scale * std::sin(angle);
    const auto along = [&](std::int64_t side) {  // pixels from the middle
        return at::arange(side, at::kDouble).add_(0.5 - static_cast<double>(side) / 2.0);
    };
    const Tensor x = along(picture.width).unsqueeze(0);
    const Tensor y = along(picture.height).unsqueeze(1);
    // The sampler counts from -1 to 1 over a side.
    const Tensor from_x = (x * cosine_ - y * sine_).mul_(2.0 / static_cast<double>(picture.width));
    const Tensor from_y = (x * sine_ + y * cosine_).mul_(2.0 / static_cast<double>(picture.height));
    grid_ = at::stack({from_x, from_y}, 2).unsqueeze(0).to(at::TensorOptions(at::kFloat).device(device));
}

Tensor DreamTurn::of(const Tensor& image) const {
    return grid_.defined()
               ? at::grid_sampler_2d(image.unsqueeze(0), grid_, kBilinear, kMirrored, /*align_corners=*/false)
                     .squeeze(0)
               : image;
}

Tensor DreamTurn::back(const Tensor& gradient) const {
    if (!grid_.defined()) {
        return gradient;
    }
    const Tensor of_seen = gradient.unsqueeze(0).contiguous();
    // The image itself does not matter, as long as nobody asks for the gradient of the grid.
    return std::get<0>(at::grid_sampler_2d_backward(of_seen, at::zeros_like(of_seen), grid_, kBilinear, kMirrored,
                                                    /*align_corners=*/false, {true, false}))
        .squeeze(0);
}

DreamTurn::Place DreamTurn::seen(Place place) const {
    if (!grid_.defined()) {
        return place;
    }
    const double middle_x = static_cast<double>(picture_.width - 1) / 2.0;
    const double middle_y = static_cast<double>(picture_.height - 1) / 2.0;
    const double x = static_cast<double>(place.x) - middle_x;
    const double y = static_cast<double>(place.y) - middle_y;
    const double size = cosine_ * cosine_ + sine_ * sine_;
    const auto pixel = [](double at, std::int64_t side) {
        return std::clamp<std::int64_t>(std::llround(at), 0, side - 1);
    };
    return {pixel((y * cosine_ - x * sine_) / size + middle_y, picture_.height),
            pixel((x * cosine_ + y * sine_) / size + middle_x, picture_.width)};
}

}  // namespace reverie
