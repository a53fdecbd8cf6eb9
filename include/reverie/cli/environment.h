// The environment, read once: the only place that knows its variables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace reverie {

/// One of several processes that were started with the same command.
struct Place {
    std::int64_t index = 0;  ///< 0..count-1
    std::int64_t count = 1;
    std::string told_by;  ///< the variable that says so
    bool operator==(const Place&) const = default;
};

struct Environment {
    std::vector<std::filesystem::path> models;  ///< $REVERIE_MODELS, its entries separated by colons
    std::filesystem::path data_home;            ///< $XDG_DATA_HOME, else ~/.local/share
    std::filesystem::path cache_home;           ///< $XDG_CACHE_HOME, else ~/.cache
    std::filesystem::path torch_home;           ///< $TORCH_HOME, else torch in cache_home
    std::filesystem::path program_folder;       ///< where the running program lies
    bool color = true;                          ///< $NO_COLOR is unset or empty, and $TERM can
    bool cursor = true;                         ///< $TERM can redraw a line
    bool utf8 = false;                          ///< of the locale: $LC_ALL, $LC_CTYPE, $LANG
    int columns = 0;                            ///< $COLUMNS; 0: ask the terminal
    int threads = 0;                            ///< $OMP_NUM_THREADS; 0: unset, or no such number
    /// Of the ranks that mpirun, srun or torchrun started.
    std::optional<Place> rank;
    int local_rank = 0;          ///< of the ranks on this machine
    std::string master_address;  ///< $MASTER_ADDR, of torchrun's ranks alone
    int master_port = 0;         ///< $MASTER_PORT
    bool agent_store = false;    ///< $TORCHELASTIC_USE_AGENT_STORE: it listens there itself
    /// Of the tasks of a job array of Slurm or Grid Engine whose numbers are evenly spaced.
    std::optional<Place> array_task;
};

/// A variable's value; empty when it is unset.
using EnvironmentReader = std::function<std::string(const std::string& name)>;

Environment read_environment(const EnvironmentReader& variable);

/// Of this process.
Environment read_environment();

/// The width to wrap text at: $COLUMNS, else the terminal behind `descriptor`, else 80; at least 20.
int terminal_columns(const Environment& environment, int descriptor);

}  // namespace reverie
