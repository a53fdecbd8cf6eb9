#include "reverie/image/resample.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "image/resample_axis.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

using image::Axis;

/// [R,W] -> [R,W']. Four rows share each weight, which keeps four sums going at once.
Tensor resize_rows(const Tensor& picture, const Axis& axis) {
    constexpr std::int64_t kRows = 4;
    const std::int64_t rows = picture.size(0);
    Tensor result = at::empty({rows, axis.outputs}, picture.options());
    const float* in = picture.data_ptr<float>();
    auto* out = result.data_ptr<float>();
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
Tensor resize_columns(const Tensor& picture, const Axis& axis) {
    constexpr std::int64_t kPiece = 512;
    const std::int64_t planes = picture.size(0);
    const std::int64_t width = picture.size(2);
    Tensor result = at::empty({planes, axis.outputs, width}, picture.options());
    const float* in = picture.data_ptr<float>();
    auto* out = result.data_ptr<float>();
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

}  // namespace

Tensor resize(const Tensor& picture, Size size, Resample filter) {
    if (!picture.defined() || (picture.dim() != 3 && picture.dim() != 4) || picture.numel() == 0 ||
        picture.scalar_type() != at::kFloat) {
        throw Error(ErrorKind::Usage,
                    "what is to be resized is " + tensor_text(picture) + "; wanted float32 [C,H,W] or [N,C,H,W]");
    }
    const Size from = size_of(picture);
    if (size.height < 1 || size.width < 1) {
        throw Error(ErrorKind::Usage, "a picture cannot be resized to " + std::to_string(size.width) + " x " +
                                          std::to_string(size.height) + " pixels; each side must be at least 1");
    }
    if (from == size) {
        return picture;
    }
    const Axis vertical = image::make_axis(from.height, size.height, filter);
    const Axis horizontal = image::make_axis(from.width, size.width, filter);
    std::vector<std::int64_t> shape = picture.sizes().vec();
    shape.end()[-2] = size.height;
    shape.end()[-1] = size.width;
    if (!picture.is_cpu()) {
        return image::resize_by_matrices(picture, vertical, horizontal);
    }
    const auto rows = [&](const Tensor& planes) {
        return from.width == size.width
                   ? planes
                   : resize_rows(planes.flatten(0, 1), horizontal).view({planes.size(0), planes.size(1), size.width});
    };
    const auto columns = [&](const Tensor& planes) {
        return from.height == size.height ? planes : resize_columns(planes, vertical);
    };
    const Tensor planes = picture.detach().contiguous().view({-1, from.height, from.width});
    // Both orders give the same but for rounding; the pass that shrinks more (or grows less) goes first.
    const bool rows_first = from.height * size.width <= size.height * from.width;
    return (rows_first ? columns(rows(planes)) : rows(columns(planes))).view(shape);
}

Size fit_longest(Size size, std::int64_t longest) { return fit_into(size, {longest, longest}); }

Size fit_into(Size size, Size box) {
    const double scale = std::min(static_cast<double>(box.height) / static_cast<double>(size.height),
                                  static_cast<double>(box.width) / static_cast<double>(size.width));
    const auto side = [&](std::int64_t length) {
        return std::max<std::int64_t>(std::llround(static_cast<double>(length) * scale), 1);
    };
    return {side(size.height), side(size.width)};
}

}  // namespace reverie
