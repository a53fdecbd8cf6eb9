#include "techniques/tile_choice.h"

#include <algorithm>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {

std::int64_t choose_tile(const TileChoice& choice, const std::function<std::int64_t(std::int64_t tile)>& bytes,
                         Size picture, std::int64_t max_memory) {
    std::int64_t tile = choice.least;
    if (bytes(tile) > max_memory) {
        throw Error(ErrorKind::Usage, "--max-memory " + human_bytes(static_cast<std::uint64_t>(max_memory)) +
                                          " is too little for a picture of " + text_of(picture) +
                                          " pixels; wanted at least " +
                                          human_bytes(static_cast<std::uint64_t>(bytes(tile)) + (1 << 20)) +
                                          ", or a smaller picture with --size");
    }
    while (tile + choice.finer < choice.longest && bytes(tile + choice.finer) <= max_memory) {
        tile += choice.finer;
    }
    return tile;
}

std::int64_t tile_at(Size scale, std::int64_t tile) { return tile < std::max(scale.height, scale.width) ? tile : 0; }

}  // namespace reverie
