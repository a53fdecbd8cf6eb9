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

/// How the processes that a launcher started share the work.
enum class Distributed {
    Auto,  ///< by the device: over NCCL on GPUs, else over MPI
    Off,   ///< each by itself
    Mpi,
    Nccl
};

struct CommonOptions {
    std::string output;                 ///< --output: a file or a folder; "-": standard output
    bool overwrite = false;             ///< existing outputs are replaced
    std::filesystem::path config;       ///< a TOML file that fills in flags not given
    std::filesystem::path save_config;  ///< where to write the flags in effect
    RuntimeOptions runtime;
    Distributed distributed = Distributed::Auto;
    double timeout = 60.0;  ///< seconds
    bool quiet = false;     ///< only warnings and errors
    bool verbose = false;   ///< details too
    ProgressStyle progress = ProgressStyle::Auto;
    bool json = false;     ///< JSON objects on standard output instead of paths and tables
    bool dry_run = false;  ///< say what would be done
};

/// --output, described by `help`, and (where outputs can be replaced) --overwrite, under the heading "Input and output"
/// that every program's help begins with.
void add_output_flags(CLI::App& app, CommonOptions& options, const std::string& help, bool replaces);

/// All the others; --tf32 where a program may use it.
void add_running_flags(CLI::App& app, CommonOptions& options, bool tf32);

/// --distributed and --timeout, of programs whose ranks work together.
void add_rank_flags(CLI::App& app, CommonOptions& options);

/// Throws Usage for flags that exclude each other.
void validate(const CommonOptions& options);

}  // namespace reverie
