#include "cli/pictures/film_telling.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/pictures/film_report.h"
#include "cli/pictures/picture_faults.h"
#include "cli/pictures/plan_text.h"
#include "core/json_text.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::int64_t cuts_in(const std::vector<std::string>& records) {
    return std::ranges::count_if(records,
                                 [](const std::string& record) { return Json::parse(record).value("cut", false); });
}

}  // namespace

void print_film_line(Session& session, Json object, const fs::path& written, double seconds, bool partial,
                     const Settings& settings) {
    std::error_code error;
    if (const std::uintmax_t bytes = fs::file_size(written, error); !error) {
        object["bytes"] = bytes;
    }
    object["seconds"] = seconds;
    if (partial) {
        object["partial"] = true;
    }
    object["settings"] = Json::parse(to_json(settings));
    session.print(json_text(object));
}

void FilmTelling::plan() const {
    const Size size = request_.size();
    const PicturePlan plan = task_.plan(size);
    const std::int64_t count = request_.frames->count();
    const std::string time = count > 0 && !plan.how_surely.empty() ? time_text(plan, count) : "";
    const BatchItem& item = request_.item;
    if (session_.common().json) {
        Json object = line_for(program_, item);
        object.update({{"output", item.output}, {"width", size.width}, {"height", size.height}});
        object["frames"] = count > 0 ? Json(count) : Json(nullptr);
        object["each"] = Json::parse(to_json(plan.said));
        if (!time.empty()) {
            object["time"] = time;
        }
        session_.print(json_text(object));
        return;
    }
    session_.print(path_word(item.input) + " -> " + path_word(item.output) + "  " + text_of(size));
    session_.print("  frames: " + (count > 0 ? std::to_string(count) : "not known") + ", each of them:");
    print_plan(session_, plan.said);
    if (!time.empty()) {
        session_.print("  all of them: " + time);
    }
}

void FilmTelling::notes(const FilmWriter& film) {
    for (; said_ < film.notes().size(); ++said_) {
        session_.console().warning(film.notes()[said_]);
    }
}

void FilmTelling::page(const fs::path& written, const FilmWriter& film, const std::vector<std::string>& records,
                       const FilmFolder* folder) const {
    if (!request_.flags.report) {
        return;
    }
    FilmStory story{.input = request_.item.input,
                    .output = written.string(),
                    .size = request_.size(),
                    .info = request_.frames->info(),
                    .settings = task_.settings,
                    .records = records,
                    .notes = film.notes()};
    if (folder != nullptr) {
        story.pictures = folder->pictures(film.frames());
    }
    write_report(page_of(written), film_report(story));
}

void FilmTelling::line(const fs::path& written, const FilmWriter& film, const std::vector<std::string>& records,
                       double seconds, bool partial) const {
    if (request_.item.output == "-") {
        return;  // standard output carries the film itself
    }
    if (!session_.common().json) {
        session_.print(path_word(written.string()));
        return;
    }
    const double base = request_.frames->info().time_base.value();
    const FilmTime& first = film.times().front();
    const FilmTime& last = film.times().back();
    const Size size = request_.size();
    Json object = line_for(program_, request_.item);
    object.update({{"output", written.string()},
                   {"width", size.width},
                   {"height", size.height},
                   {"frames", film.frames()},
                   {"cuts", cuts_in(records)},
                   {"film_seconds", static_cast<double>(last.pts + last.duration - first.pts) * base}});
    print_film_line(session_, std::move(object), written, seconds, partial, task_.settings);
}

}  // namespace reverie
