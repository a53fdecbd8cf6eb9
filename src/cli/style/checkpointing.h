// --checkpoint and --resume of a batch: the state of the one picture that is in work.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cli/style/checkpoint.h"
#include "reverie/cli/app.h"
#include "reverie/cli/batch.h"

namespace reverie {

class Checkpointing {
  public:
    /// An empty path: nothing is kept.
    Checkpointing(Session& session, std::filesystem::path path, bool resume);

    bool on() const noexcept { return !path_.empty(); }

    /// With --resume, reads what is gone on from and puts its picture first, so that no other one takes the file.
    /// `skipped`: pictures that are finished. Throws Usage for a state of none of them, and what reading it throws.
    void find(std::vector<BatchItem>& items, const std::vector<BatchItem>& skipped);

    /// Of the state that was found, until it is taken: it decided where tiles lie.
    std::optional<std::int64_t> max_memory() const;

    /// The state to go on from, if it is this picture's. As long as it is not taken, no other picture may replace it:
    /// that throws Usage, as does a state that was made with anything else than `present` says.
    std::optional<Checkpoint> take(const Checkpoint& present);

    /// Throws Output.
    void write(const Checkpoint& checkpoint) const { write_checkpoint(path_, checkpoint); }

    /// Its picture is finished.
    void remove() const;

  private:
    void drop_finished(const BatchItem& item);

    Session& session_;
    std::filesystem::path path_;
    bool resume_;
    std::optional<Checkpoint> found_;
};

}  // namespace reverie
