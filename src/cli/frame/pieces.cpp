#include "cli/frame/pieces.h"

#include <algorithm>

namespace reverie {

void in_pieces(Session& session, std::int64_t total, const std::string& unit,
               const std::function<void(std::int64_t first, std::int64_t count)>& work) {
    constexpr std::int64_t kPiece = 256;
    const Hooks hooks = session.hooks();
    session.console().begin("");
    for (std::int64_t first = 0; first < total; first += kPiece) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped");
        }
        const std::int64_t count = std::min(kPiece, total - first);
        work(first, count);
        hooks.progress({.stage = "",
                        .done = static_cast<double>(first + count),
                        .total = static_cast<double>(total),
                        .unit = unit,
                        .value = 0.0,
                        .value_name = ""});
    }
    session.console().end();
}

}  // namespace reverie
