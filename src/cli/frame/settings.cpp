#include "reverie/cli/settings.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "cli/frame/toml.h"
#include "core/json_text.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/runtime.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

/// A text as JSON: a number where that loses nothing, else a string.
Json json_of(const std::string& text) {
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    if (const auto result = std::from_chars(text.data(), end, whole);
        result.ec == std::errc() && result.ptr == end && std::to_string(whole) == text) {
        return whole;
    }
    double number = 0.0;
    if (const auto result = std::from_chars(text.data(), end, number);
        result.ec == std::errc() && result.ptr == end && number_text(number) == text && Json(number).dump() == text) {
        return number;
    }
    return text;
}

/// The one value, which a file of unknown origin may have nested too deep for dump().
std::string text_of(const Json& value, const std::string& path) {
    if (value.is_structured()) {
        throw Error(ErrorKind::Input, "the settings in '" + path +
                                          "' are damaged (lists within lists); give the flags by hand instead of "
                                          "--from");
    }
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string flag_name(const CLI::Option* option) {
    const auto& names = option->get_lnames();
    return names.empty() ? "" : names.front();
}

bool is_switch(const CLI::Option* option) { return option->get_items_expected_max() == 0; }

const Setting* find(const Settings& settings, const std::string& name) {
    for (const Setting& setting : settings.all()) {
        if (setting.name == name) {
            return &setting;
        }
    }
    return nullptr;
}

}  // namespace

void Settings::set(const std::string& name, double value) { set(name, number_text(value)); }

std::string Settings::value(const std::string& name) const {
    const Setting* setting = find(*this, name);
    return setting == nullptr || setting->values.empty() ? "" : setting->values.front();
}

Settings flags_of(const Settings& settings) {
    Settings flags;
    static const std::set<std::string> kOthers = {"program", "version", "weights", "content-network-weights",
                                                  "mask",    "protect", "guide",   "threads"};
    for (const Setting& setting : settings.all()) {
        if (!kOthers.contains(setting.name)) {
            flags.set_list(setting.name, setting.values);
        }
    }
    return flags;
}

std::string to_json(const Settings& settings) {
    Json object = Json::object();
    for (const Setting& setting : settings.all()) {
        if (setting.values.size() == 1) {
            object[setting.name] = json_of(setting.values.front());
        } else {
            Json list = Json::array();
            for (const std::string& value : setting.values) {
                list.push_back(json_of(value));
            }
            object[setting.name] = std::move(list);
        }
    }
    return json_text(object, /*ascii=*/true);
}

Settings settings_of(const std::map<std::string, std::string>& text, const std::string& path) {
    const auto found = text.find(kSettingsKey);
    if (found == text.end()) {
        throw Error(ErrorKind::Input, "'" + path +
                                          "' carries no settings of a Reverie program; wanted a picture that " +
                                          "one of them wrote and no other program has saved since");
    }
    Json object;
    try {
        object = json_value(found->second);
    } catch (const Json::exception&) {  // none
    }
    if (!object.is_object()) {
        throw Error(
            ErrorKind::Input,
            "the settings in '" + path + "' are damaged (not a JSON object); give the flags by hand instead of --from");
    }
    Settings settings;
    for (const auto& [name, value] : object.items()) {
        std::vector<std::string> values;
        if (!value.is_array()) {
            values.push_back(text_of(value, path));
        } else {
            for (const Json& item : value) {
                values.push_back(text_of(item, path));
            }
        }
        settings.set_list(name, std::move(values));
    }
    return settings;
}

Settings read_config(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path, ErrorKind::Usage);
    return parse_toml({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

void write_config(const std::filesystem::path& path, const CLI::App& app, const Settings& resolved) {
    std::string text = "# " + app.get_name() + " " + version() + "\n";
    for (const CLI::Option* option : app.get_options()) {
        const std::string name = flag_name(option);
        if (name.empty() || !option->get_configurable()) {
            continue;
        }
        const bool list = option->get_expected_max() > 1;
        if (option->count() > 0) {
            const auto values = is_switch(option) ? std::vector<std::string>{"true"} : option->results();
            text += name + " = " + toml_value(values, list) + "\n";
        } else if (const Setting* setting = find(resolved, name)) {
            text += name + " = " + toml_value(setting->values, list) + "\n";
        }
    }
    write_file(path, text);
}

Settings without_stale(const Settings& settings, const CLI::App& app, const std::vector<Followers>& followers) {
    std::set<std::string> stale;
    for (const Followers& some : followers) {
        const CLI::Option* given = app.get_option_no_throw("--" + some.leader);
        const Setting* theirs = find(settings, some.leader);
        if (given != nullptr && given->count() > 0 && theirs != nullptr && given->results() != theirs->values) {
            stale.insert(some.followers.begin(), some.followers.end());
        }
    }
    Settings fitting;
    for (const Setting& setting : settings.all()) {
        if (!stale.contains(setting.name)) {
            fitting.set_list(setting.name, setting.values);
        }
    }
    return fitting;
}

void fill_in(CLI::App& app, const Settings& settings, const std::string& source,
             const std::function<void(const std::string& name)>& unknown) {
    // Decided before anything is filled in, so that a name that comes twice counts twice.
    std::vector<std::pair<CLI::Option*, const Setting*>> wanted;
    for (const Setting& setting : settings.all()) {
        CLI::Option* option = app.get_option_no_throw("--" + setting.name);
        if (option == nullptr || !option->get_configurable()) {
            unknown(setting.name);
        } else if (option->count() == 0) {
            wanted.emplace_back(option, &setting);
        }
    }
    for (const auto& [option, setting] : wanted) {
        try {
            if (is_switch(option)) {
                if (setting->values.size() != 1 || (setting->values[0] != "true" && setting->values[0] != "false")) {
                    throw Error(ErrorKind::Usage, "--" + setting->name + " is true or false");
                }
                if (setting->values[0] == "false") {
                    continue;
                }
            }
            option->add_result(setting->values);
            option->run_callback();
        } catch (const Error& error) {
            throw Error(ErrorKind::Usage, "'" + source + "': " + error.sentence());
        } catch (const CLI::ParseError& error) {
            throw Error(ErrorKind::Usage, "'" + source + "': " + error.what());
        }
    }
}

std::vector<std::string> configurable_flags(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        if (const std::string name = flag_name(option); !name.empty() && option->get_configurable()) {
            names.push_back(name);
        }
    }
    return names;
}

}  // namespace reverie
