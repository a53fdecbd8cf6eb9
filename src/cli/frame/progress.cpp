#include "cli/frame/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/json_text.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

constexpr double kMemorySeconds = 10.0;

std::string percentage(const ProgressMeter& meter) {
    // Rounded down: 100 % means done.
    return std::to_string(static_cast<int>(meter.fraction() * 100.0)) + "%";
}

/// "0:07", "12:30", "1:02:03": of steady width, so that the line does not jitter.
std::string clock_text(double seconds) {
    const auto whole = static_cast<long long>(std::max(0.0, seconds));
    char text[32];
    if (whole < 3600) {
        std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
    } else {
        std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    }
    return text;
}

/// "12 MB of 80 MB", "7 of 64 steps"; empty where counting says nothing.
std::string count_text(const Progress& progress) {
    if (progress.unit.empty()) {
        return "";
    }
    if (progress.unit == "bytes") {
        const std::string done = human_bytes(static_cast<std::uint64_t>(progress.done));
        return progress.total > 0 ? done + " of " + human_bytes(static_cast<std::uint64_t>(progress.total)) : done;
    }
    const std::string done = std::to_string(std::llround(progress.done));
    return (progress.total > 0 ? done + " of " + std::to_string(std::llround(progress.total)) : done) + " " +
           progress.unit;
}

std::string value_text(const Progress& progress) {
    if (progress.value_name.empty()) {
        return "";
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", progress.value);
    return progress.value_name + " " + text;
}

/// Columns that UTF-8 text takes, every character counted as one.
int columns_of(const std::string& text) {
    return static_cast<int>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string cut_to(const std::string& text, int columns) {
    std::string cut;
    int used = 0;
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) & 0xC0) != 0x80 && used++ == columns) {
            break;
        }
        cut += c;
    }
    return cut;
}

std::string bar_of(double fraction, int columns, bool utf8) {
    const int filled = static_cast<int>(fraction * columns);
    std::string bar;
    for (int i = 0; i < columns; ++i) {
        bar += i < filled ? (utf8 ? "━" : "=") : (utf8 ? "─" : "-");
    }
    return utf8 ? bar : "[" + bar + "]";
}

}  // namespace

void ProgressMeter::report(const Progress& progress, double now) {
    const bool continues =
        started_ && progress.total == last_.total && progress.unit == last_.unit && progress.done >= last_.done;
    if (!continues) {
        started_ = true;
        begin_ = now;
        weighted_done_ = 0.0;
        weighted_time_ = 0.0;
        paused_ = 0.0;
    } else {
        const double passed = std::max(0.0, now - now_);
        const double paused = std::clamp(progress.aside, 0.0, passed);
        const double keep = std::exp(-(passed - paused) / kMemorySeconds);
        weighted_done_ = weighted_done_ * keep + (progress.done - last_.done);
        weighted_time_ = weighted_time_ * keep + (passed - paused);
        paused_ += paused;
    }
    last_ = progress;
    now_ = now;
}

double ProgressMeter::fraction() const noexcept {
    return last_.total > 0 ? std::clamp(last_.done / last_.total, 0.0, 1.0) : 0.0;
}

std::optional<double> ProgressMeter::remaining() const {
    if (last_.total <= 0 || weighted_done_ <= 0 || weighted_time_ <= 0) {
        return std::nullopt;
    }
    // Pauses to come are as long a share of the work as those so far.
    const double with_pauses = elapsed() > paused_ ? elapsed() / (elapsed() - paused_) : 1.0;
    return std::max(0.0, last_.total - last_.done) * weighted_time_ / weighted_done_ * with_pauses;
}

std::string render_bar(const ProgressMeter& meter, const std::string& label, int columns, bool utf8) {
    const Progress& progress = meter.last();
    const bool known = progress.total > 0;
    std::string times = clock_text(meter.elapsed());
    if (const auto remaining = meter.remaining()) {
        times += ", " + clock_text(*remaining) + " left";
    }
    std::string percent = known ? percentage(meter) : "";
    percent.insert(0, known ? 4 - percent.size() : 0, ' ');

    struct Piece {
        std::string text;
        int importance;  ///< the smallest goes first when the line is too long
    };
    std::vector<Piece> pieces = {{label, 1},
                                 {known ? bar_of(meter.fraction(), 20, utf8) : "", 3},
                                 {percent, 6},
                                 {progress.stage, 4},
                                 {count_text(progress), 2},
                                 {value_text(progress), 0},
                                 {times, 5}};
    const auto assemble = [&pieces] {
        std::string line;
        for (const Piece& piece : pieces) {
            if (!piece.text.empty()) {
                line += (line.empty() ? "" : "  ") + piece.text;
            }
        }
        return line;
    };
    std::string line = assemble();
    for (int importance = 0; columns_of(line) > columns && importance < 6; ++importance) {
        std::erase_if(pieces, [importance](const Piece& piece) { return piece.importance == importance; });
        line = assemble();
    }
    return cut_to(line, columns);
}

std::string render_plain(const ProgressMeter& meter, const std::string& label) {
    const Progress& progress = meter.last();
    std::vector<std::string> parts;
    for (const std::string& part : {progress.stage, count_text(progress), value_text(progress)}) {
        if (!part.empty()) {
            parts.push_back(part);
        }
    }
    if (progress.total > 0) {
        parts.push_back(percentage(meter));
    }
    parts.push_back(human_seconds(meter.elapsed()));
    if (const auto remaining = meter.remaining()) {
        parts.push_back("about " + human_seconds(*remaining) + " left");
    }
    return (label.empty() ? "" : label + ": ") + join(parts, ", ", ", ");
}

std::string render_json(const ProgressMeter& meter, const std::string& label) {
    const Progress& progress = meter.last();
    nlohmann::ordered_json object;
    if (!label.empty()) {
        object["label"] = label;
    }
    object["stage"] = progress.stage;
    object["done"] = progress.done;
    object["total"] = progress.total;
    object["unit"] = progress.unit;
    object["fraction"] = meter.fraction();
    if (!progress.value_name.empty()) {
        object[progress.value_name] = progress.value;
    }
    object["elapsed"] = meter.elapsed();
    const auto remaining = meter.remaining();
    object["remaining"] = remaining ? nlohmann::ordered_json(*remaining) : nlohmann::ordered_json(nullptr);
    return json_text(object);
}

}  // namespace reverie
