// Private: how large the tiles of a picture may be.
#pragma once

#include <cstdint>
#include <functional>

#include "reverie/core/size.h"

namespace reverie {

struct TileChoice {
    std::int64_t least = 64;   ///< the smallest tile, in pixels
    std::int64_t finer = 64;   ///< and how much larger the next one is
    std::int64_t longest = 0;  ///< of what is tiled: a tile stays smaller
};

/// Bytes of the work on a picture in tiles (of a patch) of that side.
using TileBytes = std::function<std::int64_t(Size picture, std::int64_t tile)>;

/// The largest tile whose `bytes` stay within `max_memory`. Throws Device when none does, naming the smallest limit
/// that works for that `picture`, and the size at which it would fit this one.
std::int64_t choose_tile(const TileChoice& choice, const TileBytes& bytes, Size picture, std::int64_t max_memory);

/// The tile for one scale of a picture: small scales fit whole (0) even where the last one needs tiles.
std::int64_t tile_at(Size scale, std::int64_t tile);

}  // namespace reverie
