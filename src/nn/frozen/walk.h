// Private: which cells of one map each cell of another is made of: the geometry that windows of convolutions and
// poolings share, forward and backward.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nn/frozen/kernel_names.h"
#include "reverie/nn/graph.h"

namespace reverie::frozen {

/// Rows or columns of a map.
struct Range {
    std::int64_t begin = 0, end = 0;
    std::int64_t count() const { return end - begin; }
};

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
/// [taps][capacity] source cells (`outside` beyond the border), `scratch.pixels` the destination's cells. `capacity` is
/// `block`, which is a multiple of what products take at once; addresses beyond the count repeat the last cell's.
template <typename Visit>
void for_each_block(const Walk& walk, const Map& source, const Map& destination, std::int64_t block,
                    const float* outside, Workspace& work, const Visit& visit) {
    const BorderedMap bordered(source, walk.replicate, outside);
    const std::int64_t cells = walk.cells() * destination.batch;
    work.for_each((cells + block - 1) / block, [&](std::int64_t i, Scratch& scratch) {
        const std::int64_t first = i * block;
        const std::int64_t count = std::min(block, cells - first);
        scratch.addresses.resize(walk.taps.size() * static_cast<std::size_t>(block));
        scratch.pixels.resize(static_cast<std::size_t>(count));
        std::int64_t image = first / walk.cells();
        std::int64_t a = first % walk.cells() / walk.columns;
        std::int64_t b = first % walk.columns;
        for (std::int64_t r = 0; r < count;) {
            const std::int64_t run = std::min(count - r, walk.columns - b);  // to the end of the row
            const std::int64_t pixel =
                (image * destination.height + walk.y0 + walk.step * a) * destination.width + walk.x0 + walk.step * b;
            for (std::int64_t k = 0; k < run; ++k) {
                scratch.pixels[static_cast<std::size_t>(r + k)] = pixel + walk.step * k;
            }
            for (std::size_t t = 0; t < walk.taps.size(); ++t) {
                bordered.row(image, walk.source_step * a + walk.taps[t].dy, walk.source_step * b + walk.taps[t].dx, run,
                             walk.source_step, scratch.addresses.data() + static_cast<std::int64_t>(t) * block + r);
            }
            r += run;
            b = 0;
            if (++a == walk.rows) {
                a = 0;
                ++image;
            }
        }
        for (std::size_t t = 0; t < walk.taps.size(); ++t) {
            const float** const row = scratch.addresses.data() + static_cast<std::int64_t>(t) * block;
            std::fill(row + count, row + block, row[count - 1]);
        }
        visit(scratch, first, static_cast<int>(count));
    });
}

}  // namespace reverie::frozen
