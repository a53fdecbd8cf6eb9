#include "nn/frozen/upsample.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace reverie::frozen {
namespace {

constexpr std::int64_t kBlock = 64;

/// What a cell along one axis takes of others: as many of them for every cell, some with a weight of 0.
struct Shares {
    struct Share {
        std::int64_t cell = 0;
        float weight = 0.0F;
    };
    std::size_t most = 0;
    std::vector<Share> shares;  // [cells][most]

    const Share* of(std::int64_t cell) const { return &shares[static_cast<std::size_t>(cell) * most]; }
};

Shares padded(const std::vector<std::vector<Shares::Share>>& lists) {
    Shares padded;
    for (const auto& list : lists) {
        padded.most = std::max(padded.most, list.size());
    }
    for (auto list : lists) {
        list.resize(padded.most);
        padded.shares.insert(padded.shares.end(), list.begin(), list.end());
    }
    return padded;
}

/// Of `cells` cells each of twice as many: the two it lies between. `back`: the other way round.
Shares bilinear_shares(std::int64_t cells, bool back) {
    std::vector<std::vector<Shares::Share>> lists(static_cast<std::size_t>(back ? cells : 2 * cells));
    const double step = static_cast<double>(cells - 1) / static_cast<double>(2 * cells - 1);
    for (std::int64_t fine = 0; fine < 2 * cells; ++fine) {
        const double place = step * static_cast<double>(fine);
        const std::int64_t coarse = std::min(static_cast<std::int64_t>(place), cells - 1);
        const auto beyond = static_cast<float>(place - static_cast<double>(coarse));
        const auto give = [&](std::int64_t of, float weight) {
            if (weight > 0.0F && of < cells) {
                lists[static_cast<std::size_t>(back ? of : fine)].push_back({back ? fine : of, weight});
            }
        };
        give(coarse, 1.0F - beyond);
        give(coarse + 1, beyond);
    }
    return padded(lists);
}

/// Each cell of `to` the weighted sum of some rows by some columns of `from`.
void mix(const Shares& rows, const Shares& columns, const Map& from, const Map& to, const Finish& finish,
         const Kernels& kernels, Workspace& work) {
    const std::size_t taps = rows.most * columns.most;
    const std::int64_t plane = to.height * to.width;
    work.for_each((to.pixels() + kBlock - 1) / kBlock, [&](std::int64_t block, Scratch& scratch) {
        const std::int64_t first = block * kBlock;
        const std::int64_t count = std::min(kBlock, to.pixels() - first);
        scratch.addresses.resize(taps * kBlock);
        scratch.factors.resize(taps * kBlock);
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t cell = (first + i) % plane;
            const Shares::Share* const of_row = rows.of(cell / to.width);
            const Shares::Share* const of_column = columns.of(cell % to.width);
            const std::int64_t image = (first + i) / plane * from.height * from.width;
            std::size_t at = static_cast<std::size_t>(i);
            for (std::size_t r = 0; r < rows.most; ++r) {
                const std::int64_t row = image + of_row[r].cell * from.width;
                for (std::size_t c = 0; c < columns.most; ++c, at += kBlock) {
                    scratch.addresses[at] = from.at(row + of_column[c].cell);
                    scratch.factors[at] = of_row[r].weight * of_column[c].weight;
                }
            }
        }
        const Windows windows{.inputs = scratch.addresses.data(),
                              .capacity = kBlock,
                              .taps = static_cast<int>(taps),
                              .count = static_cast<int>(count),
                              .channels = to.channels};
        kernels.weighted_sum(windows, scratch.factors.data(), /*squares=*/false, from_pixel(into(finish, to), first));
    });
}

}  // namespace

void upsample(const Map& input, const Map& output, const Finish& finish, const Kernels& kernels, Workspace& work) {
    mix(bilinear_shares(input.height, false), bilinear_shares(input.width, false), input, output, finish, kernels,
        work);
}

void upsample_back(const Map& output, const Map& input, const Finish& finish, const Kernels& kernels, Workspace& work) {
    mix(bilinear_shares(input.height, true), bilinear_shares(input.width, true), output, input, finish, kernels, work);
}

}  // namespace reverie::frozen
