// The folder of one training run: what is in it under which name, and whose it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reverie/train/optimizer.h"

namespace reverie {

/// Options as names and texts, in the order they are shown. A name is a flag's without its dashes ("batch"); one with a
/// space in it is a fact ("digest of the images"): compared too, but a comment in options.toml.
using RunOptions = std::vector<std::pair<std::string, std::string>>;

/// What a program needs to know about a run before it touches it.
struct RunIdentity {
    std::string program;  ///< "vae", "gan"
    RunOptions options;   ///< all that decides the weights: compared on resume
    RunOptions free;      ///< what a resume may change: limits, threads, logging
};

/// Everything that changes the next step, and where the records stand.
struct TrainState {
    std::int64_t step = 0;  ///< steps done
    NamedTensors tensors;   ///< "task/...", "average/...", "optimizer/<phase>/...", "log/..."
    std::int64_t rollbacks = 0;
    std::optional<double> best;      ///< validation metric
    std::int64_t metrics_bytes = 0;  ///< of metrics.jsonl by then
};

/// Holds a lock on the folder while it lives, so that two programs never write one run.
class RunFolder {
  public:
    /// Whether a run is there that has taken a step. One that was killed before has nothing to lose.
    static bool holds_steps(const std::filesystem::path& path);
    /// A new run: makes the folder and writes options.toml. Throws Usage when holds_steps() (name --resume or another
    /// -o), Output when it cannot be made or `bytes_needed` are more than the disk has free (said before anything
    /// begins).
    static RunFolder create(const std::filesystem::path& path, const RunIdentity& identity, std::int64_t bytes_needed);
    /// An earlier run to go on with. Throws Usage when an option differs (naming it with both values) or there is no
    /// run, Input for a run of another program or of a version this one cannot go on with, or whose checkpoints are
    /// both damaged (a damaged newer one falls back to the older, with a warning through `warn`).
    static RunFolder resume(const std::filesystem::path& path, const RunIdentity& identity);
    /// Throws what resume() would throw about the run itself, and touches nothing.
    static void check_resume(const std::filesystem::path& path, const RunIdentity& identity);

    ~RunFolder();
    RunFolder(RunFolder&&) noexcept;
    RunFolder& operator=(RunFolder&&) noexcept;

    const std::filesystem::path& path() const;
    std::filesystem::path file(const std::string& name) const { return path() / name; }
    const RunIdentity& identity() const;

    /// checkpoint.safetensors, its predecessor kept as checkpoint-previous.safetensors: temporary name, flush, rename;
    /// at no moment is there less than one whole checkpoint. Throws Output.
    void save(const TrainState& state);
    /// The newest whole one; empty in a run that has none yet. Damage is told by a digest of the bytes.
    std::optional<TrainState> load(const std::function<void(const std::string&)>& warn) const;

    /// After a fault: a run that was begun here and has recorded no step leaves nothing behind, so that its name is
    /// free for the next try. Any other is left as it is. Nothing else may be done with it afterwards.
    void give_up();

  private:
    RunFolder();
    struct State;
    std::unique_ptr<State> state_;
};

/// The names in a run folder.
inline constexpr const char* kMetricsFile = "metrics.jsonl";
inline constexpr const char* kMetricsTable = "metrics.csv";
inline constexpr const char* kTimingFile = "timing.jsonl";
inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";
inline constexpr const char* kPreviousCheckpointFile = "checkpoint-previous.safetensors";
inline constexpr const char* kOptionsFile = "options.toml";
inline constexpr const char* kWeightsFile = "weights.safetensors";
inline constexpr const char* kAverageFile = "weights_ema.safetensors";
inline constexpr const char* kBestFile = "best.safetensors";
inline constexpr const char* kSkippedFile = "skipped.json";
inline constexpr const char* kReportFile = "report.html";
inline constexpr const char* kPreviewFolder = "previews";

}  // namespace reverie
