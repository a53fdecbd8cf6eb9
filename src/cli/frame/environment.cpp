#include "reverie/cli/environment.h"

#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace reverie {
namespace {

std::filesystem::path home_folder(const EnvironmentReader& variable) {
    if (const std::string home = variable("HOME"); !home.empty()) {
        return home;
    }
    const passwd* user = getpwuid(getuid());
    return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/";
}

std::filesystem::path folder_or(const std::string& value, const std::filesystem::path& otherwise) {
    return value.empty() ? otherwise : std::filesystem::path(value);
}

/// The number that a text begins with, from 1 on; 0: none.
int leading_number(const std::string& text) {
    int number = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    return result.ec == std::errc() && number > 0 ? number : 0;
}

std::optional<std::int64_t> number_in(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// Slurm's variables also stand in scripts that srun did not start: there only a step's own say that there are others.
std::optional<Place> rank_of(const EnvironmentReader& variable) {
    static constexpr std::pair<const char*, const char*> kNames[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                                                     {"PMI_RANK", "PMI_SIZE"},
                                                                     {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},
                                                                     {"RANK", "WORLD_SIZE"}};
    for (const auto& [rank, size] : kNames) {
        const std::optional<std::int64_t> index = number_in(variable(rank));
        const std::optional<std::int64_t> count = number_in(variable(size));
        if (index && count && *index >= 0 && *index < *count) {
            return Place{*index, *count, rank};
        }
    }
    return std::nullopt;
}

std::optional<Place> array_task_of(const EnvironmentReader& variable) {
    struct Names {
        const char* id;
        const char* first;
        const char* last;
        const char* step;
        const char* count;
    };
    static constexpr Names kNames[] = {{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
                                        "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT"},
                                       {"SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE", ""}};
    for (const Names& names : kNames) {
        const std::optional<std::int64_t> id = number_in(variable(names.id));
        const std::optional<std::int64_t> first = number_in(variable(names.first));
        const std::optional<std::int64_t> last = number_in(variable(names.last));
        const std::int64_t step = std::max<std::int64_t>(1, number_in(variable(names.step)).value_or(1));
        if (!id || !first || !last || *id < *first || *id > *last || (*id - *first) % step != 0) {
            continue;
        }
        const std::int64_t count = (*last - *first) / step + 1;
        if (number_in(variable(names.count)).value_or(count) == count) {  // else a list with gaps
            return Place{(*id - *first) / step, count, names.id};
        }
    }
    return std::nullopt;
}

bool names_utf8(std::string locale) {
    std::transform(locale.begin(), locale.end(), locale.begin(), [](unsigned char c) { return std::tolower(c); });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

}  // namespace

Environment read_environment(const EnvironmentReader& variable) {
    Environment environment;
    const std::string models = variable("REVERIE_MODELS");
    for (std::size_t begin = 0; begin < models.size();) {
        const std::size_t end = std::min(models.find(':', begin), models.size());
        if (end > begin) {
            environment.models.emplace_back(models.substr(begin, end - begin));
        }
        begin = end + 1;
    }
    const std::filesystem::path home = home_folder(variable);
    environment.data_home = folder_or(variable("XDG_DATA_HOME"), home / ".local/share");
    environment.cache_home = folder_or(variable("XDG_CACHE_HOME"), home / ".cache");
    environment.torch_home = folder_or(variable("TORCH_HOME"), environment.cache_home / "torch");

    const std::string terminal = variable("TERM");
    environment.cursor = !terminal.empty() && terminal != "dumb";
    environment.color = environment.cursor && variable("NO_COLOR").empty();
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        if (const std::string locale = variable(name); !locale.empty()) {
            environment.utf8 = names_utf8(locale);
            break;
        }
    }
    environment.columns = leading_number(variable("COLUMNS"));
    environment.threads =
        leading_number(variable("OMP_NUM_THREADS"));  // "4,2" is of nested teams: the outer one counts
    environment.rank = rank_of(variable);
    if (environment.rank && environment.rank->told_by == "RANK") {
        environment.master_address = variable("MASTER_ADDR");
        environment.master_port = leading_number(variable("MASTER_PORT"));
        environment.agent_store = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
    }
    for (const char* name : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID", "LOCAL_RANK"}) {
        if (const std::optional<std::int64_t> local = number_in(variable(name)); local && *local > 0) {
            environment.local_rank = static_cast<int>(*local);
            break;
        }
    }
    environment.array_task = array_task_of(variable);
    return environment;
}

Environment read_environment() {
    Environment environment = read_environment([](const std::string& name) -> std::string {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? "" : value;
    });
    std::error_code ignored;
    environment.program_folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    return environment;
}

int terminal_columns(const Environment& environment, int descriptor) {
    int columns = environment.columns;
    if (columns == 0) {
        winsize window{};
        columns = ioctl(descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
    }
    return std::max(columns, 20);
}

}  // namespace reverie
