#include "core/control_group.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// Where a hierarchy of groups can be seen, and which part of it.
struct Mount {
    bool unified = false;     ///< version 2: all controllers in one hierarchy
    std::string controllers;  ///< of version 1: "rw,cpu,cpuacct"
    std::string root;         ///< the group that `place` shows
    fs::path place;
};

/// One line of /proc/self/cgroup: "4:memory:/lxc/one", or "0::/user.slice" of version 2.
struct Membership {
    std::string controllers;
    std::string group;
};

bool lists(const std::string& words, const std::string& word) {
    return ("," + words + ",").find("," + word + ",") != std::string::npos;
}

/// The kernel writes blanks in a path as \040.
std::string unescaped(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
        if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::vector<Mount> read_mounts(const fs::path& root) {
    std::vector<Mount> mounts;
    std::ifstream file(root / "proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        // "36 35 0:30 ROOT PLACE rw,nosuid optional... - TYPE SOURCE OPTIONS"
        std::istringstream words(line);
        std::string skipped, shown, place, type, source, options;
        words >> skipped >> skipped >> skipped >> shown >> place;
        while (words >> skipped && skipped != "-") {
        }
        words >> type >> source >> options;
        if (type == "cgroup" || type == "cgroup2") {
            mounts.push_back({.unified = type == "cgroup2",
                              .controllers = options,
                              .root = unescaped(shown),
                              .place = root / fs::path(unescaped(place)).relative_path()});
        }
    }
    return mounts;
}

std::vector<Membership> read_memberships(const fs::path& root) {
    std::vector<Membership> memberships;
    std::ifstream file(root / "proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
        if (second != std::string::npos) {
            memberships.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
        }
    }
    return memberships;
}

/// The folders of a group and of its ancestors, as far up as they can be seen. A group outside of what is mounted (a
/// container sees its own alone) stands at the top.
std::vector<fs::path> folders_of(const Mount& mount, const std::string& group) {
    fs::path below = fs::path(group).lexically_relative(mount.root.empty() ? "/" : mount.root);
    if (below.empty() || *below.begin() == ".." || below == ".") {
        below.clear();
    }
    std::vector<fs::path> folders = {mount.place};
    for (const fs::path& part : below) {
        folders.push_back(folders.back() / part);
    }
    return folders;
}

/// Empty for "max", and for what is not there.
std::optional<std::int64_t> read_number(const fs::path& path) {
    std::ifstream file(path);
    std::int64_t number = 0;
    return file >> number ? std::optional(number) : std::nullopt;
}

/// The sum of some lines of a memory.stat.
std::int64_t sum_of(const fs::path& path, const char* one, const char* other) {
    std::int64_t sum = 0;
    std::ifstream file(path);
    std::string key;
    std::int64_t value = 0;
    while (file >> key >> value) {
        if (key == one || key == other) {
            sum += value;
        }
    }
    return sum;
}

template <typename Number>
void lower(std::optional<Number>& least, Number value) {
    least = least ? std::min(*least, value) : value;
}

/// Limit and use of one folder; nothing without a limit (version 1 writes a huge number).
void lower_by(std::optional<std::int64_t>& least, std::optional<std::int64_t> limit, std::optional<std::int64_t> used,
              std::int64_t freed) {
    constexpr std::int64_t kNone = std::int64_t{1} << 60;
    if (limit && *limit >= 0 && *limit < kNone) {
        lower(least, std::max<std::int64_t>(0, *limit - used.value_or(0) + freed));
    }
}

void lower_cores(GroupLimits& limits, std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
    if (quota && period && *quota > 0 && *period > 0) {
        lower(limits.cores, static_cast<double>(*quota) / static_cast<double>(*period));
    }
}

void read_unified(GroupLimits& limits, const fs::path& folder) {
    std::ifstream time(folder / "cpu.max");
    std::int64_t quota = 0;
    std::int64_t period = 0;
    if (time >> quota >> period) {  // fails for "max 100000"
        lower_cores(limits, quota, period);
    }
    const std::int64_t cache = sum_of(folder / "memory.stat", "inactive_file", "active_file");
    const auto used = read_number(folder / "memory.current");
    for (const char* limit : {"memory.max", "memory.high"}) {  // beyond the second one it gets very slow
        lower_by(limits.memory, read_number(folder / limit), used, cache);
    }
    lower_by(limits.tasks, read_number(folder / "pids.max"), read_number(folder / "pids.current"), 0);
}

void read_memory(GroupLimits& limits, const fs::path& folder) {
    const fs::path stat = folder / "memory.stat";
    const std::int64_t cache = sum_of(stat, "total_inactive_file", "total_active_file");
    const auto used = read_number(folder / "memory.usage_in_bytes");
    lower_by(limits.memory, read_number(folder / "memory.limit_in_bytes"), used, cache);
    if (const std::int64_t above = sum_of(stat, "hierarchical_memory_limit", ""); above > 0) {
        lower_by(limits.memory, above, used, cache);  // of ancestors that cannot be seen
    }
}

void read_time(GroupLimits& limits, const fs::path& folder) {
    lower_cores(limits, read_number(folder / "cpu.cfs_quota_us"), read_number(folder / "cpu.cfs_period_us"));
}

void read_tasks(GroupLimits& limits, const fs::path& folder) {
    lower_by(limits.tasks, read_number(folder / "pids.max"), read_number(folder / "pids.current"), 0);
}

}  // namespace

GroupLimits read_group_limits(const fs::path& root) {
    using Reader = std::function<void(GroupLimits&, const fs::path&)>;
    const std::vector<std::pair<std::string, Reader>> first_version = {
        {"memory", read_memory}, {"cpu", read_time}, {"pids", read_tasks}};
    const std::vector<Membership> memberships = read_memberships(root);
    GroupLimits limits;
    for (const Mount& mount : read_mounts(root)) {
        for (const Membership& membership : memberships) {
            if (mount.unified != membership.controllers.empty()) {
                continue;
            }
            for (const fs::path& folder : folders_of(mount, membership.group)) {
                if (mount.unified) {
                    read_unified(limits, folder);
                    continue;
                }
                for (const auto& [controller, read] : first_version) {
                    if (lists(mount.controllers, controller) && lists(membership.controllers, controller)) {
                        read(limits, folder);
                    }
                }
            }
        }
    }
    return limits;
}

}  // namespace reverie
