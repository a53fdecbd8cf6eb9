#include "nn/frozen/row_products.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/kernel_choice.h"
#include "nn/frozen/kernel_names.h"

namespace reverie::frozen {
namespace {

constexpr std::int64_t kBitsInByte = 8;

/// Column sums of some rows: in float over a block, in double over the blocks.
void add_columns(const float* rows, std::int64_t stride, std::int64_t count, std::int64_t channels, double* sums) {
    constexpr std::int64_t kBlock = 256;
    std::vector<float> block(static_cast<std::size_t>(channels));
    for (std::int64_t begin = 0; begin < count; begin += kBlock) {
        std::ranges::fill(block, 0.0F);
        for (std::int64_t row = begin; row < std::min(begin + kBlock, count); ++row) {
            for (std::int64_t c = 0; c < channels; ++c) {
                block[static_cast<std::size_t>(c)] += rows[row * stride + c];
            }
        }
        for (std::int64_t c = 0; c < channels; ++c) {
            sums[c] += static_cast<double>(block[static_cast<std::size_t>(c)]);
        }
    }
}

}  // namespace

bool takes_rows(const at::Tensor& rows) {
    return rows.is_cpu() && rows.scalar_type() == at::kFloat && rows.size(1) % kBitsInByte == 0 && rows.stride(1) == 1;
}

void add_moments_(at::Tensor& first, at::Tensor& second, const at::Tensor& left, const at::Tensor& right) {
    const Kernels& kernels = kernels::best_kernels();
    const std::int64_t channels = right.size(1);
    const float* const l = left.data_ptr<float>();
    const float* const r = right.data_ptr<float>();
    auto* const sums = second.data_ptr<double>();
    const std::int64_t strips = (channels + kernels.rows - 1) / kernels.rows;
    // So many rows at once stay in the cache while all their products are taken.
    constexpr std::int64_t kCached = 1 << 20;
    const std::int64_t at_once = std::max<std::int64_t>(256, kCached / (4 * channels) / 256 * 256);
    Workspace work;
    for (std::int64_t begin = 0; begin < right.size(0); begin += at_once) {
        const std::int64_t count = std::min(at_once, right.size(0) - begin);
        const std::int64_t from = begin * right.stride(0);
        // The longest strips come first.
        work.for_each(strips + 1, [&](std::int64_t strip, Scratch&) {
            if (strip == strips) {
                add_columns(l + from, left.stride(0), count, channels, first.data_ptr<double>());
                return;
            }
            const std::int64_t column = strip * kernels.rows;
            kernels.cross({.left = l + from,
                           .right = r + from,
                           .stride = right.stride(0),
                           .rows = count,
                           .column = static_cast<int>(column),
                           .first = static_cast<int>(column / kernels.panel * kernels.panel),
                           .channels = static_cast<int>(channels),
                           .sums = sums});
        });
    }
    for (std::int64_t i = 0; i < channels; ++i) {
        for (std::int64_t j = 0; j < i; ++j) {
            sums[i * channels + j] = sums[j * channels + i];
        }
    }
}

void multiply_rows_(at::Tensor& out, const at::Tensor& rows, const at::Tensor& matrix, const at::Tensor& bias,
                    bool add) {
    const Kernels& kernels = kernels::best_kernels();
    const at::Tensor values = matrix.to(at::kFloat).contiguous();
    const at::Tensor shift = bias.to(at::kFloat).contiguous();
    const std::int64_t columns = values.size(1);
    const float* const v = values.data_ptr<float>();
    const PackedMatrices packed(
        kernels, 1, values.size(0), columns,
        [&](std::int64_t, std::int64_t row, std::int64_t column) { return v[row * columns + column]; });
    const float* const from = rows.data_ptr<float>();
    auto* const to = out.data_ptr<float>();
    constexpr std::int64_t kBlock = 96;
    const std::int64_t capacity = (kBlock + kernels.rows - 1) / kernels.rows * kernels.rows;
    Workspace work;
    work.for_each((rows.size(0) + capacity - 1) / capacity, [&](std::int64_t i, Scratch& scratch) {
        const std::int64_t first = i * capacity;
        const std::int64_t count = std::min(capacity, rows.size(0) - first);
        scratch.addresses.resize(static_cast<std::size_t>(capacity));
        for (std::int64_t k = 0; k < capacity; ++k) {
            scratch.addresses[static_cast<std::size_t>(k)] = from + (first + std::min(k, count - 1)) * rows.stride(0);
        }
        float* const block = to + first * out.stride(0);
        kernels.product({.rows = scratch.addresses.data(),
                         .row_capacity = capacity,
                         .count = static_cast<int>(count),
                         .depth = static_cast<int>(values.size(0)),
                         .packed = packed.matrix(0),
                         .channels = static_cast<int>(columns)},
                        {.bias = shift.data_ptr<float>(),
                         .addend = add ? block : nullptr,
                         .addend_stride = out.stride(0),
                         .out = block,
                         .out_stride = out.stride(0)});
    });
}

}  // namespace reverie::frozen
