#include "reverie/cli/environment.h"

#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <system_error>

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
