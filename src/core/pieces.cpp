#include "reverie/core/pieces.h"

#include <algorithm>

#include "reverie/core/error.h"

namespace reverie {

void in_pieces(std::int64_t total, const std::string& stage, const std::string& unit, const Hooks& hooks,
               const std::function<void(std::int64_t first, std::int64_t count)>& work) {
    constexpr std::int64_t kPiece = 256;
    for (std::int64_t first = 0; first < total; first += kPiece) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        const std::int64_t count = std::min(kPiece, total - first);
        work(first, count);
        hooks.progress({.stage = stage,
                        .done = static_cast<double>(first + count),
                        .total = static_cast<double>(total),
                        .unit = unit});
    }
}

Hooks hooks_of_part(const Hooks& hooks, int part, int parts) {
    Hooks own = hooks;
    own.on_progress = [&hooks, part, parts](Progress progress) {
        progress.done += part * progress.total;
        progress.total *= parts;
        hooks.progress(progress);
    };
    return own;
}

}  // namespace reverie
