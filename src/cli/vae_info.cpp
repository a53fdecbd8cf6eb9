// vae info
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "cli/vae_commands.h"
#include "cli/vae_run.h"
#include "core/json_text.h"
#include "reverie/cli/table.h"
#include "reverie/core/text.h"
#include "reverie/models/parameters.h"
#include "reverie/models/vae.h"
#include "reverie/output/records.h"
#include "reverie/train/run_folder.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

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

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

class Info : public Program {
  public:
    std::string name() const override { return "vae info"; }
    std::string description() const override { return "Says what a run is and how far it came."; }
    std::string output_help() const override { return ""; }
    std::string examples() const override { return "examples:\n  vae info run/\n  vae info run/ --json\n"; }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
    }

    int run(Session& session) override {
        if (run_.run.empty()) {
            throw Error(ErrorKind::Usage, "no run is given; name RUN, the folder that vae train wrote (see --help)");
        }
        const fs::path path = run_.run;
        const std::map<std::string, std::string> notes = vae_metadata(path, run_.weights);
        const VaeOptions options = vae_options(notes);
        const Settings settings = is_there(path / kOptionsFile) ? read_config(path / kOptionsFile) : Settings();
        const std::vector<Record> records =
            is_there(path / kMetricsFile) ? read_json_lines(path / kMetricsFile) : std::vector<Record>();

        Json object = {{"run", path.string()},
                       {"weights", weights_word(run_.weights)},
                       {"net", notes.at("net")},
                       {"parameters", parameter_count(*make_vae(options.net, 0))},
                       {"width", options.net.size.width},
                       {"height", options.net.size.height},
                       {"channels", options.net.channels},
                       {"latent", options.net.latent},
                       {"latent_grid", options.net.latent_grid},
                       {"classes", options.net.classes},
                       {"likelihood", text_of(options.likelihood.kind)},
                       {"binarize", options.binarize}};
        if (const auto step = notes.find("step"); step != notes.end()) {
            object["step"] = std::stoll(step->second);
        }
        if (const std::optional<Course> course = course_of(records, "loss")) {
            object["loss"] = course->last;
        }
        if (const std::optional<Course> course = course_of(records, "validation/loss")) {
            object["validation_loss"] = course->last;
            object["best_validation_loss"] = course->least;
            object["best_step"] = course->least_at;
        }
        print(session, object, Json::parse(to_json(settings)));
        return 0;
    }

  private:
    static std::string text(const Json& value) {
        return value.is_number_float() ? number(value.get<double>())
               : value.is_string()     ? value.get<std::string>()
                                       : value.dump();
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

    VaeRunFlags run_;
};

}  // namespace

std::unique_ptr<Program> vae_info_command() { return std::make_unique<Info>(); }

}  // namespace reverie
