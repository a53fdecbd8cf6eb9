#include "reverie/cli/settings.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

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

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// TOML's basic string; numbers and truths stay bare.
std::string toml_of(const std::string& text) {
    double number = 0.0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool bare = (result.ec == std::errc() && result.ptr == text.data() + text.size()) || text == "true";
    return bare ? text : "\"" + text + "\"";
}

std::string toml_of(const std::vector<std::string>& values, bool list) {
    if (!list) {
        return toml_of(values.empty() ? "" : values.front());
    }
    std::string text = "[";
    for (const std::string& value : values) {
        text += (text.size() > 1 ? ", " : "") + toml_of(value);
    }
    return text + "]";
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
    return object.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Settings settings_of(const std::map<std::string, std::string>& text, const std::string& path) {
    const auto found = text.find(kSettingsKey);
    if (found == text.end()) {
        throw Error(ErrorKind::Input, "'" + path +
                                          "' carries no settings of a Reverie program; wanted a picture that " +
                                          "one of them wrote and no other program has saved since");
    }
    const Json object = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
        throw Error(ErrorKind::Input, "the settings in '" + path +
                                          "' are damaged (no JSON object); give the flags by hand instead of --from");
    }
    Settings settings;
    for (const auto& [name, value] : object.items()) {
        std::vector<std::string> values;
        for (const Json& item : value.is_array() ? value : Json::array({value})) {
            values.push_back(text_of(item));
        }
        settings.set(name, std::move(values));
    }
    return settings;
}

Settings read_config(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path, ErrorKind::Usage);
    std::istringstream stream(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    Settings settings;
    std::vector<CLI::ConfigItem> items;
    try {
        items = CLI::ConfigTOML().from_config(stream);
    } catch (const CLI::Error& error) {
        throw Error(ErrorKind::Usage, "'" + path.string() + "' is no configuration file (" + error.what() +
                                          "); wanted lines of the form flag = value");
    }
    for (const CLI::ConfigItem& item : items) {
        if (!item.parents.empty() || item.name.empty() || item.name.find_first_of(" \t[]") != std::string::npos) {
            throw Error(ErrorKind::Usage, "'" + path.string() + "' holds '" + item.fullname() +
                                              "', which is no flag; wanted lines of the form flag = value");
        }
        settings.set(item.name, item.inputs);
    }
    return settings;
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
            text += name + " = " + toml_of(values, list) + "\n";
        } else if (const Setting* setting = find(resolved, name)) {
            text += name + " = " + toml_of(setting->values, list) + "\n";
        }
    }
    write_file(path, text);
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
            throw Error(ErrorKind::Usage, "'" + source + "': " + error.what());
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
