// Private: the tiles of 4x4 convolutions of stride 2: where they lie in both maps, and their way into the transformed
// domain.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/strided_kernels.h"
#include "kernels/border.h"
#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

constexpr std::int64_t kPositions = kStridedPositions;
constexpr std::int64_t kStep = kStridedOutputs;  // a tile of outputs is kStep x kStep
constexpr std::int64_t kSide = kStridedInputs;   // and sees kSide x kSide of each phase
constexpr std::int64_t kPhases = 4;
constexpr std::int64_t kTaps = 16;  // of a window
// Floats between rows and positions: equal places in a cache would push each other out.
constexpr std::int64_t kPadding = 16;
// Bytes of transformed tiles that exist at a time: they go from one loop to the next through the last cache.
constexpr std::int64_t kTransformed = 12 << 20;
// Tiles whose transforms are one piece of work.
constexpr std::int64_t kTilesPerItem = 16;

inline std::int64_t ceil_div(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

/// The tiles of the smaller map, image by image and row by row.
class Tiles {
  public:
    Tiles(const Map& large, const Map& small)
        : large_(large), small_(small), rows_(ceil_div(small.height, kStep)), columns_(ceil_div(small.width, kStep)) {}

    std::int64_t per_image() const { return rows_ * columns_; }
    std::int64_t count() const { return small_.batch * per_image(); }

    /// [phases][kSide * kSide] addresses of what a tile sees of `large`.
    void large_addresses(const BorderedMap& bordered, std::int64_t tile, const float** table) const {
        const Place at = place(tile);
        for (std::int64_t phase = 0; phase < kPhases; ++phase) {
            for (std::int64_t i = 0; i < kSide; ++i, table += kSide) {
                bordered.row(at.image, 2 * (at.y + i) - 1 + phase / 2, 2 * at.x - 1 + phase % 2, kSide, 2, table);
            }
        }
    }

    void small_addresses(const BorderedMap& bordered, std::int64_t tile, const float** table) const {
        const Place at = place(tile);
        for (std::int64_t i = 0; i < kStep; ++i, table += kStep) {
            bordered.row(at.image, at.y + i, at.x, kStep, 1, table);
        }
    }

    void small_pixels(std::int64_t tile, std::int64_t* table) const {
        const Place at = place(tile);
        for (std::int64_t y = at.y; y < at.y + kStep; ++y) {
            for (std::int64_t x = at.x; x < at.x + kStep; ++x) {
                *table++ =
                    y < small_.height && x < small_.width ? (at.image * small_.height + y) * small_.width + x : -1;
            }
        }
    }

    /// As StridedKernels::inputs_out wants them: tiles overlap by a row and a column, and the first to come writes.
    void large_pixels(std::int64_t tile, std::int64_t phase, std::int64_t* table) const {
        const Place at = place(tile);
        for (std::int64_t i = 0; i < kSide; ++i) {
            const std::int64_t y = 2 * (at.y + i) - 1 + phase / 2;
            for (std::int64_t j = 0; j < kSide; ++j) {
                const std::int64_t x = 2 * (at.x + j) - 1 + phase % 2;
                const bool outside = y < 0 || y >= large_.height || x < 0 || x >= large_.width;
                const bool again = (i == 0 && at.y > 0) || (j == 0 && at.x > 0);
                const std::int64_t pixel = (at.image * large_.height + y) * large_.width + x;
                *table++ = outside ? -1 : again ? -2 - pixel : pixel;
            }
        }
    }

  private:
    struct Place {
        std::int64_t image, y, x;  // of the tile's first cell in `small`
    };
    Place place(std::int64_t tile) const {
        return {tile / per_image(), tile / columns_ % rows_ * kStep, tile % columns_ * kStep};
    }

    const Map& large_;
    const Map& small_;
    std::int64_t rows_, columns_;
};

/// Equal runs of whole units that hold no more than `most` (or one unit).
inline std::int64_t run_length(std::int64_t count, std::int64_t most, std::int64_t unit) {
    const std::int64_t units = count / unit;
    const std::int64_t runs = ceil_div(units, std::max<std::int64_t>(1, most / unit));
    return ceil_div(units, runs) * unit;
}

/// Where transformed tiles lie: [position][group of channels][tile][channel of the group].
struct Layout {
    std::int64_t group = 0, groups = 0;
    std::int64_t tile_stride = 0, group_stride = 0, position_stride = 0;

    /// All channels of a tile side by side.
    static Layout rows(std::int64_t channels, std::int64_t tiles) {
        const std::int64_t stride = channels + kPadding;
        return {channels, 1, stride, tiles * stride, tiles * stride + kPadding};
    }
    static Layout grouped(std::int64_t groups, std::int64_t group, std::int64_t tiles) {
        return {group, groups, group, tiles * group, groups * tiles * group + kPadding};
    }
    std::int64_t floats() const { return kPositions * position_stride; }
};

/// The pixels' first `channels` numbers are on their way into the cache: they lie too far apart to be foreseen.
inline void fetch_ahead(const float* const* pixels, std::int64_t count, std::int64_t channels) {
    constexpr std::int64_t kLine = 64 / sizeof(float);
    for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t c = 0; c < channels; c += kLine) {
            __builtin_prefetch(pixels[i] + c);
        }
    }
}

/// One way of a map's tiles into the transformed domain. `sources` tiles of transforms (one a phase) make one tile.
template <typename Addresses>
void transform_in(void (*kernel)(const GroupedTiles&), std::int64_t sources, std::int64_t side, int channels,
                  std::int64_t first, std::int64_t count, const Layout& layout, std::int64_t source_stride, float* out,
                  Workspace& work, const Addresses& addresses) {
    work.for_each(ceil_div(count, kTilesPerItem), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t begin = item * kTilesPerItem;
        const std::int64_t end = std::min(begin + kTilesPerItem, count);
        const std::int64_t cells = sources * side * side;
        scratch.addresses.resize(static_cast<std::size_t>(2 * cells));
        const auto table = [&](std::int64_t tile) { return scratch.addresses.data() + tile % 2 * cells; };
        addresses(first + begin, table(begin));
        for (std::int64_t tile = begin; tile < end; ++tile) {
            if (tile + 1 < end) {
                addresses(first + tile + 1, table(tile + 1));
                fetch_ahead(table(tile + 1), cells, channels);
            }
            for (std::int64_t source = 0; source < sources; ++source) {
                kernel({.pixels = table(tile) + source * side * side,
                        .tiles = 1,
                        .channels = channels,
                        .group = static_cast<int>(layout.group),
                        .out = out + tile * layout.tile_stride + source * source_stride,
                        .tile_stride = layout.tile_stride,
                        .group_stride = layout.group_stride,
                        .position_stride = layout.position_stride});
            }
        }
    });
}
/// The columns of a panel: floats of a row as products read it.
inline std::int64_t step_of(const Kernels& kernels, std::int64_t columns) {
    return columns <= kernels.width ? kernels.width : kernels.panel;
}
/// The taps of a phase within a window [4][4][channels].
inline WeightTiles taps_of(std::int64_t phase, std::int64_t tap_stride) {
    WeightTiles job;
    for (std::int64_t i = 0; i < 4; ++i) {
        job.taps[i] = ((2 * (i / 2) + phase / 2) * 4 + 2 * (i % 2) + phase % 2) * tap_stride;
    }
    return job;
}

}  // namespace reverie::kernels
