#include "core/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/control_group.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

int bound_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    return std::max(1, CPU_COUNT(&set));
}

std::int64_t system_memory(const fs::path& root) {
    std::ifstream info(root / "proc/meminfo");
    std::string key;
    std::int64_t kilobytes = 0;
    std::string unit;
    while (info >> key >> kilobytes) {
        std::getline(info, unit);
        if (key == "MemAvailable:") {
            return kilobytes * 1024;
        }
    }
    return 0;
}

/// What ulimit -v leaves.
std::optional<std::int64_t> address_space_left(const fs::path& root) {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::nullopt;
    }
    std::ifstream statm(root / "proc/self/statm");
    std::int64_t pages = 0;
    statm >> pages;
    const auto most = static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, std::int64_t{1} << 60));
    return std::max<std::int64_t>(0, most - pages * sysconf(_SC_PAGESIZE));
}

}  // namespace

int usable_cores(const fs::path& root) {
    const int bound = bound_cores();
    const std::optional<double> time = read_group_limits(root).cores;
    return time ? std::clamp(static_cast<int>(std::ceil(std::min(*time, 1e6))), 1, bound) : bound;
}

std::int64_t free_memory(const fs::path& root) {
    std::int64_t available = system_memory(root);
    for (const std::optional<std::int64_t> limit : {read_group_limits(root).memory, address_space_left(root)}) {
        if (limit) {
            available = available > 0 ? std::min(available, *limit) : *limit;
        }
    }
    return available;
}

std::int64_t resident_memory(const fs::path& root) {
    std::ifstream statm(root / "proc/self/statm");
    std::int64_t all = 0;
    std::int64_t resident = 0;
    return statm >> all >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

void return_freed_memory() noexcept {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

const char* way_to_more_memory() noexcept {
    rlimit limit{};
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
               ? "raise this process's limit of address space (ulimit -v)"
               : "close other programs";
}

int startable_threads(int wanted) {
    std::atomic<bool> over = false;
    std::vector<std::jthread> others;
    try {
        for (int i = 1; i < wanted; ++i) {
            others.emplace_back([&over] { over.wait(false); });
        }
    } catch (const std::exception&) {
        // The system has no more threads, or no memory to start them with.
    }
    over = true;
    over.notify_all();
    return 1 + static_cast<int>(others.size());
}

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

}  // namespace reverie
