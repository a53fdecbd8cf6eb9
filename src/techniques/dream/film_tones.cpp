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

/// Each pixel's mean with its neighbours, weighed 1, 2, 1 along both axes.
Tensor softened(const Tensor& picture) {
    const auto along = [](const Tensor& padded, std::int64_t axis) {
        const std::int64_t side = padded.size(axis) - 2;
        return (padded.narrow(axis, 0, side) + padded.narrow(axis, 2, side))
            .mul_(0.25)
            .add_(padded.narrow(axis, 1, side), 0.5);
    };
    return along(along(at::replication_pad2d(picture, {1, 1, 1, 1}), 1), 2);
}

double detail_in(const Tensor& detail, Size size) {
    double squares = 0.0;
    const Tones tones = tones_of(detail, size);
    for (std::size_t c = 0; c < tones.mean.size(); ++c) {
        squares += tones.mean[c] * tones.mean[c] + tones.deviation[c] * tones.deviation[c];
    }
    return std::sqrt(squares / static_cast<double>(tones.mean.size()));
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
    const double gain = std::clamp(detail / std::max(detail_in(finest, size), 1e-9), least, most);
    picture.add_(finest, gain - 1.0);
}

}  // namespace reverie
