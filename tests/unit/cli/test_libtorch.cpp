// What the command line makes of LibTorch's own ways.
#include <ATen/Context.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/frame/libtorch_warnings.h"
#include "reverie/cli/app.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

TEST(LibtorchWarnings, AreOneLineOfTheConsoleEachOnce) {
    testing::internal::CaptureStderr();
    {
        Console console{Environment{}};
        const LibtorchWarnings warnings(console);
        for (int i = 0; i < 2; ++i) {
            TORCH_WARN("an operation is\n  slow here");
        }
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: LibTorch: an operation is slow here\n");
}

/// The runtime that a program of these options works with.
void set_up(const CommonOptions& common) {
    CLI::App app;
    const Environment environment;
    Console console{environment};
    const CancelToken cancel;
    Session session(app, common, environment, console, cancel, {});
    session.runtime();
}

TEST(Deterministic, AsksCublasForOneOrderOfSumsAndLeavesTheUsersWish) {
    CommonOptions common;
    common.runtime.device = "cpu";
    unsetenv("CUBLAS_WORKSPACE_CONFIG");
    set_up(common);
    EXPECT_EQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), nullptr);
    common.runtime.deterministic = true;
    set_up(common);
    EXPECT_STREQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), ":4096:8");
    setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8", 1);
    set_up(common);
    EXPECT_STREQ(std::getenv("CUBLAS_WORKSPACE_CONFIG"), ":16:8");
    at::globalContext().setDeterministicAlgorithms(false, false);
    at::globalContext().setDeterministicCuDNN(false);
}

}  // namespace
}  // namespace reverie
