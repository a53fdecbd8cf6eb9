// What a run says about itself while it goes: metrics, times, previews.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "reverie/data/dataset.h"
#include "reverie/output/records.h"
#include "reverie/train/run_folder.h"

namespace reverie {

/// Seconds on a steady clock since it was made.
class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

  private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

class RunRecords {
  public:
    /// Goes on behind the first `metrics_bytes` of metrics.jsonl; times of earlier processes stay.
    RunRecords(const RunFolder& folder, std::int64_t metrics_bytes);

    void metrics(std::int64_t step, const Scalars& values);
    void timing(std::int64_t step, double seconds, double images_per_second);
    void preview(std::int64_t step, const Tensor& image);

    std::int64_t metrics_bytes() const { return metrics_.bytes(); }
    /// Forgets what came behind.
    void cut_metrics(std::int64_t bytes);

  private:
    std::filesystem::path folder_;
    JsonLines metrics_;
    JsonLines timing_;
    EventFile events_;
};

/// Where the preview of a step lies, and the paths of all up to `step`, oldest first.
std::filesystem::path preview_path(const std::filesystem::path& folder, std::int64_t step);
std::vector<std::filesystem::path> preview_paths(const std::filesystem::path& folder, std::int64_t step);

/// skipped.json: [{"path": ..., "reason": ...}].
void write_skipped(const std::filesystem::path& path, const std::vector<SkippedFile>& skipped);

}  // namespace reverie
