#include "cli/style/checkpoint.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/weights/state_dict.h"
#include "weights/sealed_file.h"

namespace reverie {
namespace {

constexpr const char* kFormat = "reverie checkpoint 1";
constexpr const char* kAdvice = "remove it to start anew, or name another with --checkpoint";

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
    std::map<std::string, std::string> notes = {{"format", kFormat},
                                                {"output", json_text(checkpoint.output)},
                                                {"settings", to_json(checkpoint.identity)},
                                                {"state", json_text(checkpoint.state.notes)},
                                                {"max-memory", std::to_string(checkpoint.max_memory)},
                                                {"traced", std::to_string(checkpoint.traced)}};
    write_sealed(path, {checkpoint.state.tensors, std::move(notes)});
}

bool is_checkpoint(const std::filesystem::path& path) {
    try {
        const std::map<std::string, std::string> notes = read_state_dict(path).metadata();
        const auto format = notes.find("format");
        return format != notes.end() && format->second == kFormat;
    } catch (const Error&) {
        return false;
    }
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
    SealedFile file = read_sealed(path, kFormat, kAdvice);
    try {
        Checkpoint checkpoint;
        checkpoint.state.tensors = std::move(file.tensors);
        checkpoint.output = json_value(file.notes["output"]).get<std::string>();
        checkpoint.identity = settings_of({{kSettingsKey, file.notes["settings"]}}, path.string());
        checkpoint.state.notes = nlohmann::json::parse(file.notes["state"]).get<std::map<std::string, std::string>>();
        checkpoint.max_memory = whole_number_of(nlohmann::json::parse(file.notes["max-memory"]));
        checkpoint.traced = whole_number_of(nlohmann::json::parse(file.notes["traced"]));
        return checkpoint;
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorKind::Input,
                    "the checkpoint '" + path.string() + "' is damaged (its notes are not understood); " + kAdvice);
    }
}

bool is_of(const Checkpoint& checkpoint, const std::string& output) {
    const auto name = [](const std::string& path) {
        return json_text(std::filesystem::path(path).lexically_normal().string());
    };
    return name(checkpoint.output) == name(output);
}

void require_same(const Checkpoint& checkpoint, const Settings& identity, const std::filesystem::path& path) {
    require_same(checkpoint.identity, identity, "the checkpoint '" + path.string() + "'");
}

}  // namespace reverie
