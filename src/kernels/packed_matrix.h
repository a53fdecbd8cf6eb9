// Private: matrices rearranged once so that products read them straight through.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "kernels/kernels.h"

namespace reverie::kernels {

/// `count` matrices [rows][columns], each in panels of Kernels::panel columns with the rows one after another, the last
/// panel filled up with zeros to whole vectors.
class PackedMatrices {
  public:
    PackedMatrices() = default;
    /// value(matrix, row, column) is asked for once for each.
    template <typename Value>
    PackedMatrices(const Kernels& kernels, std::int64_t count, std::int64_t rows, std::int64_t columns,
                   const Value& value)
        : PackedMatrices(kernels, count, rows, columns) {
        fill([&](float* out, std::int64_t matrix, std::int64_t first, std::int64_t width, std::int64_t step) {
            for (std::int64_t column = 0; column < width; ++column) {
                for (std::int64_t row = 0; row < rows; ++row) {
                    out[row * step + column] = value(matrix, row, first + column);
                }
            }
        });
    }

    /// One matrix [rows][columns] as it lies there.
    static PackedMatrices copied(const Kernels& kernels, const float* values, std::int64_t rows, std::int64_t columns);
    /// One that lies there the other way round: [columns][rows].
    static PackedMatrices turned(const Kernels& kernels, const float* values, std::int64_t rows, std::int64_t columns);

    const float* matrix(std::int64_t index) const { return memory_.data_ptr<float>() + index * size_; }
    static std::int64_t bytes(const Kernels& kernels, std::int64_t count, std::int64_t rows, std::int64_t columns);

  private:
    PackedMatrices(const Kernels& kernels, std::int64_t count, std::int64_t rows, std::int64_t columns);
    /// one(panel's memory, matrix, first column, columns of it, floats from row to row), on all threads.
    void fill(const std::function<void(float*, std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& one);

    at::Tensor memory_;
    std::int64_t count_ = 0, rows_ = 0, columns_ = 0;
    std::int64_t panel_ = 0, width_ = 0;
    std::int64_t panels_ = 0;
    std::int64_t size_ = 0;  // floats of a matrix
};

}  // namespace reverie::kernels
