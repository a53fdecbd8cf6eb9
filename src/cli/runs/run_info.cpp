#include "cli/runs/run_info.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/frame/table.h"
#include "cli/runs/trained_run.h"
#include "core/json_text.h"
#include "reverie/core/files.h"
#include "reverie/output/records.h"
#include "reverie/train/run_folder.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The last value of a record, and the least one.
struct Course {
    double last = 0.0;
    double least = 0.0;
    std::int64_t least_at = 0;
};

std::optional<Course> course_of(const std::vector<Record>& records, const std::string& name) {
    std::optional<Course> course;
    for (const Record& record : records) {
        for (const auto& [key, value] : record.values) {
            if (key != name) {
                continue;
            }
            if (!course || value < course->least) {
                course = Course{value, value, record.step};
            }
            course->last = value;
        }
    }
    return course;
}

std::vector<Record> records_of(const fs::path& run) {
    return is_there(run / kMetricsFile) ? read_json_lines(run / kMetricsFile) : std::vector<Record>();
}

/// "validation/loss" -> "validation_loss".
std::string key_of(std::string name) {
    std::ranges::replace(name, '/', '_');
    return name;
}

std::string text(const Json& value) {
    if (value.is_number_float()) {
        char digits[32];
        std::snprintf(digits, sizeof digits, "%.4g", value.get<double>());
        return digits;
    }
    return value.is_string() ? value.get<std::string>() : value.dump();
}

class Info : public Program {
  public:
    explicit Info(RunInfo info) : info_(std::move(info)), run_{.program = info_.program} {}

    std::string name() const override { return info_.program + " info"; }
    std::string description() const override { return "Says what a run is and how far it got."; }
    std::string output_help() const override { return ""; }
    std::string examples() const override {
        return "examples:\n  " + info_.program + " info run/\n  " + info_.program + " info run/ --json\n";
    }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
    }

    int run(Session& session) override {
        const fs::path path = run_path(run_);
        const StateDict weights = read_run_weights(path, run_.weights, info_.program);
        Json object = {{"run", path.string()}, {"weights", weights_word(run_.weights)}};
        object.update(net_of(weights));
        if (const auto step = weights.metadata().find("step"); step != weights.metadata().end()) {
            object["step"] = std::stoll(step->second);
        }
        const std::vector<Record> records = records_of(path);
        for (const std::string& name : info_.watched) {
            if (const std::optional<Course> course = course_of(records, name)) {
                object[key_of(name)] = course->last;
            }
        }
        if (const std::optional<Course> course = course_of(records, info_.metric)) {
            object[key_of(info_.metric)] = course->last;
            object["best_" + key_of(info_.metric)] = course->least;
            object["best_step"] = course->least_at;
        }
        print(session, std::move(object), Json::parse(to_json(run_options(path))));
        return 0;
    }

  private:
    Json net_of(const StateDict& weights) const {
        try {
            return info_.net(weights.metadata());
        } catch (const Error& error) {
            throw Error(ErrorKind::Input, "'" + weights.path().string() + "' cannot be used: " + error.what());
        }
    }

    static void print(Session& session, Json object, const Json& options) {
        if (session.common().json) {
            object["options"] = options;
            session.print(json_text(object));
            return;
        }
        std::vector<std::vector<std::string>> rows;
        for (const auto& [name, value] : object.items()) {
            rows.push_back({name, text(value)});
        }
        session.print(render_table({"run", "value"}, rows));
        if (options.empty()) {
            return;
        }
        rows.clear();
        for (const auto& [name, value] : options.items()) {
            rows.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
        }
        session.print("\n" + render_table({"option", "value"}, rows));
    }

    RunInfo info_;
    RunFlags run_;
};

}  // namespace

std::unique_ptr<Program> info_command(RunInfo info) { return std::make_unique<Info>(std::move(info)); }

}  // namespace reverie
