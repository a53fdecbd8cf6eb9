#include "cli/pictures/film_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "reverie/core/text.h"
#include "reverie/image/resample.h"

namespace reverie {
namespace {

using Json = nlohmann::json;

std::string name_of(const std::string& path) {
    const std::filesystem::path named = path;
    return (named.has_filename() ? named : named.parent_path()).filename().string();
}

/// What the frames' lines say under one name, over the time of the film.
ReportPlot plot_of(const std::vector<Json>& frames, const std::string& name, const std::string& title) {
    Curve curve;
    curve.name = name;
    for (const Json& frame : frames) {
        if (frame.contains(name)) {
            curve.x.push_back(frame.value("time", 0.0));
            curve.y.push_back(frame.value(name, 0.0));
        }
    }
    return {title, {curve}};
}

std::string clock(double seconds) { return human_number(std::round(seconds * 100.0) / 100.0) + " s"; }

}  // namespace

Tensor key_picture(const Tensor& frame) {
    constexpr std::int64_t kSide = 320;
    const Size size = size_of(frame);
    return std::max(size.height, size.width) <= kSide
               ? frame
               : resize(frame, fit_longest(size, kSide), Resample::Area).clamp(0.0, 1.0);
}

Report film_report(const FilmStory& story) {
    std::vector<Json> frames;
    std::int64_t cuts = 0;
    double seconds = 0.0;
    for (const std::string& record : story.records) {
        frames.push_back(Json::parse(record));
        cuts += frames.back().value("cut", false) ? 1 : 0;
        seconds += frames.back().value("seconds", 0.0);
    }
    Report report;
    report.title = name_of(story.output);
    report.summary = name_of(story.input) + ", painted frame by frame: " + std::to_string(frames.size()) +
                     (frames.size() == 1 ? " frame" : " frames") + " in " + std::to_string(cuts + 1) +
                     (cuts == 0 ? " scene." : " scenes.");
    const FilmInfo& info = story.info;
    report.facts = {{"input", story.input},
                    {"container and codec", info.container + (info.codec.empty() ? "" : ", " + info.codec)},
                    {"its frames", text_of({info.height, info.width}) + ", " + std::to_string(info.bits) + " bits"},
                    {"beside them", info.other_streams.empty() ? "nothing" : join(info.other_streams)},
                    {"output", story.output},
                    {"size", text_of(story.size)},
                    {"time", human_seconds(seconds)}};
    for (const Setting& setting : story.settings.all()) {
        report.options.emplace_back(setting.name, join(setting.values, " ", " "));
    }
    for (const auto& [name, title] : {std::pair<std::string, std::string>{"loss", "loss by seconds of the film"},
                                      {"activation", "activation by seconds of the film"},
                                      {"seconds", "seconds of work by seconds of the film"}}) {
        ReportPlot plot = plot_of(frames, name, title);
        if (plot.curves.front().x.size() > 1) {
            report.plots.push_back(std::move(plot));
        }
    }
    for (const auto& [number, image] : story.pictures) {
        const auto at = static_cast<std::size_t>(number);
        const Json frame = at < frames.size() ? frames[at] : Json::object();
        report.history.push_back({"frame " + std::to_string(number) + ", " + clock(frame.value("time", 0.0)) +
                                      (frame.value("cut", false) ? ", a new scene" : ""),
                                  image});
    }
    report.notes = info.notes;
    report.notes.insert(report.notes.end(), story.notes.begin(), story.notes.end());
    return report;
}

}  // namespace reverie
