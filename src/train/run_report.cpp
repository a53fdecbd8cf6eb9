#include "train/run_report.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "reverie/core/runtime.h"
#include "reverie/image/picture.h"
#include "reverie/output/plot.h"
#include "reverie/output/records.h"
#include "train/run_records.h"

namespace reverie {
namespace {

constexpr const char* kCurvesFile = "curves.png";

/// One plot for all curves whose names end alike, so that "validation/loss" lies over "loss".
std::vector<ReportPlot> plots_of(const std::vector<Record>& records) {
    std::vector<ReportPlot> plots;
    for (Curve& curve : curves_of(records)) {
        const std::string title = curve.name.substr(curve.name.rfind('/') + 1);  // all of it without a slash
        auto plot = std::ranges::find(plots, title, &ReportPlot::title);
        if (plot == plots.end()) {
            plots.push_back({.title = title, .curves = {}, .log_y = title == "gradient_norm"});
            plot = plots.end() - 1;
        }
        plot->curves.push_back(std::move(curve));
    }
    // How the training went comes behind what it was for.
    std::stable_partition(plots.begin(), plots.end(), [](const ReportPlot& plot) {
        return plot.title != "gradient_norm" && plot.title != "learning_rate";
    });
    return plots;
}

Tensor sheet_of(const std::vector<ReportPlot>& plots) {
    std::vector<Tensor> pictures;
    for (const ReportPlot& report : plots) {
        pictures.push_back(plot(report.curves, {.title = report.title, .log_y = report.log_y}));
    }
    return at::cat(pictures, 1);
}

/// Previews from the first to the last, about evenly spaced.
std::vector<ReportPicture> history_of(const RunFolder& folder, std::int64_t step) {
    constexpr std::size_t kMost = 12;
    const std::vector<std::filesystem::path> paths = preview_paths(folder.path(), step);
    const std::size_t count = std::min(kMost, paths.size());
    std::vector<ReportPicture> history;
    for (std::size_t i = 0; i < count; ++i) {
        const std::filesystem::path& path = paths[count > 1 ? i * (paths.size() - 1) / (count - 1) : 0];
        history.push_back({"step " + std::to_string(std::stoll(path.stem().string())), load_image(path)});
    }
    return history;
}

}  // namespace

void write_run_report(const RunFolder& folder, const RunStory& story) {
    const std::vector<Record> records = read_json_lines(folder.file(kMetricsFile));
    write_csv(folder.file(kMetricsTable), records);
    Report report;
    const RunIdentity& identity = folder.identity();
    report.title =
        identity.program + ": " + std::filesystem::absolute(folder.path()).lexically_normal().filename().string();
    report.summary = "Trained " + std::to_string(story.step) + " of " + std::to_string(story.total) + " steps.";
    report.facts = {{"program", identity.program + " " + version()}};
    report.facts.insert(report.facts.end(), story.facts.begin(), story.facts.end());
    report.options = identity.options;
    report.options.insert(report.options.end(), identity.free.begin(), identity.free.end());
    report.plots = plots_of(records);
    report.pictures = story.pictures;
    report.history = history_of(folder, story.step);
    report.notes = story.notes;
    if (!report.plots.empty()) {
        save_image(folder.file(kCurvesFile), sheet_of(report.plots));
    }
    write_report(folder.file(kReportFile), report);
}

}  // namespace reverie
