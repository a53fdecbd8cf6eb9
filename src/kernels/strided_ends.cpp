#include "kernels/strided_ends.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/strided_tiles.h"
#include "kernels/packed_matrix.h"

namespace reverie::kernels {
namespace {

constexpr std::int64_t kWindow = 4;
constexpr std::int64_t kPixelsAtOnce = 96;  // a multiple of the rows of every product

/// The larger map with a border of zeros, pixels close together: each row of a window is one run of numbers.
class Framed {
  public:
    Framed(const Map& large, const Map& small, float* memory, Workspace& work)
        : channels_(large.channels),
          rows_(2 * small.height + 2),
          columns_(2 * small.width + 2),
          small_(small),
          memory_(memory) {
        work.for_each(large.batch * rows_, [&](std::int64_t item, Scratch&) {
            float* out = memory + item * columns_ * channels_;
            const std::int64_t y = item % rows_ - 1;
            const std::int64_t image = item / rows_;
            for (std::int64_t x = -1; x < columns_ - 1; ++x, out += channels_) {
                if (y < 0 || y >= large.height || x < 0 || x >= large.width) {
                    std::fill_n(out, channels_, 0.0F);
                } else {
                    std::copy_n(large.at((image * large.height + y) * large.width + x), channels_, out);
                }
            }
        });
    }
    static std::int64_t floats(const Map& large, const Map& small) {
        return large.batch * (2 * small.height + 2) * (2 * small.width + 2) * large.channels;
    }

    /// Row `i` of the window that makes a pixel of the smaller map: 4 pixels.
    const float* window_row(std::int64_t pixel, std::int64_t i) const {
        const std::int64_t x = pixel % small_.width;
        const std::int64_t y = pixel / small_.width % small_.height;
        const std::int64_t image = pixel / small_.width / small_.height;
        return memory_ + ((image * rows_ + 2 * y + i) * columns_ + 2 * x) * channels_;
    }

  private:
    std::int64_t channels_, rows_, columns_;
    const Map& small_;
    float* memory_;
};

/// The two cells of one axis of the smaller map whose windows see cell `at`, and which of their taps does; -1: none.
struct Seen {
    std::array<std::int64_t, 2> cell, tap;

    Seen(std::int64_t at, std::int64_t cells) {
        const std::int64_t first = (at + 1) % 2;
        for (std::int64_t k = 0; k < 2; ++k) {
            const std::int64_t from = (at + 1 - first) / 2 - k;
            tap[static_cast<std::size_t>(k)] = first + 2 * k;
            cell[static_cast<std::size_t>(k)] = from < cells ? from : -1;
        }
    }
};

}  // namespace

void convolve_strided_end(const Map& large, const float* weights, const Map& small, const Finish& finish,
                          const Kernels& kernels, Workspace& work) {
    const std::int64_t length = kTaps * large.channels;
    const PackedMatrices packed(
        kernels, 1, length, small.channels,
        [&](std::int64_t, std::int64_t row, std::int64_t column) { return weights[column * length + row]; });
    const Framed framed(large, small, work.shared().floats(Framed::floats(large, small)), work);
    const Finish to_small = into(finish, small);
    work.for_each(ceil_div(small.pixels(), kPixelsAtOnce), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t first = item * kPixelsAtOnce;
        const std::int64_t count = std::min(kPixelsAtOnce, small.pixels() - first);
        scratch.addresses.resize(static_cast<std::size_t>(kWindow * kPixelsAtOnce));
        scratch.pixels.resize(static_cast<std::size_t>(count));
        for (std::int64_t p = 0; p < kPixelsAtOnce; ++p) {
            const std::int64_t pixel = first + std::min(p, count - 1);
            for (std::int64_t i = 0; i < kWindow; ++i) {
                scratch.addresses[static_cast<std::size_t>(i * kPixelsAtOnce + p)] = framed.window_row(pixel, i);
            }
            if (p < count) {
                scratch.pixels[static_cast<std::size_t>(p)] = pixel;
            }
        }
        kernels.product({.rows = scratch.addresses.data(),
                         .row_capacity = kPixelsAtOnce,
                         .count = static_cast<int>(count),
                         .taps = kWindow,
                         .depth = static_cast<int>(kWindow * large.channels),
                         .packed = packed.matrix(0),
                         .packed_taps = kWindow,
                         .channels = small.channels,
                         .pixels = scratch.pixels.data()},
                        to_small);
    });
}

void spread_strided_end(const Map& small, const float* weights, const Map& large, const float* bias,
                        const Kernels& kernels, Workspace& work) {
    const std::int64_t channels = large.channels;
    const std::int64_t length = kTaps * channels;
    const PackedMatrices packed(
        kernels, 1, small.channels, length,
        [&](std::int64_t, std::int64_t row, std::int64_t column) { return weights[row * length + column]; });
    const std::int64_t pixels = small.height * small.width;
    // Image by image: what each pixel gives to its window, then what each pixel of the image gets.
    work.for_each(small.batch, [&](std::int64_t image, Scratch& scratch) {
        float* const given = scratch.floats(pixels * length);
        scratch.addresses.resize(static_cast<std::size_t>(kPixelsAtOnce));
        for (std::int64_t first = 0; first < pixels; first += kPixelsAtOnce) {
            const std::int64_t count = std::min(kPixelsAtOnce, pixels - first);
            for (std::int64_t p = 0; p < kPixelsAtOnce; ++p) {
                scratch.addresses[static_cast<std::size_t>(p)] =
                    small.at(image * pixels + first + std::min(p, count - 1));
            }
            kernels.product({.rows = scratch.addresses.data(),
                             .row_capacity = kPixelsAtOnce,
                             .count = static_cast<int>(count),
                             .depth = small.channels,
                             .packed = packed.matrix(0),
                             .channels = static_cast<int>(length)},
                            {.out = given + first * length, .out_stride = length});
        }
        for (std::int64_t y = 0; y < large.height; ++y) {
            const Seen rows(y, small.height);
            for (std::int64_t x = 0; x < large.width; ++x) {
                const Seen columns(x, small.width);
                float* const out = large.at((image * large.height + y) * large.width + x);
                float sum[4] = {};
                for (std::size_t i = 0; i < 2; ++i) {
                    for (std::size_t j = 0; j < 2; ++j) {
                        if (rows.cell[i] < 0 || columns.cell[j] < 0) {
                            continue;
                        }
                        const float* const from = given + (rows.cell[i] * small.width + columns.cell[j]) * length +
                                                  (rows.tap[i] * kWindow + columns.tap[j]) * channels;
                        for (std::int64_t c = 0; c < channels; ++c) {
                            sum[c] += from[c];
                        }
                    }
                }
                for (std::int64_t c = 0; c < channels; ++c) {
                    out[c] = bias != nullptr ? sum[c] + bias[c] : sum[c];
                }
            }
        }
    });
}

void correlate_strided_end(const Map& large, const Map& small, float* weights, const Kernels& kernels,
                           Workspace& work) {
    constexpr std::int64_t kPart = 2048;   // pixels whose sum is one piece of work
    constexpr std::int64_t kSummed = 128;  // pixels whose windows are near the core at a time
    const std::int64_t length = kTaps * large.channels;
    const std::int64_t outputs = small.channels;
    const std::int64_t left_groups = ceil_div(length, kLeftGroup);
    const std::int64_t panels = ceil_div(outputs, kernels.panel);
    const std::int64_t width = panels * kernels.panel;
    const std::int64_t parts = ceil_div(small.pixels(), kPart);
    const std::int64_t part_floats = left_groups * kLeftGroup * width;  // [cell of the window][output]
    float* const sums = work.shared().floats(parts * part_floats + Framed::floats(large, small));
    const Framed framed(large, small, sums + parts * part_floats, work);
    work.for_each(parts, [&](std::int64_t part, Scratch& scratch) {
        const std::int64_t end = std::min((part + 1) * kPart, small.pixels());
        float* const windows = scratch.floats(kSummed * (left_groups * kLeftGroup + width));
        float* const values = windows + kSummed * left_groups * kLeftGroup;
        for (std::int64_t first = part * kPart; first < end; first += kSummed) {
            const std::int64_t count = std::min(kSummed, end - first);
            for (std::int64_t p = 0; p < count; ++p) {
                for (std::int64_t i = 0; i < kWindow; ++i) {
                    const std::int64_t at = i * kWindow * large.channels;  // rows of windows never cross groups
                    std::copy_n(framed.window_row(first + p, i), kWindow * large.channels,
                                windows + (at / kLeftGroup * kSummed + p) * kLeftGroup + at % kLeftGroup);
                }
                for (std::int64_t panel = 0; panel < panels; ++panel) {
                    const std::int64_t column = panel * kernels.panel;
                    const std::int64_t columns = std::min<std::int64_t>(kernels.panel, outputs - column);
                    float* const to = values + (panel * kSummed + p) * kernels.panel;
                    std::copy_n(small.at(first + p) + column, columns, to);
                    std::fill_n(to + columns, kernels.panel - columns, 0.0F);
                }
            }
            for (std::int64_t panel = 0; panel < panels; ++panel) {
                kernels.strided.correlate({.left = windows,
                                           .left_group = kSummed * kLeftGroup,
                                           .right = values + panel * kSummed * kernels.panel,
                                           .right_stride = kernels.panel,
                                           .tiles = static_cast<int>(count),
                                           .rows = static_cast<int>(length),
                                           .columns = kernels.panel,
                                           .sums = sums + part * part_floats + panel * kernels.panel,
                                           .sums_stride = width,
                                           .add = first > part * kPart});
            }
        }
    });
    work.for_each(outputs, [&](std::int64_t output, Scratch&) {
        for (std::int64_t cell = 0; cell < length; ++cell) {
            double sum = 0.0;
            for (std::int64_t part = 0; part < parts; ++part) {
                sum += static_cast<double>(sums[part * part_floats + cell * width + output]);
            }
            weights[output * length + cell] = static_cast<float>(sum);
        }
    });
}

}  // namespace reverie::kernels
