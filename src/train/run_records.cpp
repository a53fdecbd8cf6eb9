#include "train/run_records.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "core/json_text.h"
#include "core/machine.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// Up to the end of the last whole line: a killed process may have left half of one.
std::int64_t whole_lines(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::int64_t bytes = 0;
    for (std::string line; std::getline(file, line) && !file.eof();) {
        bytes += static_cast<std::int64_t>(line.size()) + 1;
    }
    return bytes;
}

}  // namespace

RunRecords::RunRecords(const RunFolder& folder, std::int64_t metrics_bytes)
    : folder_(folder.path()),
      metrics_(folder.file(kMetricsFile), metrics_bytes),
      timing_(folder.file(kTimingFile), whole_lines(folder.file(kTimingFile))),
      events_(folder.file("events")) {}

void RunRecords::metrics(std::int64_t step, const Scalars& values) {
    metrics_.add(step, values);
    events_.add(step, values);
}

void RunRecords::timing(std::int64_t step, double seconds, double images_per_second) {
    timing_.add(step, {{"seconds", seconds},
                       {"images_per_second", images_per_second},
                       {"memory", static_cast<double>(resident_memory())}});
}

void RunRecords::preview(std::int64_t step, const Tensor& image) {
    save_image(preview_path(folder_, step), image);
    events_.add_image(step, "preview", image);
}

void RunRecords::cut_metrics(std::int64_t bytes) { metrics_ = JsonLines(folder_ / kMetricsFile, bytes); }

fs::path preview_path(const fs::path& folder, std::int64_t step) {
    constexpr std::size_t kDigits = 8;  // so that they sort by name
    const std::string number = std::to_string(step);
    return folder / kPreviewFolder / (std::string(kDigits - std::min(kDigits, number.size()), '0') + number + ".png");
}

std::vector<fs::path> preview_paths(const fs::path& folder, std::int64_t step) {
    std::vector<fs::path> paths;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder / kPreviewFolder, ignored)) {
        const std::string name = entry.path().stem().string();
        if (entry.path().extension() == ".png" && !name.empty() &&
            name.find_first_not_of("0123456789") == std::string::npos &&
            name <= preview_path("", step).stem().string()) {
            paths.push_back(entry.path());
        }
    }
    std::ranges::sort(paths);
    return paths;
}

void write_skipped(const fs::path& path, const std::vector<SkippedFile>& skipped) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const SkippedFile& file : skipped) {
        list.push_back({{"path", file.path}, {"reason", with_option_names(file.reason)}});
    }
    write_file(path, json_text(list) + "\n");
}

}  // namespace reverie
