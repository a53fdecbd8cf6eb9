// Private: the tiles of winograd_convolution.h: where they lie in both maps, and their way into the transformed domain.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/ceil_div.h"
#include "kernels/border.h"
#include "kernels/kernels.h"
#include "kernels/map.h"
#include "kernels/winograd_convolution.h"
#include "kernels/workspace.h"

namespace reverie::kernels {

constexpr std::int64_t kStep = kTileOutputs;  // a tile of outputs is kStep x kStep

/// A window as minimal filtering takes it: phases of the larger map, each with a window of stride 1.
struct Scheme {
    std::int64_t window, stride, padding;
    const WinogradKernels& kernels;
    std::int64_t side = kernels.side;      // a tile of outputs sees side x side of each phase
    std::int64_t positions = side * side;  // products of a tile
    std::int64_t phases = stride * stride;
    std::int64_t taps = window * window;

    static Scheme of(WinogradWindow kind, const Kernels& all) {
        switch (kind) {
            case WinogradWindow::Strided:
                return {4, 2, 1, all.strided};
            case WinogradWindow::Square:
                return {3, 1, 1, all.square};
            case WinogradWindow::Phases:
                break;
        }
        return {2, 1, 0, all.strided};
    }

    /// The taps of a phase within a window [window][window][tap_stride].
    WeightTiles taps_of(std::int64_t phase, std::int64_t tap_stride) const {
        const std::int64_t reach = window / stride;
        WeightTiles job;
        for (std::int64_t i = 0; i < reach * reach; ++i) {
            const std::int64_t y = stride * (i / reach) + phase / stride;
            const std::int64_t x = stride * (i % reach) + phase % stride;
            job.taps[i] = (y * window + x) * tap_stride;
        }
        return job;
    }
};

// Floats between positions, and between rows so long that equal places of them would push each other out of a cache.
constexpr std::int64_t kPadding = 16;
constexpr std::int64_t kLongRow = 128;
// Bytes of transformed tiles that exist at a time where threads share them: they go from one loop to the next through
// the last cache.
constexpr std::int64_t kTransformed = 12 << 20;
// Bytes of transformed weights, or of their sums, that stay near a core; with them each thread takes tiles of its own.
constexpr std::int64_t kNearWeights = 1 << 20;
// Bytes of transformed tiles beside them.
constexpr std::int64_t kNearTiles = 400 << 10;
// Tiles whose transforms are one piece of work.
constexpr std::int64_t kTilesPerItem = 16;

/// The tiles of the smaller map, image by image and row by row.
class Tiles {
  public:
    Tiles(const Scheme& scheme, const Map& large, const Map& small)
        : scheme_(scheme),
          large_(large),
          small_(small),
          rows_(ceil_div(small.height, kStep)),
          columns_(ceil_div(small.width, kStep)) {}

    std::int64_t per_image() const { return rows_ * columns_; }
    std::int64_t count() const { return small_.batch * per_image(); }

    /// [phases][side * side] addresses of what a tile sees of `large`.
    void large_addresses(const BorderedMap& bordered, std::int64_t tile, const float** table) const {
        const Place at = place(tile);
        for (std::int64_t phase = 0; phase < scheme_.phases; ++phase) {
            for (std::int64_t i = 0; i < scheme_.side; ++i, table += scheme_.side) {
                bordered.row(at.image, large_row(at, i, phase), large_column(at, 0, phase), scheme_.side,
                             scheme_.stride, table);
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

    /// As WinogradKernels::inputs_out wants them: tiles overlap by some rows and columns, and the first to come writes.
    void large_pixels(std::int64_t tile, std::int64_t phase, std::int64_t* table) const {
        const Place at = place(tile);
        const std::int64_t overlap = scheme_.side - kStep;
        const std::int64_t x0 = large_column(at, 0, phase);
        for (std::int64_t i = 0; i < scheme_.side; ++i) {
            const std::int64_t y = large_row(at, i, phase);
            const bool outside = y < 0 || y >= large_.height;
            const bool again = i < overlap && at.y > 0;
            std::int64_t x = x0;
            std::int64_t pixel = (at.image * large_.height + y) * large_.width + x;
            for (std::int64_t j = 0; j < scheme_.side; ++j, x += scheme_.stride, pixel += scheme_.stride) {
                *table++ = outside || x < 0 || x >= large_.width ? -1
                           : again || (j < overlap && at.x > 0)  ? -2 - pixel
                                                                 : pixel;
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
    std::int64_t large_row(const Place& at, std::int64_t i, std::int64_t phase) const {
        return scheme_.stride * (at.y + i) - scheme_.padding + phase / scheme_.stride;
    }
    std::int64_t large_column(const Place& at, std::int64_t j, std::int64_t phase) const {
        return scheme_.stride * (at.x + j) - scheme_.padding + phase % scheme_.stride;
    }

    const Scheme& scheme_;
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
    std::int64_t group = 0;
    std::int64_t tile_stride = 0, group_stride = 0, position_stride = 0;

    /// All channels of a tile side by side.
    static Layout rows(std::int64_t channels, std::int64_t tiles) {
        const std::int64_t stride = channels + (channels < kLongRow ? 0 : kPadding);
        return {channels, stride, tiles * stride, tiles * stride + kPadding};
    }
    static Layout grouped(std::int64_t groups, std::int64_t group, std::int64_t tiles) {
        return {group, group, tiles * group, groups * tiles * group + kPadding};
    }
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

/// One way of a map's tiles into the transformed domain.
struct WayIn {
    void (*kernel)(const GroupedTiles&);
    std::int64_t sources;  ///< tiles of transforms, one a phase, that make one tile
    std::int64_t side;     ///< of such a tile in the map
    int channels;
    const Layout& layout;
    std::int64_t source_stride;  ///< floats from source to source
};

/// Tiles [begin, end) of those from `first` on. `addresses(tile, table)` fills in the addresses of a tile's pixels.
template <typename Addresses>
void transform_in(const WayIn& way, std::int64_t first, std::int64_t begin, std::int64_t end, float* out,
                  Scratch& scratch, const Addresses& addresses) {
    const std::int64_t cells = way.sources * way.side * way.side;
    scratch.addresses.resize(static_cast<std::size_t>(2 * cells));
    const auto table = [&](std::int64_t tile) { return scratch.addresses.data() + tile % 2 * cells; };
    addresses(first + begin, table(begin));
    for (std::int64_t tile = begin; tile < end; ++tile) {
        if (tile + 1 < end) {
            addresses(first + tile + 1, table(tile + 1));
            fetch_ahead(table(tile + 1), cells, way.channels);
        }
        for (std::int64_t source = 0; source < way.sources; ++source) {
            way.kernel({.pixels = table(tile) + source * way.side * way.side,
                        .tiles = 1,
                        .channels = way.channels,
                        .group = static_cast<int>(way.layout.group),
                        .out = out + tile * way.layout.tile_stride + source * way.source_stride,
                        .tile_stride = way.layout.tile_stride,
                        .group_stride = way.layout.group_stride,
                        .position_stride = way.layout.position_stride});
        }
    }
}

/// All `count` tiles from `first` on, by all threads.
template <typename Addresses>
void transform_in(const WayIn& way, std::int64_t first, std::int64_t count, float* out, Workspace& work,
                  const Addresses& addresses) {
    work.for_each(ceil_div(count, kTilesPerItem), [&](std::int64_t item, Scratch& scratch) {
        const std::int64_t begin = item * kTilesPerItem;
        transform_in(way, first, begin, std::min(begin + kTilesPerItem, count), out, scratch, addresses);
    });
}

/// The columns of a panel: floats of a row as products read it.
inline std::int64_t step_of(const Kernels& kernels, std::int64_t columns) {
    return columns <= kernels.width ? kernels.width : kernels.panel;
}
}  // namespace reverie::kernels
