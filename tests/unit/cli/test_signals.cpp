#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>

#include "cli/frame/signals.h"
#include "reverie/core/files.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

/// The exit code of a child process that runs `action`.
int exit_code_of(const std::function<void()>& action) {
    const pid_t child = fork();
    if (child == 0) {
        action();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Signals, FirstOneAsksForAStop) {
    EXPECT_EQ(exit_code_of([] {
                  const CancelToken& cancel = install_signal_handlers();
                  const bool before = cancel.requested();
                  std::raise(SIGTERM);
                  _exit(!before && cancel.requested() ? 42 : 1);
              }),
              42);
}

TEST(Signals, AHangUpAsksForAStopUnlessItIsIgnored) {
    const auto requested_with = [](void (*inherited)(int)) {
        return exit_code_of([inherited] {
            std::signal(SIGHUP, inherited);
            const CancelToken& cancel = install_signal_handlers();
            std::raise(SIGHUP);
            _exit(cancel.requested() ? 42 : 43);
        });
    };
    EXPECT_EQ(requested_with(SIG_DFL), 42);
    EXPECT_EQ(requested_with(SIG_IGN), 43);
}

TEST(Signals, SecondOneEndsAtOnceAndRemovesWhatIsHalfWritten) {
    const test::TemporaryFolder folder;
    EXPECT_EQ(exit_code_of([&folder] {
                  std::signal(SIGINT, SIG_DFL);  // whatever the tests were started with
                  install_signal_handlers();
                  AtomicFile file(folder / "a.png");
                  file.write(std::string_view("half"));
                  if (!std::filesystem::exists(file.temporary())) {
                      _exit(1);
                  }
                  std::raise(SIGINT);
                  std::raise(SIGINT);
                  _exit(2);
              }),
              130);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Signals, FirstOneLeavesTheErrorOfTheInterruptedCallAlone) {
    EXPECT_EQ(exit_code_of([] {
                  std::signal(SIGINT, SIG_DFL);
                  install_signal_handlers();
                  set_stop_notice("stopping");
                  close(STDERR_FILENO);
                  errno = ENOSPC;
                  std::raise(SIGINT);
                  _exit(errno == ENOSPC ? 42 : 1);
              }),
              42);
}

TEST(Signals, ClosedPipesAndSizeLimitsAreNoDeath) {
    EXPECT_EQ(exit_code_of([] {
                  install_signal_handlers();
                  std::raise(SIGPIPE);
                  std::raise(SIGXFSZ);
              }),
              0);
}

}  // namespace
}  // namespace reverie
