#include "reverie/image/resample.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "reverie/core/error.h"

namespace reverie {
namespace {

/// Which input samples each output sample of one axis is made of, and how much of each.
struct Axis {
    std::int64_t inputs = 0;
    std::int64_t outputs = 0;
    std::int64_t most = 0;            // the widest row of weights
    std::vector<std::int64_t> first;  // per output
    std::vector<std::int64_t> count;
    std::vector<double> weights;  // [outputs, most]

    const double* row(std::int64_t output) const { return weights.data() + output * most; }
};

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

/// [R,W] -> [R,W']. Four rows share each weight, which keeps four sums going at once.
Tensor resize_rows(const Tensor& image, const Axis& axis) {
    constexpr std::int64_t kRows = 4;
    const std::int64_t rows = image.size(0);
    Tensor result = at::empty({rows, axis.outputs}, image.options());
    const float* in = image.data_ptr<float>();
    float* out = result.data_ptr<float>();
    at::parallel_for(0, (rows + kRows - 1) / kRows, 4, [&](std::int64_t first_block, std::int64_t last_block) {
        for (std::int64_t block = first_block; block < last_block; ++block) {
            std::array<const float*, kRows> source;
            for (std::int64_t r = 0; r < kRows; ++r) {  // the last block repeats the last row
                source[static_cast<std::size_t>(r)] = in + std::min(block * kRows + r, rows - 1) * axis.inputs;
            }
            const std::int64_t valid = std::min(kRows, rows - block * kRows);
            for (std::int64_t i = 0; i < axis.outputs; ++i) {
                const double* weights = axis.row(i);
                const std::int64_t first = axis.first[static_cast<std::size_t>(i)];
                const std::int64_t count = axis.count[static_cast<std::size_t>(i)];
                std::array<double, kRows> sum = {};
                for (std::int64_t k = 0; k < count; ++k) {
                    for (std::size_t r = 0; r < kRows; ++r) {
                        sum[r] += weights[k] * static_cast<double>(source[r][first + k]);
                    }
                }
                for (std::int64_t r = 0; r < valid; ++r) {
                    out[(block * kRows + r) * axis.outputs + i] = static_cast<float>(sum[static_cast<std::size_t>(r)]);
                }
            }
        }
    });
    return result;
}

/// [P,H,W] -> [P,H',W]: sums of whole rows, in pieces that stay in the cache.
Tensor resize_columns(const Tensor& image, const Axis& axis) {
    constexpr std::int64_t kPiece = 512;
    const std::int64_t planes = image.size(0);
    const std::int64_t width = image.size(2);
    Tensor result = at::empty({planes, axis.outputs, width}, image.options());
    const float* in = image.data_ptr<float>();
    float* out = result.data_ptr<float>();
    at::parallel_for(0, planes * axis.outputs, 8, [&](std::int64_t first_row, std::int64_t last_row) {
        std::array<double, kPiece> sum;
        for (std::int64_t row = first_row; row < last_row; ++row) {
            const std::int64_t i = row % axis.outputs;
            const double* weights = axis.row(i);
            const std::int64_t count = axis.count[static_cast<std::size_t>(i)];
            const float* source =
                in + (row / axis.outputs * axis.inputs + axis.first[static_cast<std::size_t>(i)]) * width;
            for (std::int64_t x = 0; x < width; x += kPiece) {
                const std::int64_t piece = std::min(kPiece, width - x);
                std::fill_n(sum.begin(), piece, 0.0);
                for (std::int64_t k = 0; k < count; ++k) {
                    const float* line = source + k * width + x;
                    for (std::int64_t j = 0; j < piece; ++j) {
                        sum[static_cast<std::size_t>(j)] += weights[k] * static_cast<double>(line[j]);
                    }
                }
                float* target = out + row * width + x;
                for (std::int64_t j = 0; j < piece; ++j) {
                    target[j] = static_cast<float>(sum[static_cast<std::size_t>(j)]);
                }
            }
        }
    });
    return result;
}

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

Tensor resize(const Tensor& image, Size size, Resample filter) {
    const Size from = size_of(image);
    if (size.height < 1 || size.width < 1) {
        throw Error(ErrorKind::Usage, "a picture cannot be resized to " + std::to_string(size.width) + " x " +
                                          std::to_string(size.height) + " pixels; each side must be at least 1");
    }
    TORCH_CHECK((image.dim() == 3 || image.dim() == 4) && image.numel() > 0 && image.scalar_type() == at::kFloat,
                "resize takes float32 [C,H,W] or [N,C,H,W] and not ", image.toString(), " ", image.sizes());
    if (from == size) {
        return image;
    }
    const Axis vertical = make_axis(from.height, size.height, filter);
    const Axis horizontal = make_axis(from.width, size.width, filter);
    std::vector<std::int64_t> shape = image.sizes().vec();
    shape.end()[-2] = size.height;
    shape.end()[-1] = size.width;
    if (!image.is_cpu()) {
        const Tensor tall = at::matmul(dense(vertical, image.options()), image);
        return at::matmul(tall, dense(horizontal, image.options()).t());
    }
    const auto rows = [&](const Tensor& planes) {
        return from.width == size.width
                   ? planes
                   : resize_rows(planes.flatten(0, 1), horizontal).view({planes.size(0), planes.size(1), size.width});
    };
    const auto columns = [&](const Tensor& planes) {
        return from.height == size.height ? planes : resize_columns(planes, vertical);
    };
    const Tensor planes = image.detach().contiguous().view({-1, from.height, from.width});
    // Both orders give the same but for rounding; the pass that shrinks more (or grows less) goes first.
    const bool rows_first = from.height * size.width <= size.height * from.width;
    return (rows_first ? columns(rows(planes)) : rows(columns(planes))).view(shape);
}

Size fit_longest(Size size, std::int64_t longest) {
    const double scale = static_cast<double>(longest) / static_cast<double>(std::max(size.height, size.width));
    const auto side = [&](std::int64_t length) {
        return std::max<std::int64_t>(std::llround(static_cast<double>(length) * scale), 1);
    };
    return {side(size.height), side(size.width)};
}

}  // namespace reverie
