#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "core/control_group.h"
#include "core/machine.h"
#include "reverie/core/files.h"
#include "reverie/core/runtime.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

/// A /proc and a /sys of our own.
class Machine : public testing::Test {
  protected:
    void write(const std::string& file, const std::string& text) const { write_file(root() / file, text); }
    std::filesystem::path root() const { return folder_.path(); }
    GroupLimits limits() const { return read_group_limits(root()); }

    /// Version 2, mounted where every system has it.
    void unified(const std::string& group, const std::string& shown = "/") const {
        write("proc/self/cgroup", "0::" + group + "\n");
        write("proc/self/mountinfo",
              "24 1 0:22 / /proc rw - proc proc rw\n"
              "31 23 0:28 " +
                  shown + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    }

    /// Version 1: a hierarchy for each controller.
    void separate(const std::string& group, const std::string& shown = "/") const {
        write("proc/self/cgroup", "5:pids:" + group + "\n4:memory:" + group + "\n3:cpu,cpuacct:" + group +
                                      "\n2:name=systemd:" + group + "\n");
        std::string mounts;
        for (const std::string controller : {"pids", "memory", "cpu,cpuacct", "name=systemd"}) {
            mounts +=
                "32 31 0:29 " + shown + " /sys/fs/cgroup/" + controller + " rw - cgroup cgroup rw," + controller + "\n";
        }
        write("proc/self/mountinfo", mounts);
    }

    test::TemporaryFolder folder_;
};

TEST_F(Machine, NothingThatCanBeReadLimitsNothing) {
    EXPECT_FALSE(limits().cores || limits().memory || limits().tasks);
    unified("/user.slice");
    write("sys/fs/cgroup/user.slice/memory.max", "max\n");
    write("sys/fs/cgroup/user.slice/memory.current", "1000\n");
    write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
    write("sys/fs/cgroup/user.slice/pids.max", "max\n");
    EXPECT_FALSE(limits().cores || limits().memory || limits().tasks);
}

TEST_F(Machine, EveryAncestorOfANestedGroupLimits) {
    unified("/a/b/c");
    write("sys/fs/cgroup/a/memory.max", "5000\n");
    write("sys/fs/cgroup/a/memory.current", "4000\n");
    write("sys/fs/cgroup/a/memory.stat", "anon 3300\ninactive_file 500\nactive_file 200\n");
    write("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
    write("sys/fs/cgroup/a/b/pids.max", "20\n");
    write("sys/fs/cgroup/a/b/pids.current", "13\n");
    write("sys/fs/cgroup/a/b/c/memory.max", "9000\n");
    write("sys/fs/cgroup/a/b/c/memory.current", "100\n");
    EXPECT_EQ(limits().memory, 1700) << "5000 - 4000, and 700 of cache";
    EXPECT_EQ(limits().cores, 1.5);
    EXPECT_EQ(limits().tasks, 7);
    write("sys/fs/cgroup/a/b/c/memory.high", "1200\n");
    EXPECT_EQ(limits().memory, 1100);
}

TEST_F(Machine, AContainerSeesItsGroupAtTheTop) {
    // Without a name space of groups, the path is the one outside.
    unified("/docker/12ab", "/docker/12ab");
    write("sys/fs/cgroup/memory.max", "5000\n");
    write("sys/fs/cgroup/memory.current", "1000\n");
    EXPECT_EQ(limits().memory, 4000);
    unified("/../other");
    EXPECT_EQ(limits().memory, 4000);
}

TEST_F(Machine, TheFirstVersionIsReadToo) {
    separate("/lxc/one");
    const std::string memory = "sys/fs/cgroup/memory/lxc/one/";
    write(memory + "memory.limit_in_bytes", "9223372036854771712\n");
    write(memory + "memory.usage_in_bytes", "3000\n");
    write("sys/fs/cgroup/cpu,cpuacct/lxc/cpu.cfs_quota_us", "50000\n");
    write("sys/fs/cgroup/cpu,cpuacct/lxc/cpu.cfs_period_us", "100000\n");
    write("sys/fs/cgroup/cpu,cpuacct/lxc/one/cpu.cfs_quota_us", "-1\n");
    write("sys/fs/cgroup/cpu,cpuacct/lxc/one/cpu.cfs_period_us", "100000\n");
    write("sys/fs/cgroup/pids/lxc/one/pids.max", "9\n");
    write("sys/fs/cgroup/pids/lxc/one/pids.current", "9\n");
    EXPECT_FALSE(limits().memory);
    EXPECT_EQ(limits().cores, 0.5);
    EXPECT_EQ(limits().tasks, 0);

    write("sys/fs/cgroup/memory/lxc/memory.limit_in_bytes", "8000\n");
    write("sys/fs/cgroup/memory/lxc/memory.usage_in_bytes", "5000\n");
    write("sys/fs/cgroup/memory/lxc/memory.stat",
          "inactive_file 1\ntotal_inactive_file 300\ntotal_active_file 40\nhierarchical_memory_limit "
          "9223372036854771712\n");
    EXPECT_EQ(limits().memory, 3340);
    write(memory + "memory.stat", "hierarchical_memory_limit 5000\n");
    EXPECT_EQ(limits().memory, 2000) << "of an ancestor that cannot be seen";
}

TEST_F(Machine, CoresAreWithinTheTimeOfTheGroup) {
    const int all = usable_cores(root());
    EXPECT_GE(all, 1);
    unified("/a");
    write("sys/fs/cgroup/a/cpu.max", "1000 100000\n");
    EXPECT_EQ(usable_cores(root()), 1);
    write("sys/fs/cgroup/a/cpu.max", "110000 100000\n");
    EXPECT_EQ(usable_cores(root()), std::min(all, 2)) << "a part of a core is worth a thread";
}

TEST_F(Machine, MemoryIsWhatTheNarrowestLimitLeaves) {
    write("proc/meminfo", "MemTotal:       9000 kB\nMemAvailable:   2000 kB\n");
    EXPECT_EQ(free_memory(root()), 2000 * 1024);
    unified("/a");
    write("sys/fs/cgroup/a/memory.max", "5000\n");
    write("sys/fs/cgroup/a/memory.current", "1000\n");
    EXPECT_EQ(free_memory(root()), 4000);
}

/// The exit code of a child process that runs `action`.
int exit_code_of(const std::function<int()>& action) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(action());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Machine, AddressSpaceLimitsMemoryAndThreads) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the address sanitizer itself takes more address space than any limit leaves";
#endif
    EXPECT_EQ(exit_code_of([] {
                  const std::int64_t before = free_memory();
                  std::ifstream statm("/proc/self/statm");
                  std::int64_t pages = 0;
                  statm >> pages;
                  const auto now = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE));
                  const rlimit limit{now + (48 << 20), now + (48 << 20)};
                  setrlimit(RLIMIT_AS, &limit);
                  if (before <= (48 << 20) || free_memory() > (48 << 20)) {
                      return 1;
                  }
                  const int threads = startable_threads(64);
                  return threads >= 1 && threads < 64 ? 42 : 2;
              }),
              42);
}

TEST_F(Machine, FreedMemoryThatIsKeptCanBeReturned) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the address sanitizer brings its own allocator";
#endif
    EXPECT_EQ(exit_code_of([] {
                  constexpr std::int64_t kPiece = 32 << 20;
                  keep_freed_memory();
                  std::vector<char> piece(kPiece, 'a');
                  const std::vector<char> above(kPiece, 'b');  // so that the piece leaves a hole
                  const std::int64_t full = resident_memory();
                  std::vector<char>().swap(piece);
                  if (resident_memory() < full - kPiece / 2) {
                      return 1;
                  }
                  return_freed_memory();
                  return above.back() == 'b' && resident_memory() < full - kPiece / 2 ? 42 : 2;
              }),
              42);
}

TEST_F(Machine, ThreadsThatCanBeHadAreCounted) { EXPECT_EQ(startable_threads(3), 3); }

}  // namespace
}  // namespace reverie
