// Long work in pieces, of which each rank does its share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "reverie/core/hooks.h"
#include "reverie/core/pieces.h"
#include "reverie/distributed/ranks.h"

namespace reverie {

/// in_pieces (core/pieces.h) of this rank's share of `total`; `first` counts in all of it.
inline void in_shared_pieces(const Ranks& ranks, std::int64_t total, const std::string& stage, const std::string& unit,
                             const Hooks& hooks,
                             const std::function<void(std::int64_t first, std::int64_t count)>& work) {
    const Ranks::Share share = ranks.share_of(total);
    in_pieces(share.count, stage, unit, hooks,
              [&](std::int64_t first, std::int64_t count) { work(share.first + first, count); });
}

}  // namespace reverie
