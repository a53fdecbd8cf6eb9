// A run's tables, curves and page, out of what lies in its folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/output/report.h"
#include "reverie/train/run_folder.h"

namespace reverie {

struct RunStory {
    std::int64_t step = 0;
    std::int64_t total = 0;
    RunOptions facts;
    std::vector<ReportPicture> pictures;
    std::vector<std::string> notes;
};

/// metrics.csv, curves.png and report.html. Throws Output.
void write_run_report(const RunFolder& folder, const RunStory& story);

}  // namespace reverie
