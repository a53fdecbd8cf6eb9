// Maps as kernels want them, and numbers to fill them with.
#pragma once

#include <ATen/ATen.h>

#include <limits>
#include <string>
#include <vector>

#include "nn/frozen/kernel_names.h"
#include "support/closed_formula.h"
#include "support/relative_error.h"

namespace reverie::test {

/// Uniform in [-1,1); float64 that float32 holds exactly, so that only arithmetic makes a difference.
inline Tensor noise(const std::vector<std::int64_t>& shape, const std::string& name) {
    Tensor tensor = at::empty(shape, at::kFloat);
    const FormulaStream uniform(name);
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        tensor.data_ptr<float>()[i] = static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1);
    }
    return tensor.to(at::kDouble);
}

/// A map [N,C,H,W] that begins at channel `first` of a map with `stride` channels. All begins as NaN, the neighbours
/// too: a cell that is read but was not written, or left out, or belongs to somebody else, shows.
class SlicedMap {
  public:
    SlicedMap(const std::vector<std::int64_t>& shape, std::int64_t stride, std::int64_t first)
        : memory_(at::full({shape[0], shape[2], shape[3], stride}, std::numeric_limits<float>::quiet_NaN(),
                           at::TensorOptions(at::kFloat))),
          map_{.data = memory_.data_ptr<float>() + first,
               .stride = stride,
               .batch = shape[0],
               .height = shape[2],
               .width = shape[3],
               .channels = static_cast<int>(shape[1])} {}
    explicit SlicedMap(const std::vector<std::int64_t>& shape) : SlicedMap(shape, shape[1], 0) {}
    explicit SlicedMap(const Tensor& values, std::int64_t before = 0, std::int64_t after = 0)
        : SlicedMap(values.sizes().vec(), before + values.size(1) + after, before) {
        fill(values);
    }

    const frozen::Map& map() const { return map_; }
    /// float64, contiguous.
    Tensor values() const { return frozen::tensor_of(map_).to(at::kDouble).contiguous(); }
    void fill(const Tensor& values) const { frozen::tensor_of(map_).copy_(values); }
    bool neighbours_are_untouched() const {
        const std::int64_t first = map_.data - memory_.data_ptr<float>();
        const std::int64_t last = first + map_.channels;
        return memory_.narrow(3, 0, first).isnan().all().item<bool>() &&
               memory_.narrow(3, last, map_.stride - last).isnan().all().item<bool>();
    }

  private:
    Tensor memory_;  // [N,H,W,stride]
    frozen::Map map_;
};

/// One bit a channel beside a map, as activations remember their slopes: [pixel][stride] bytes.
class SlopeBits {
  public:
    explicit SlopeBits(const frozen::Map& map, std::int64_t spare = 0)
        : map_(map),
          stride_(map.channels / 8 + spare),
          memory_(static_cast<std::size_t>(map.pixels() * stride_), 0xA5) {}
    /// Of a mask [N,C,H,W].
    SlopeBits(const frozen::Map& map, const Tensor& mask) : SlopeBits(map) {
        const Tensor cells = mask.permute({0, 2, 3, 1}).to(at::kByte).contiguous();
        const std::uint8_t* const set = cells.data_ptr<std::uint8_t>();
        for (std::int64_t i = 0; i < cells.numel(); ++i) {
            std::uint8_t& byte = memory_[static_cast<std::size_t>(i / 8)];
            byte = static_cast<std::uint8_t>((byte & ~(1U << (i % 8))) | static_cast<unsigned>(set[i]) << (i % 8));
        }
    }

    std::uint8_t* data() { return memory_.data(); }
    std::int64_t stride() const { return stride_; }
    /// [N,C,H,W]
    Tensor mask() const {
        Tensor cells = at::empty({map_.batch, map_.height, map_.width, map_.channels}, at::kBool);
        bool* const set = cells.data_ptr<bool>();
        for (std::int64_t pixel = 0; pixel < map_.pixels(); ++pixel) {
            for (std::int64_t c = 0; c < map_.channels; ++c) {
                const unsigned byte = memory_[static_cast<std::size_t>(pixel * stride_ + c / 8)];
                set[pixel * map_.channels + c] = (byte >> (c % 8) & 1U) != 0;
            }
        }
        return cells.permute({0, 3, 1, 2});
    }
    bool spare_bytes_are_untouched() const {
        for (std::int64_t pixel = 0; pixel < map_.pixels(); ++pixel) {
            for (std::int64_t byte = map_.channels / 8; byte < stride_; ++byte) {
                if (memory_[static_cast<std::size_t>(pixel * stride_ + byte)] != 0xA5) {
                    return false;
                }
            }
        }
        return true;
    }

  private:
    frozen::Map map_;
    std::int64_t stride_;
    std::vector<std::uint8_t> memory_;
};

}  // namespace reverie::test
