#include "kernels/packed_matrix.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "core/kernel_team.h"

namespace reverie::kernels {
namespace {

/// Columns with the last panel's filled up: a last panel of no more than a vector is one vector wide.
std::int64_t filled(const Kernels& kernels, std::int64_t columns) {
    const std::int64_t rest = columns % kernels.panel;
    const std::int64_t last = rest == 0 ? 0 : rest <= kernels.width ? kernels.width : kernels.panel;
    return columns - rest + last;
}

}  // namespace

PackedMatrices::PackedMatrices(const Kernels& kernels, std::int64_t count, std::int64_t rows, std::int64_t columns)
    : memory_(at::empty({count, rows * filled(kernels, columns)}, at::kFloat)),
      count_(count),
      rows_(rows),
      columns_(columns),
      panel_(kernels.panel),
      width_(kernels.width),
      panels_((columns + kernels.panel - 1) / kernels.panel),
      size_(rows * filled(kernels, columns)) {}

std::int64_t PackedMatrices::bytes(const Kernels& kernels, std::int64_t count, std::int64_t rows,
                                   std::int64_t columns) {
    return 4 * count * rows * filled(kernels, columns);
}

PackedMatrices PackedMatrices::copied(const Kernels& kernels, const float* values, std::int64_t rows,
                                      std::int64_t columns) {
    PackedMatrices packed(kernels, 1, rows, columns);
    packed.fill([&](float* out, std::int64_t, std::int64_t first, std::int64_t width, std::int64_t step) {
        for (std::int64_t row = 0; row < rows; ++row) {
            std::copy_n(values + row * columns + first, width, out + row * step);
        }
    });
    return packed;
}

PackedMatrices PackedMatrices::turned(const Kernels& kernels, const float* values, std::int64_t rows,
                                      std::int64_t columns) {
    PackedMatrices packed(kernels, 1, rows, columns);
    packed.fill([&](float* out, std::int64_t, std::int64_t first, std::int64_t width, std::int64_t step) {
        kernels.turn(values + first * rows, rows, static_cast<int>(width), static_cast<int>(rows), out, step);
    });
    return packed;
}

void PackedMatrices::fill(
    const std::function<void(float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& one) {
    auto* const memory = memory_.data_ptr<float>();
    const KernelTeam team;
    at::parallel_for(0, count_ * panels_, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t matrix = i / panels_;
            const std::int64_t first = i % panels_ * panel_;
            const std::int64_t columns = std::min(panel_, columns_ - first);
            const std::int64_t step = columns <= width_ ? width_ : panel_;
            float* const out = memory + matrix * size_ + first * rows_;
            if (columns < step) {
                std::fill_n(out, rows_ * step, 0.0F);
            }
            one(out, matrix, first, columns, step);
        }
    });
}

}  // namespace reverie::kernels
