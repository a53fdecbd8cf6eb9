// Private: which cells of one map each cell of another is made of: the geometry that windows of convolutions and
// poolings share, forward and backward.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nn/frozen/map.h"
#include "nn/frozen/workspace.h"
#include "reverie/nn/graph.h"

namespace reverie::frozen {

/// Destination cells (y0 + step a, x0 + step b) for a < rows, b < columns; each is a sum over taps of the source's cell
/// (source_step a + dy, source_step b + dx), where there is one.
struct Walk {
    struct Tap {
        int index;  ///< of the window's cells, row by row
        std::int64_t dy, dx;
    };
    std::int64_t y0 = 0, x0 = 0, step = 1;
    std::int64_t rows = 0, columns = 0;
    std::int64_t source_step = 1;
    bool replicate = false;  ///< cells beyond the border are the nearest ones, not zeros
    std::vector<Tap> taps;

    std::int64_t cells() const { return rows * columns; }
};

/// From the input to the output.
Walk forward_walk(const Window& window, Size input, Size output);
/// From the output's gradient to the input's: one walk for each place of the input relative to the stride.
std::vector<Walk> backward_walks(const Window& window, Size input);

/// visit(scratch, first cell, count) for blocks of the destination, on all threads; `scratch.addresses` holds
/// [taps][capacity] source cells (`zeros` where there is none), `scratch.pixels` the destination's cells. `capacity` is
/// `block`, which is a multiple of what products take at once; addresses beyond the count repeat the last cell's.
template <typename Visit>
void for_each_block(const Walk& walk, const Map& source, const Map& destination, std::int64_t block, const float* zeros,
                    Workspace& work, const Visit& visit) {
    const std::int64_t cells = walk.cells() * destination.batch;
    work.for_each((cells + block - 1) / block, [&](std::int64_t i, Scratch& scratch) {
        const std::int64_t first = i * block;
        const std::int64_t count = std::min(block, cells - first);
        scratch.addresses.resize(walk.taps.size() * static_cast<std::size_t>(block));
        scratch.pixels.resize(static_cast<std::size_t>(count));
        const float** const addresses = scratch.addresses.data();
        for (std::int64_t r = 0; r < count; ++r) {
            const std::int64_t image = (first + r) / walk.cells();
            const std::int64_t a = (first + r) % walk.cells() / walk.columns;
            const std::int64_t b = (first + r) % walk.columns;
            scratch.pixels[static_cast<std::size_t>(r)] =
                (image * destination.height + walk.y0 + walk.step * a) * destination.width + walk.x0 + walk.step * b;
            for (std::size_t t = 0; t < walk.taps.size(); ++t) {
                std::int64_t y = walk.source_step * a + walk.taps[t].dy;
                std::int64_t x = walk.source_step * b + walk.taps[t].dx;
                if (walk.replicate) {
                    y = std::clamp<std::int64_t>(y, 0, source.height - 1);
                    x = std::clamp<std::int64_t>(x, 0, source.width - 1);
                }
                const bool inside = y >= 0 && x >= 0 && y < source.height && x < source.width;
                addresses[static_cast<std::int64_t>(t) * block + r] =
                    inside ? source.at((image * source.height + y) * source.width + x) : zeros;
            }
        }
        for (std::size_t t = 0; t < walk.taps.size(); ++t) {
            const float** const row = addresses + static_cast<std::int64_t>(t) * block;
            std::fill(row + count, row + block, row[count - 1]);
        }
        visit(scratch, first, static_cast<int>(count));
    });
}

}  // namespace reverie::frozen
