#include "techniques/tile_choice.h"

#include <algorithm>

#include "core/machine.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"

namespace reverie {

namespace {

constexpr std::int64_t kLeastSize = 64;  // nobody wants less

/// The largest --size, a multiple of 10, of which the smallest tiles fit; 0: none.
std::int64_t size_that_fits(const TileChoice& choice, const TileBytes& bytes, Size picture, std::int64_t max_memory) {
    constexpr std::int64_t kStep = 10;
    std::int64_t fits = 0;
    std::int64_t beyond = std::max(picture.height, picture.width) / kStep + 1;
    while (beyond - fits > 1) {
        const std::int64_t middle = (fits + beyond) / 2;
        const bool good = bytes(fit_longest(picture, middle * kStep), choice.least) <= max_memory;
        (good ? fits : beyond) = middle;
    }
    return fits * kStep < kLeastSize ? 0 : fits * kStep;
}

}  // namespace

std::int64_t choose_tile(const TileChoice& choice, const TileBytes& bytes, Size picture, std::int64_t max_memory) {
    std::int64_t tile = choice.least;
    if (const std::int64_t least = bytes(picture, tile); least > max_memory) {
        const std::int64_t size = size_that_fits(choice, bytes, picture, max_memory);
        const auto taken = [](std::int64_t amount) {
            return human_bytes(static_cast<std::uint64_t>(amount) + (1 << 20));
        };
        const bool smaller = std::max(picture.height, picture.width) > kLeastSize;
        throw Error(ErrorKind::Device,
                    "a picture of " + text_of(picture) + " pixels takes at least " + taken(least) + " of memory" +
                        (size == 0 && smaller ? ", and one of {--size} " + std::to_string(kLeastSize) + " " +
                                                    taken(bytes(fit_longest(picture, kLeastSize), choice.least))
                                              : "") +
                        ", more than the " + human_bytes(static_cast<std::uint64_t>(max_memory)) +
                        " that it may take here; " +
                        (size > 0 ? "make it {--size} " + std::to_string(size) + ", " : "") +
                        "raise that with {--max-memory}, or " + way_to_more_memory());
    }
    while (tile + choice.finer < choice.longest && bytes(picture, tile + choice.finer) <= max_memory) {
        tile += choice.finer;
    }
    return tile;
}

std::int64_t tile_at(Size scale, std::int64_t tile) { return tile < std::max(scale.height, scale.width) ? tile : 0; }

}  // namespace reverie
