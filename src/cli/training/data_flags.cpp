#include "reverie/cli/data_flags.h"

#include <system_error>

#include "cli/frame/option_flags.h"
#include "reverie/cli/flags.h"

namespace reverie {
void add_flags(CLI::App& app, DataFlags& flags) {
    add_flags<DataOptions>(
        app, data_option_table(), flags.options, [&flags](const OptionRow<DataOptions>& row) -> std::string {
            if (row.name == "size") {
                return flags.default_size.empty() ? "the images' own up to 128 px, else 64" : flags.default_size;
            }
            if (row.name == "channels") {
                return flags.default_channels.empty() ? "1 where the images are grey, else 3" : flags.default_channels;
            }
            return default_text(row, DataOptions());
        });
    FlagGroup data(app, "Data");
    data.add("--mirror", flags.mirror, "flip half of the images left to right");
}

DataOptions data_options(const DataFlags& flags, const Environment& environment) {
    GivenOptions given = flags.options;
    if (!flags.default_size.empty() && !given.has("size")) {
        given.set("size", {flags.default_size});
    }
    if (!flags.default_channels.empty() && !given.has("channels")) {
        given.set("channels", {flags.default_channels});
    }
    DataOptions options = with_given(DataOptions(), data_option_table(), given);
    options.cache_folder = environment.cache_home / "reverie/data";
    validate(options);
    return options;
}

bool has_test_part(const std::filesystem::path& source) {
    std::error_code fault;
    for (std::filesystem::directory_iterator entry(source, fault), end; !fault && entry != end;
         entry.increment(fault)) {
        if (entry->path().filename().string().rfind("t10k-images", 0) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace reverie
