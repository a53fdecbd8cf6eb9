// JSON lines, and what is made of them: tables and curves.
#include "reverie/output/records.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "output/append_file.h"
#include "output/number_text.h"
#include "reverie/core/files.h"

namespace reverie {
namespace {

using output::AppendFile;
using output::number_text;

std::string quoted_for_json(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string line_of(std::int64_t step, const Scalars& values) {
    std::string line = "{\"step\":" + std::to_string(step);
    for (const auto& [name, value] : values) {
        line += "," + quoted_for_json(name) + ":" + (std::isfinite(value) ? number_text(value) : "null");
    }
    return line + "}\n";
}

/// Nothing when the line is none of ours.
std::optional<Record> parse_line(std::string_view line) {
    const auto object = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer()) {
        return std::nullopt;
    }
    Record record;
    record.step = object["step"].get<std::int64_t>();
    for (const auto& [name, value] : object.items()) {
        if (name == "step") {
            continue;
        }
        if (!value.is_number() && !value.is_null()) {
            return std::nullopt;
        }
        record.values.emplace_back(name,
                                   value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
    }
    return record;
}

/// Names in the order of their first occurrence.
class Columns {
  public:
    explicit Columns(const std::vector<Record>& records) {
        for (const Record& record : records) {
            for (const auto& [name, value] : record.values) {
                if (index_.emplace(name, names_.size()).second) {
                    names_.push_back(name);
                }
            }
        }
    }
    const std::vector<std::string>& names() const noexcept { return names_; }
    std::size_t operator[](const std::string& name) const { return index_.at(name); }

  private:
    std::vector<std::string> names_;
    std::unordered_map<std::string, std::size_t> index_;
};

/// RFC 4180: quoted where needed, quotes doubled.
std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string field = "\"";
    for (const char c : text) {
        field += c == '"' ? "\"\"" : std::string(1, c);
    }
    return field + "\"";
}

std::string csv_row(std::int64_t step, const std::vector<std::string>& fields) {
    std::string row = std::to_string(step);
    for (const std::string& field : fields) {
        row += "," + field;
    }
    return row + "\n";
}

}  // namespace

struct JsonLines::State {
    explicit State(std::filesystem::path path) : file(std::move(path), AppendFile::Mode::Keep) {}
    AppendFile file;
};

JsonLines::JsonLines(const std::filesystem::path& path, std::int64_t keep) : state_(std::make_unique<State>(path)) {
    AppendFile& file = state_->file;
    if (keep < 0 || keep > file.bytes() || (keep > 0 && file.byte_at(keep - 1) != '\n')) {
        throw Error(ErrorKind::Output, "'" + path.string() + "' holds " + std::to_string(file.bytes()) +
                                           " bytes and the run to go on with had whole lines of " +
                                           std::to_string(keep) + "; put the run's own file back or start a new run");
    }
    file.cut(keep);
}

JsonLines::~JsonLines() = default;
JsonLines::JsonLines(JsonLines&&) noexcept = default;
JsonLines& JsonLines::operator=(JsonLines&&) noexcept = default;

void JsonLines::add(std::int64_t step, const Scalars& values) { state_->file.append(line_of(step, values)); }

std::int64_t JsonLines::bytes() const { return state_->file.bytes(); }

std::vector<Record> read_json_lines(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::vector<Record> records;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        std::optional<Record> record = parse_line(rest.substr(0, end));
        if (!record) {
            throw Error(ErrorKind::Input,
                        "line " + std::to_string(records.size() + 1) + " of '" + path.string() +
                            "' is not a JSON object of numbers with a whole \"step\"; remove the line or "
                            "put the run's own file back");
        }
        records.push_back(std::move(*record));
        rest.remove_prefix(end + 1);
    }
    return records;
}

void write_csv(const std::filesystem::path& path, const std::vector<Record>& records) {
    const Columns columns(records);
    std::string text = "step";
    for (const std::string& name : columns.names()) {
        text += "," + csv_field(name);
    }
    text += "\n";
    std::vector<std::string> row(columns.names().size());
    for (std::size_t i = 0; i < records.size(); ++i) {
        for (const auto& [name, value] : records[i].values) {
            row[columns[name]] = number_text(value);
        }
        // Lines that follow each other with one step are one row: losses and what is measured now and then.
        if (i + 1 == records.size() || records[i + 1].step != records[i].step) {
            text += csv_row(records[i].step, row);
            row.assign(row.size(), "");
        }
    }
    write_file(path, text);
}

std::vector<Curve> curves_of(const std::vector<Record>& records) {
    const Columns columns(records);
    std::vector<Curve> curves(columns.names().size());
    for (std::size_t i = 0; i < curves.size(); ++i) {
        curves[i].name = columns.names()[i];
    }
    for (const Record& record : records) {
        for (const auto& [name, value] : record.values) {
            Curve& curve = curves[columns[name]];
            curve.x.push_back(static_cast<double>(record.step));
            curve.y.push_back(value);
        }
    }
    return curves;
}

}  // namespace reverie
