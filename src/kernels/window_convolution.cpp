#include "kernels/window_convolution.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "core/ceil_div.h"
#include "kernels/packed_matrix.h"
#include "kernels/part_sums.h"

namespace reverie::kernels {
namespace {

constexpr std::int64_t kNear = 48 * 1024;  // floats that stay near a core while they are worked on

/// Rows of a product that go together: as many as stay near the core with `length` floats each.
std::int64_t rows_at_once(std::int64_t length, const Kernels& kernels) {
    constexpr std::int64_t kMost = 96;
    const std::int64_t rows = std::clamp<std::int64_t>(kNear / length, kernels.rows, kMost);
    return rows / kernels.rows * kernels.rows;
}

/// What the windows see: cells [row][column][channel] of each, zeros beyond the border.
class Views {
  public:
    Views(const SquareWindow& window, const Map& large, const Map& small)
        : window_(window), large_(large), small_(small), row_(window.size * large.channels) {}

    std::int64_t cells() const { return window_.size * row_; }

    /// Cells [begin, end) of the window that makes pixel `pixel` of the smaller map.
    void copy(std::int64_t pixel, std::int64_t begin, std::int64_t end, float* out) const {
        const std::int64_t x0 = pixel % small_.width * window_.stride - window_.padding;
        const std::int64_t y0 = pixel / small_.width % small_.height * window_.stride - window_.padding;
        const std::int64_t image = pixel / (small_.width * small_.height);
        for (std::int64_t at = begin; at < end;) {
            const std::int64_t i = at / row_;
            const std::int64_t stop = std::min((i + 1) * row_, end);
            copy_row(image, y0 + i, x0, at - i * row_, stop - i * row_, out);
            out += stop - at;
            at = stop;
        }
    }

  private:
    /// Numbers [begin, end) of the row of a window that begins at column `x`.
    void copy_row(std::int64_t image, std::int64_t y, std::int64_t x, std::int64_t begin, std::int64_t end,
                  float* out) const {
        const std::int64_t channels = large_.channels;
        if (y < 0 || y >= large_.height) {
            std::fill_n(out, end - begin, 0.0F);
            return;
        }
        const std::int64_t first = std::clamp(-x * channels, begin, end);
        const std::int64_t last = std::clamp((large_.width - x) * channels, first, end);
        std::fill_n(out, first - begin, 0.0F);
        if (first < last) {
            const float* const from = large_.at((image * large_.height + y) * large_.width) + x * channels;
            std::memcpy(out + first - begin, from + first, static_cast<std::size_t>(last - first) * sizeof(float));
        }
        std::fill_n(out + last - begin, end - last, 0.0F);
    }

    SquareWindow window_;
    const Map& large_;
    const Map& small_;
    std::int64_t row_;  // numbers of a row of a window
};

/// `rows` addresses `stride` apart, the last one again up to `capacity`.
void fill_addresses(const float* first, std::int64_t stride, std::int64_t rows, std::int64_t capacity,
                    Scratch& scratch) {
    scratch.addresses.resize(static_cast<std::size_t>(capacity));
    for (std::int64_t r = 0; r < capacity; ++r) {
        scratch.addresses[static_cast<std::size_t>(r)] = first + std::min(r, rows - 1) * stride;
    }
}

/// Pixel by pixel.
bool is_pointwise(const SquareWindow& window) { return window.size == 1 && window.stride == 1 && window.padding == 0; }

/// Each pixel's channels times a matrix.
void multiply_points(const Map& from, const PackedMatrices& packed, std::int64_t columns, const Finish& finish,
                     const Kernels& kernels, Workspace& work) {
    constexpr std::int64_t kTasksPerThread = 2;
    const std::int64_t at_once = rows_at_once(from.channels, kernels);
    const std::int64_t blocks = ceil_div(from.pixels(), at_once);
    // Where pixels are few, columns are shared out too, whole panels of them.
    const std::int64_t panels = ceil_div(columns, kernels.panel);
    const std::int64_t shares =
        std::clamp<std::int64_t>(ceil_div(kTasksPerThread * kernel_threads(), blocks), 1, panels);
    const std::int64_t per_share = ceil_div(panels, shares) * kernels.panel;
    work.for_each(blocks * shares, [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t column = item % shares * per_share;
        const std::int64_t first = item / shares * at_once;
        const std::int64_t count = std::min(at_once, from.pixels() - first);
        if (column >= columns) {
            return;
        }
        fill_addresses(from.at(first), from.stride, count, at_once, scratch);
        scratch.pixels.resize(static_cast<std::size_t>(count));
        std::iota(scratch.pixels.begin(), scratch.pixels.end(), first);
        kernels.product({.rows = scratch.addresses.data(),
                         .row_capacity = at_once,
                         .count = static_cast<int>(count),
                         .depth = from.channels,
                         .packed = packed.matrix(0) + column * from.channels,
                         .channels = static_cast<int>(std::min(per_share, columns - column)),
                         .pixels = scratch.pixels.data()},
                        from_channel(finish, column));
    });
}

}  // namespace

void convolve_windows(const SquareWindow& window, const Map& large, const float* weights, const Map& small,
                      const Finish& finish, const Kernels& kernels, Workspace& work) {
    const Views views(window, large, small);
    const std::int64_t length = views.cells();
    const PackedMatrices packed = PackedMatrices::turned(kernels, weights, length, small.channels);
    const Finish to_small = into(finish, small);
    if (is_pointwise(window)) {
        return multiply_points(large, packed, small.channels, to_small, kernels, work);
    }
    const std::int64_t at_once = rows_at_once(length, kernels);
    work.for_each(ceil_div(small.pixels(), at_once), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t first = item * at_once;
        const std::int64_t count = std::min(at_once, small.pixels() - first);
        scratch.pixels.resize(static_cast<std::size_t>(count));
        std::iota(scratch.pixels.begin(), scratch.pixels.end(), first);
        float* const seen = scratch.floats(at_once * length);
        for (std::int64_t p = 0; p < count; ++p) {
            views.copy(first + p, 0, length, seen + p * length);
        }
        fill_addresses(seen, length, count, at_once, scratch);
        kernels.product({.rows = scratch.addresses.data(),
                         .row_capacity = at_once,
                         .count = static_cast<int>(count),
                         .depth = static_cast<int>(length),
                         .packed = packed.matrix(0),
                         .channels = small.channels,
                         .pixels = scratch.pixels.data()},
                        to_small);
    });
}

void spread_windows(const SquareWindow& window, const Map& small, const float* weights, const Map& large,
                    const float* bias, const Kernels& kernels, Workspace& work) {
    const std::int64_t channels = large.channels;
    const std::int64_t length = window.size * window.size * channels;
    const std::int64_t per_row = window.size * channels;
    const PackedMatrices packed = PackedMatrices::copied(kernels, weights, small.channels, length);
    if (is_pointwise(window)) {
        return multiply_points(small, packed, channels, into({.bias = bias}, large), kernels, work);
    }
    // What each pixel gives to its window is added to the map, pixel after pixel: an image's stay with one thread, and
    // images of few pixels go together.
    const std::int64_t at_once = rows_at_once(length, kernels);
    const std::int64_t per_image = small.height * small.width;
    const std::int64_t images = std::max<std::int64_t>(1, at_once / per_image);
    work.for_each(ceil_div(small.batch, images), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t begin = item * images;
        const std::int64_t end = std::min(begin + images, large.batch);
        for (std::int64_t p = begin * large.height * large.width; p < end * large.height * large.width; ++p) {
            if (bias != nullptr) {
                std::copy_n(bias, channels, large.at(p));
            } else {
                std::fill_n(large.at(p), channels, 0.0F);
            }
        }
        float* const given = scratch.floats(at_once * length);
        for (std::int64_t first = begin * per_image; first < end * per_image; first += at_once) {
            const std::int64_t count = std::min(at_once, end * per_image - first);
            fill_addresses(small.at(first), small.stride, count, at_once, scratch);
            kernels.product({.rows = scratch.addresses.data(),
                             .row_capacity = at_once,
                             .count = static_cast<int>(count),
                             .depth = small.channels,
                             .packed = packed.matrix(0),
                             .channels = static_cast<int>(length)},
                            {.out = given, .out_stride = length});
            for (std::int64_t p = first; p < first + count; ++p) {
                const std::int64_t image = p / per_image;
                const std::int64_t y0 = p / small.width % small.height * window.stride - window.padding;
                const std::int64_t x0 = p % small.width * window.stride - window.padding;
                const std::int64_t left = std::clamp<std::int64_t>(-x0, 0, window.size);
                const std::int64_t right = std::clamp<std::int64_t>(large.width - x0, left, window.size);
                for (std::int64_t i = 0; i < window.size; ++i) {
                    const std::int64_t y = y0 + i;
                    if (y < 0 || y >= large.height || left == right) {
                        continue;
                    }
                    float* const to = large.at((image * large.height + y) * large.width + x0 + left);
                    kernels.finish_map(given + (p - first) * length + i * per_row + left * channels, 0, 1,
                                       static_cast<int>((right - left) * channels), {.addend = to, .out = to});
                }
            }
        }
    });
}

void correlate_windows(const SquareWindow& window, const Map& large, const Map& small, float* weights,
                       const Kernels& kernels, Workspace& work) {
    constexpr std::int64_t kFewCells = 4 * kLeftGroup;  // so few that pixels have to be shared out for all to have work
    constexpr std::int64_t kPart = 2048;                // pixels of a share
    constexpr std::int64_t kSummed = 128;               // pixels whose windows are near the core at a time
    const Views views(window, large, small);
    const std::int64_t length = views.cells();
    const std::int64_t outputs = small.channels;
    const std::int64_t panels = ceil_div(outputs, kernels.panel);
    const std::int64_t width = panels * kernels.panel;
    const std::int64_t per_part = length <= kFewCells ? kPart : small.pixels();
    const std::int64_t parts = ceil_div(small.pixels(), per_part);
    const std::int64_t cells_at_once = 2 * kLeftGroup;
    const std::int64_t groups = ceil_div(length, cells_at_once);
    const std::int64_t part_floats = groups * cells_at_once * width;  // [cell of the window][output]
    float* const sums = work.shared().floats(parts * part_floats);
    work.for_each(parts * groups, [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t cell = item % groups * cells_at_once;
        const std::int64_t cells = std::min(cells_at_once, length - cell);
        const std::int64_t part = item / groups;
        const std::int64_t end = std::min((part + 1) * per_part, small.pixels());
        float* const out = sums + part * part_floats + cell * width;
        float* const seen = scratch.floats(kSummed * (cells_at_once + width));
        float* const values = seen + kSummed * cells_at_once;
        for (std::int64_t first = part * per_part; first < end; first += kSummed) {
            const std::int64_t count = std::min(kSummed, end - first);
            for (std::int64_t p = 0; p < count; ++p) {
                for (std::int64_t at = 0; at < cells; at += kLeftGroup) {
                    views.copy(first + p, cell + at, cell + std::min<std::int64_t>(at + kLeftGroup, cells),
                               seen + at * kSummed + p * kLeftGroup);
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
                kernels.correlate({.left = seen,
                                   .left_group = kSummed * kLeftGroup,
                                   .right = values + panel * kSummed * kernels.panel,
                                   .right_stride = kernels.panel,
                                   .tiles = static_cast<int>(count),
                                   .rows = static_cast<int>(cells),
                                   .columns = kernels.panel,
                                   .sums = out + panel * kernels.panel,
                                   .sums_stride = width,
                                   .add = first > part * per_part});
            }
        }
    });
    // All shares together in the first, and that the other way round.
    work.for_each(ceil_div(length, kLeftGroup), [&](std::int64_t group, Scratch&) {
        const std::int64_t cell = group * kLeftGroup;
        const std::int64_t cells = std::min<std::int64_t>(kLeftGroup, length - cell);
        if (parts > 1) {
            add_parts(sums, parts, part_floats, cell * width, (cell + cells) * width, sums);
        }
        kernels.turn(sums + cell * width, width, static_cast<int>(cells), static_cast<int>(outputs), weights + cell,
                     length);
    });
}

}  // namespace reverie::kernels
