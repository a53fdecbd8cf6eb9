#include "techniques/dream/film_tones.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace reverie {
namespace {

Tensor middle_of(const Tensor& picture, Size size) {
    const Size whole = size_of(picture);
    return picture.narrow(1, (whole.height - size.height) / 2, size.height)
        .narrow(2, (whole.width - size.width) / 2, size.width);
}

constexpr std::int64_t kDown = 1;  // axes of a picture
constexpr std::int64_t kAcross = 2;

/// Each pixel's mean with its neighbours along an axis, weighed 1, 2, 1.
Tensor softened(const Tensor& picture, std::int64_t axis) {
    const std::int64_t across = axis == kAcross ? 1 : 0;
    const Tensor padded = at::replication_pad2d(picture, {across, across, 1 - across, 1 - across});
    const std::int64_t side = picture.size(axis);
    return (padded.narrow(axis, 0, side) + padded.narrow(axis, 2, side))
        .mul_(0.25)
        .add_(padded.narrow(axis, 1, side), 0.5);
}
Tensor softened(const Tensor& picture) { return softened(softened(picture, kDown), kAcross); }

double detail_in(const Tensor& detail, Size size) {
    double squares = 0.0;
    const Tones tones = tones_of(detail, size);
    for (std::size_t c = 0; c < tones.mean.size(); ++c) {
        squares += tones.mean[c] * tones.mean[c] + tones.deviation[c] * tones.deviation[c];
    }
    return std::sqrt(squares / static_cast<double>(tones.mean.size()));
}

double gain_to(double detail, const Tensor& finest, Size size, double least, double most) {
    return std::clamp(detail / std::max(detail_in(finest, size), 1e-9), least, most);
}

}  // namespace

Tones tones_of(const Tensor& picture, Size size) {
    const Tensor middle = middle_of(picture, size);
    const auto values = middle.accessor<float, 3>();
    const double count = static_cast<double>(size.height * size.width);
    Tones tones;
    // In one order, on one thread: LibTorch cuts its sums up by the number of threads.
    for (std::int64_t c = 0; c < middle.size(0); ++c) {
        double sum = 0.0;
        double squares = 0.0;
        for (std::int64_t y = 0; y < size.height; ++y) {
            for (std::int64_t x = 0; x < size.width; ++x) {
                const double value = values[c][y][x];
                sum += value;
                squares += value * value;
            }
        }
        const double mean = sum / count;
        tones.mean.push_back(mean);
        tones.deviation.push_back(std::sqrt(std::max(0.0, squares / count - mean * mean)));
    }
    return tones;
}

void hold_tones_(Tensor& picture, Size size, const Tones& tones) {
    constexpr int kTimes = 4;      // what is cut off at black and white is missing in the mean, so it takes several
    constexpr double kMost = 2.0;  // what is nearly flat is rounding more than picture
    for (int time = 0; time < kTimes; ++time) {
        const Tones now = tones_of(picture, size);
        for (std::size_t c = 0; c < tones.mean.size(); ++c) {
            const double gain = std::min(kMost, tones.deviation[c] / std::max(now.deviation[c], 1e-9));
            Tensor channel = picture[static_cast<std::int64_t>(c)];
            channel.sub_(now.mean[c]).mul_(gain).add_(tones.mean[c]).clamp_(0.0, 1.0);
        }
    }
}

double detail_of(const Tensor& picture, Size size) { return detail_in(picture - softened(picture), size); }

void hold_detail_(Tensor& picture, Size size, double detail, double least, double most) {
    const Tensor finest = picture - softened(picture);
    picture.add_(finest, gain_to(detail, finest, size, least, most) - 1.0);
}

void return_detail_(Tensor& picture, Size size, double detail, double most, const Similarity& source) {
    const Tensor across = softened(picture, kAcross);
    const Tensor both = softened(across, kDown);
    const double gain = gain_to(detail, picture - both, size, 1.0, most) - 1.0;
    const Tensor softer_across = picture - across;
    const Tensor softer_down = across - both;
    // How far each place has come, in pixels of both axes.
    const auto places = [](std::int64_t side) {
        return at::arange(side, at::kDouble).sub_(static_cast<double>(side - 1) / 2.0);
    };
    const Tensor x = places(picture.size(kAcross)).unsqueeze(0);
    const Tensor y = places(picture.size(kDown)).unsqueeze(1);
    const double turn = source.factor.imag();
    const double growth = source.factor.real() - 1.0;
    constexpr double kSoftens = 0.5;
    const auto share = [](const Tensor& moved) { return moved.abs().div_(kSoftens).clamp_(0.0, 1.0).to(at::kFloat); };
    picture.add_(softer_across * share(x * growth - y * turn + source.shift.real()), gain);
    picture.add_(softer_down * share(x * turn + y * growth + source.shift.imag()), gain);
}

}  // namespace reverie
