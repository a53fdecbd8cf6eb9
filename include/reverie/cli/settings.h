// What a run was made with, as flags and their texts: kept inside the picture for --from, and in --config files.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace reverie {

/// A flag without its dashes, and its values as one would type them.
struct Setting {
    std::string name;
    std::vector<std::string> values;
    bool operator==(const Setting&) const = default;
};

/// In the order they were put down.
class Settings {
  public:
    void set_list(const std::string& name, std::vector<std::string> values) {
        all_.push_back({name, std::move(values)});
    }
    void set(const std::string& name, const std::string& value) { set_list(name, {value}); }
    void set(const std::string& name, double value);
    void set(const std::string& name, std::int64_t value) { set(name, std::to_string(value)); }
    /// The one value of a name; empty when there is none.
    std::string value(const std::string& name) const;
    const std::vector<Setting>& all() const noexcept { return all_; }

  private:
    std::vector<Setting> all_;
};

/// The key of the settings in a picture's text.
inline constexpr const char* kSettingsKey = "reverie";

/// Without what says who made it, "program" and "version", without "weights", "content-network-weights", "mask",
/// "protect" and "guide", which are bare file names there and no paths, and without "threads", which were a picture's
/// share of another run's.
Settings flags_of(const Settings& settings);

/// {"octaves":4,"layers":["a=1","b"],...}: texts that are numbers are written as numbers. The same settings give the
/// same bytes.
std::string to_json(const Settings& settings);

/// The settings in a picture's text, wherever its format could keep them. Throws Input, naming `path`, when there are
/// none or they are damaged.
Settings settings_of(const std::map<std::string, std::string>& text, const std::string& path);

/// Reads a TOML file of `flag = value` lines. Throws Usage when it cannot be read or understood.
Settings read_config(const std::filesystem::path& path);

/// The flags in effect as such a file: what was given, and what `resolved` says. Throws Output.
void write_config(const std::filesystem::path& path, const CLI::App& app, const Settings& resolved);

/// Flags whose values belong to another one's, as a recipe's to its name.
struct Followers {
    std::string leader;
    std::vector<std::string> followers;
};

/// The settings without the followers of those leaders for which `app` was already given another value than theirs.
Settings without_stale(const Settings& settings, const CLI::App& app, const std::vector<Followers>& followers);

/// Fills in every flag of `app` that has no value yet. `unknown` hears of names that are no flag; whatever it does not
/// throw for is left out. A bad value throws Usage, naming `source`.
void fill_in(CLI::App& app, const Settings& settings, const std::string& source,
             const std::function<void(const std::string& name)>& unknown);

/// Every long flag of `app` that a configuration file may hold, without dashes.
std::vector<std::string> configurable_flags(const CLI::App& app);

}  // namespace reverie
