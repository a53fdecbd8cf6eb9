#include "kernels/tiled_products.h"

namespace reverie::kernels {

TileBlock tile_block(std::int64_t tiles, std::int64_t inputs, std::int64_t outputs, std::int64_t threads) {
    // Few channels: the weights stay in a core's cache and so should a block. Many: the weights come from memory for
    // every block, so blocks are large, and threads share them where there are not enough tiles for each.
    constexpr std::int64_t kSmall = 48;
    constexpr std::int64_t kLarge = 96;
    constexpr std::int64_t kManyWeights = 128 * 256;
    const bool many = inputs * outputs >= kManyWeights;
    const std::int64_t wanted = many ? kLarge : kSmall;
    if (tiles >= threads * wanted) {
        return {wanted, false};
    }
    return {std::min(tiles, 2 * kLarge), threads > 1};
}

std::int64_t tiles_bytes(std::int64_t tiles, std::int64_t positions, std::int64_t inputs, std::int64_t outputs) {
    const std::int64_t threads = kernel_threads();
    const TileBlock block = tile_block(tiles, inputs, outputs, threads);
    return 4 * positions * block.tiles * (inputs + outputs) * (block.shared ? 1 : threads);
}

}  // namespace reverie::kernels
