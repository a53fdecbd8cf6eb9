// The flags that every program has, with the same word and meaning.
#pragma once

#include <filesystem>
#include <string>

#include "reverie/cli/console.h"
#include "reverie/core/runtime.h"

namespace CLI {
class App;
}

namespace reverie {

struct CommonOptions {
    std::string output;                 ///< --output: a file or a folder; "-": standard output
    bool overwrite = false;             ///< existing outputs are replaced
    std::filesystem::path config;       ///< a TOML file that fills in flags not given
    std::filesystem::path save_config;  ///< where to write the flags in effect
    RuntimeOptions runtime;
    bool quiet = false;    ///< only warnings and errors
    bool verbose = false;  ///< details too
    ProgressStyle progress = ProgressStyle::Auto;
    bool json = false;     ///< one JSON object per output instead of its path
    bool dry_run = false;  ///< say what would be done
};

/// --output and --overwrite, under the heading "Input and output" that every program's help begins with.
void add_output_flags(CLI::App& app, CommonOptions& options);

/// All the others.
void add_running_flags(CLI::App& app, CommonOptions& options);

/// Throws Usage for flags that exclude each other.
void validate(const CommonOptions& options);

}  // namespace reverie
