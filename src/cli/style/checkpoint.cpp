#include "cli/style/checkpoint.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/weights/state_dict.h"
#include "weights/sealed_file.h"

namespace reverie {
namespace {

constexpr const char* kFormat = "reverie checkpoint 1";
constexpr const char* kAdvice = "remove it to start anew, or name another with --checkpoint";

/// A flag and what it was, as one would type it.
std::string typed(const std::string& name, const Setting* setting) {
    return setting == nullptr ? "no " + name : name + " " + join(setting->values, ",", ",");
}

/// A digest says nothing to a reader.
bool is_digest(const Setting& setting) {
    return setting.name.starts_with(pixels_of("")) || setting.name.starts_with(bytes_of(""));
}

std::map<std::string, const Setting*> by_name(const Settings& settings) {
    std::map<std::string, const Setting*> all;
    for (const Setting& setting : settings.all()) {
        all[setting.name] = &setting;
    }
    return all;
}

}  // namespace

std::string pixels_of(const std::string& picture) { return "pixels of " + picture; }

std::string bytes_of(const std::string& file) { return "bytes of " + file; }

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

void require_same(const Checkpoint& checkpoint, const Settings& present, const std::filesystem::path& path) {
    // As it would come back from a file.
    const Settings identity = settings_of({{kSettingsKey, to_json(present)}}, path.string());
    const auto before = by_name(checkpoint.identity);
    const auto now = by_name(identity);
    const auto refuse = [&](const Setting& setting, const Setting* old, const Setting* given) {
        const std::string differs = is_digest(setting) ? "with other " + setting.name
                                                       : "with " + typed(setting.name, old) + ", but this run has " +
                                                             typed(setting.name, given);
        throw Error(ErrorKind::Usage, "the checkpoint '" + path.string() + "' was made " + differs +
                                          "; run with what it was made with, or remove it to start anew");
    };
    for (const bool digests : {false, true}) {  // another flag says more than the pixels that follow from it
        for (const Setting& setting : identity.all()) {
            const auto old = before.find(setting.name);
            if (is_digest(setting) == digests && (old == before.end() || old->second->values != setting.values)) {
                refuse(setting, old == before.end() ? nullptr : old->second, &setting);
            }
        }
        for (const Setting& setting : checkpoint.identity.all()) {
            if (is_digest(setting) == digests && !now.contains(setting.name)) {
                refuse(setting, &setting, nullptr);
            }
        }
    }
}

}  // namespace reverie
