// Private: the page about a film that was painted.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reverie/cli/settings.h"
#include "reverie/core/size.h"
#include "reverie/output/film_info.h"
#include "reverie/output/report.h"

namespace reverie {

struct FilmStory {
    std::string input, output;
    Size size;
    FilmInfo info;  ///< of the input
    Settings settings;
    std::vector<std::string> records;                       ///< of the frames, a JSON object each
    std::vector<std::pair<std::int64_t, Tensor>> pictures;  ///< key frames, small, and their numbers
    std::vector<std::string> notes;
};

/// The frame at the size that a page shows.
Tensor key_picture(const Tensor& frame);

Report film_report(const FilmStory& story);

}  // namespace reverie
