// One HTML page about a run, self-contained: no server, no network, no script needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/output/plot.h"

namespace reverie {

struct ReportPicture {
    std::string caption;
    Tensor image;  ///< [1|3|4,H,W]; goes in as a PNG data URI
};

struct ReportPlot {
    std::string title;
    std::vector<Curve> curves;
    bool log_y = false;
};

struct Report {
    std::string title;
    std::string summary;                                       ///< one sentence
    std::vector<std::pair<std::string, std::string>> facts;    ///< a table: version, machine, data, parameters, ...
    std::vector<std::pair<std::string, std::string>> options;  ///< a table: every option
    std::vector<ReportPlot> plots;
    std::vector<ReportPicture> pictures;  ///< large: reals beside fakes, reconstructions
    std::vector<ReportPicture> history;   ///< samples over time, oldest first
    std::vector<std::string> notes;       ///< sentences: files skipped, rollbacks
};

/// Readable on a phone and in the dark; every text escaped. Written atomically. Throws Output.
void write_report(const std::filesystem::path& path, const Report& report);

/// The page itself.
std::string report_html(const Report& report);

}  // namespace reverie
