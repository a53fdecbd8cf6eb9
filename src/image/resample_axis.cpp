#include "image/resample_axis.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace reverie::image {
namespace {

double bicubic(double x) {
    constexpr double a = -0.5;
    x = std::abs(x);
    if (x < 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi); }

double lanczos(double x) { return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0.0; }

/// The stretch of input an output sample looks at, in input samples.
struct Reach {
    double low;
    double high;
};

/// The weights as a matrix [outputs, inputs], for devices without our loops.
Tensor dense(const Axis& axis, const at::TensorOptions& options) {
    Tensor matrix = at::zeros({axis.outputs, axis.inputs}, at::kFloat);
    auto cells = matrix.accessor<float, 2>();
    for (std::int64_t i = 0; i < axis.outputs; ++i) {
        for (std::int64_t k = 0; k < axis.count[static_cast<std::size_t>(i)]; ++k) {
            cells[i][axis.first[static_cast<std::size_t>(i)] + k] = static_cast<float>(axis.row(i)[k]);
        }
    }
    return matrix.to(options);
}

}  // namespace

Axis make_axis(std::int64_t inputs, std::int64_t outputs, Resample filter) {
    const double scale = static_cast<double>(inputs) / static_cast<double>(outputs);
    const double stretch = std::max(scale, 1.0);  // shrinking widens the filter: that is the antialiasing
    const double support = filter == Resample::Bicubic ? 2 * stretch : 3 * stretch;
    const auto footprint = [&](std::int64_t output) -> Reach {
        const auto at = static_cast<double>(output);
        if (filter == Resample::Area) {
            return {at * scale, (at + 1) * scale};
        }
        const double center = (at + 0.5) * scale;
        return {center - support, center + support};
    };
    const auto weight = [&](std::int64_t output, std::int64_t input) {
        const auto at = static_cast<double>(input);
        if (filter == Resample::Area) {  // the covered share of the sample
            const auto [low, high] = footprint(output);
            return std::max(std::min(high, at + 1) - std::max(low, at), 0.0);
        }
        const double distance = (at + 0.5 - (static_cast<double>(output) + 0.5) * scale) / stretch;
        return filter == Resample::Bicubic ? bicubic(distance) : lanczos(distance);
    };
    Axis axis;
    axis.inputs = inputs;
    axis.outputs = outputs;
    axis.first.resize(static_cast<std::size_t>(outputs));
    axis.count.resize(static_cast<std::size_t>(outputs));
    for (std::int64_t i = 0; i < outputs; ++i) {
        const auto [low, high] = footprint(i);
        // Area takes every sample it touches, the others those whose centre lies within the support.
        const double shift = filter == Resample::Area ? 0.0 : 0.5;
        const auto begin = static_cast<std::int64_t>(std::floor(low + shift));
        const auto end =
            static_cast<std::int64_t>(filter == Resample::Area ? std::ceil(high) : std::floor(high + shift));
        const std::int64_t first = std::clamp<std::int64_t>(begin, 0, inputs - 1);
        const std::int64_t count = std::clamp<std::int64_t>(end, first + 1, inputs) - first;
        axis.first[static_cast<std::size_t>(i)] = first;
        axis.count[static_cast<std::size_t>(i)] = count;
        axis.most = std::max(axis.most, count);
    }
    axis.weights.resize(static_cast<std::size_t>(outputs * axis.most));
    for (std::int64_t i = 0; i < outputs; ++i) {
        double* row = axis.weights.data() + i * axis.most;
        const std::int64_t count = axis.count[static_cast<std::size_t>(i)];
        double sum = 0.0;
        for (std::int64_t k = 0; k < count; ++k) {
            row[k] = weight(i, axis.first[static_cast<std::size_t>(i)] + k);
            sum += row[k];
        }
        for (std::int64_t k = 0; k < count; ++k) {
            row[k] /= sum;
        }
    }
    return axis;
}

Tensor resize_by_matrices(const Tensor& image, const Axis& vertical, const Axis& horizontal) {
    const Tensor tall = at::matmul(dense(vertical, image.options()), image);
    return at::matmul(tall, dense(horizontal, image.options()).t());
}

}  // namespace reverie::image
