#include "cli/style/checkpointing.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie {

namespace fs = std::filesystem;

Checkpointing::Checkpointing(Session& session, fs::path path, bool resume)
    : session_(session), path_(std::move(path)), resume_(resume) {}

void Checkpointing::find(std::vector<BatchItem>& items, const std::vector<BatchItem>& skipped) {
    if (!resume_) {
        return;
    }
    const fs::path state = written_path(path_);
    remove_abandoned(state.has_parent_path() ? state.parent_path() : ".", {state.filename()});
    if (std::error_code ignored; !fs::exists(path_, ignored)) {
        return;
    }
    found_ = read_checkpoint(path_);
    const auto its_own = [this](const BatchItem& item) { return is_of(*found_, item.output); };
    const auto its = std::find_if(items.begin(), items.end(), its_own);
    if (its != items.end()) {
        const std::size_t variant = its->variant;
        std::stable_sort(items.begin(), items.end(), [&](const BatchItem& a, const BatchItem& b) {
            const auto rank = [&](const BatchItem& item) {
                return its_own(item) ? 0 : item.variant == variant ? 1 : 2;
            };
            return rank(a) < rank(b);
        });
    } else if (const auto there = std::find_if(skipped.begin(), skipped.end(), its_own); there != skipped.end()) {
        drop_finished(*there);
    } else {
        throw Error(ErrorKind::Usage, "the checkpoint '" + path_.string() + "' is of '" + found_->output +
                                          "', which is none of the pictures to be done; name another --checkpoint, or "
                                          "remove it to start anew");
    }
}

/// For a run that ended between writing its picture and removing the file.
void Checkpointing::drop_finished(const BatchItem& item) {
    std::error_code ignored;
    const std::string file = path_.string();
    if (fs::last_write_time(item.output, ignored) < fs::last_write_time(path_, ignored)) {
        throw Error(ErrorKind::Usage, "the checkpoint '" + file + "' is of '" + item.output +
                                          "', which exists from before it; pass --overwrite to finish it in that one's "
                                          "place, or remove one of the two");
    }
    session_.console().info("the checkpoint '" + file + "' is not needed: '" + item.output + "' is finished");
    if (!session_.common().dry_run) {
        remove();
    }
    found_.reset();
}

std::optional<std::int64_t> Checkpointing::max_memory() const {
    return found_ ? std::optional(found_->max_memory) : std::nullopt;
}

std::optional<Checkpoint> Checkpointing::take(const Checkpoint& present) {
    if (!found_) {
        return std::nullopt;
    }
    if (!is_of(*found_, present.output)) {
        throw Error(ErrorKind::Usage, "the checkpoint '" + path_.string() + "' is of '" + found_->output +
                                          "', which failed; mend that, or remove it to start anew");
    }
    require_same(*found_, present.identity, path_);
    session_.console().info("goes on from '" + path_.string() + "'");
    return std::exchange(found_, std::nullopt);
}

void Checkpointing::remove() const {
    std::error_code ignored;
    fs::remove(path_, ignored);
}

}  // namespace reverie
