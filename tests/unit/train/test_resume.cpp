// N steps straight, or stopped in every way and resumed: the same bytes.
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "reverie/core/files.h"
#include "reverie/core/random.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "tiny_run.h"

namespace reverie {
namespace {

using test::digests_of;
using test::train_tiny;

constexpr const char* kChildVariable = "REVERIE_TEST_TRAIN";

class Threads {
  public:
    explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
    ~Threads() { at::set_num_threads(before_); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

  private:
    int before_;
};

/// Files that tell of how a run went and not of what it found.
std::map<std::string, std::string> comparable(const std::filesystem::path& folder) {
    std::map<std::string, std::string> digests = digests_of(folder);
    digests.erase(kReportFile);  // holds the folder's name
    return digests;
}

class Resume : public testing::Test {
  protected:
    void expect_same(const std::filesystem::path& folder, const std::string& what) {
        EXPECT_EQ(comparable(folder), comparable(straight_)) << what;
    }

    /// Begins as many processes as it takes, each thrown out of at a random step.
    void train_in_pieces(const std::filesystem::path& folder, test::TinyRun run, std::uint64_t seed) {
        const auto inner = run.task.on_loss;
        for (std::uint64_t life = 0;; ++life) {
            ASSERT_LT(life, 40U);
            std::int64_t left = random_integer(seed, 0, life, 1, 25);
            run.task.on_loss = [&left, inner](const Tensor& loss, const StepInput& input) {
                if (left-- == 0) {
                    throw std::runtime_error("killed");
                }
                return inner ? inner(loss, input) : loss;
            };
            try {
                train_tiny(folder, run);
                EXPECT_GT(life, 0U) << "it was never killed";
                return;
            } catch (const std::runtime_error& error) {
                ASSERT_STREQ(error.what(), "killed");
            }
        }
    }

    test::TemporaryFolder folder_;
    std::filesystem::path straight_ = folder_ / "straight";
    test::TinyRun run_;
};

TEST_F(Resume, FromAnyStepGivesTheSameBytes) {
    for (const bool two_phases : {false, true}) {
        run_.task.two_phases = two_phases;
        straight_ = folder_ / ("straight" + std::to_string(two_phases));
        train_tiny(straight_, run_);
        for (std::uint64_t seed = 0; seed < 3; ++seed) {
            const std::filesystem::path pieces =
                folder_ / ("pieces" + std::to_string(two_phases) + std::to_string(seed));
            train_in_pieces(pieces, run_, seed);
            expect_same(pieces, "seed " + std::to_string(seed));
        }
    }
}

TEST_F(Resume, WithRareCheckpointsGivesTheSameBytes) {
    run_.options.checkpoint_minutes = 60.0;  // only that of the beginning
    train_tiny(straight_, run_);
    test::TinyRun killed = run_;
    killed.task.on_loss = [](const Tensor& loss, const StepInput& input) -> Tensor {
        if (input.step == 33) {
            throw std::runtime_error("killed");
        }
        return loss;
    };
    EXPECT_THROW(train_tiny(folder_ / "pieces", killed), std::runtime_error);
    train_tiny(folder_ / "pieces", run_);
    expect_same(folder_ / "pieces", "from the beginning");
}

TEST_F(Resume, GoesOnFromACheckpointThatLacksWhatALaterVersionAdded) {
    CancelToken token;
    test::TinyRun older = run_;
    older.hooks.cancel = &token;
    older.task.on_loss = [&](const Tensor& loss, const StepInput& input) {
        if (input.step == 20) {
            token.request();
        }
        return loss;
    };
    EXPECT_EQ(train_tiny(folder_ / "run", older).end, TrainEnd::Cancelled);
    run_.task.newer = true;
    EXPECT_EQ(train_tiny(folder_ / "run", run_).end, TrainEnd::Finished);
    const StateDict weights = read_state_dict(folder_ / "run" / kWeightsFile);
    EXPECT_EQ(weights.load("newer").item<float>(), 7.0F) << "as in a new run";
}

TEST_F(Resume, AfterReturnsFromNoNumbersGivesTheSameBytes) {
    run_.task.on_loss = [this](const Tensor& loss, const StepInput& input) {
        const bool first = input.seed == run_.options.seed;
        return (first && input.step == 17) || (!first && input.step == 40 && input.seed % 2 == 0) ? loss * std::nan("")
                                                                                                  : loss;
    };
    ASSERT_GE(train_tiny(straight_, run_).rollbacks, 1);
    for (std::uint64_t seed = 5; seed < 8; ++seed) {
        const std::filesystem::path pieces = folder_ / ("pieces" + std::to_string(seed));
        train_in_pieces(pieces, run_, seed);
        expect_same(pieces, "seed " + std::to_string(seed));
    }
}

TEST_F(Resume, AfterTheUserStoppedItGivesTheSameBytes) {
    train_tiny(straight_, run_);
    const std::filesystem::path pieces = folder_ / "pieces";
    TrainEnd end = TrainEnd::Cancelled;
    for (std::int64_t life = 0; end == TrainEnd::Cancelled; ++life) {
        ASSERT_LT(life, 10);
        CancelToken token;
        test::TinyRun stopped = run_;
        stopped.hooks.cancel = &token;
        std::int64_t left = 10 + life;  // in the middle of intervals, and in validations
        stopped.task.on_loss = [&](const Tensor& loss, const StepInput&) {
            if (left-- == 0) {
                token.request();
            }
            return loss;
        };
        end = train_tiny(pieces, stopped).end;
    }
    expect_same(pieces, "stopped every ten steps");
}

TEST_F(Resume, AfterTheTimeWasUpGivesTheSameBytes) {
    train_tiny(straight_, run_);
    test::TinyRun timed = run_;
    timed.options.seconds = 0.2;
    timed.task.on_loss = [](const Tensor& loss, const StepInput& input) {
        if (input.step == 30) {
            std::this_thread::sleep_for(std::chrono::milliseconds(250));
        }
        return loss;
    };
    ASSERT_EQ(train_tiny(folder_ / "pieces", timed).end, TrainEnd::TimeUp);
    train_tiny(folder_ / "pieces", run_);
    expect_same(folder_ / "pieces", "time");
}

TEST_F(Resume, FromTheOlderCheckpointGivesTheSameBytes) {
    train_tiny(straight_, run_);
    const std::filesystem::path pieces = folder_ / "pieces";
    test::TinyRun killed = run_;
    killed.task.on_loss = [](const Tensor& loss, const StepInput& input) -> Tensor {
        if (input.step == 33) {
            throw std::runtime_error("killed");
        }
        return loss;
    };
    EXPECT_THROW(train_tiny(pieces, killed), std::runtime_error);
    std::filesystem::resize_file(pieces / "checkpoint.safetensors", 1000);
    std::string warning;
    run_.hooks.on_warning = [&warning](const std::string& said) { warning = said; };
    train_tiny(pieces, run_);
    EXPECT_THAT(warning, testing::HasSubstr("of step 24"));
    expect_same(pieces, "older");
}

/// Not a test: what the next one starts as a process of its own and kills.
TEST(ResumeChild, Trains) {
    const char* text = std::getenv(kChildVariable);
    if (text == nullptr) {
        GTEST_SKIP() << "only for the process that is killed";
    }
    const nlohmann::json order = nlohmann::json::parse(text);
    const Threads threads(order["threads"].get<int>());
    test::TinyRun run;
    run.task.on_loss = [](const Tensor& loss, const StepInput&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(4));  // time to be killed in
        return loss;
    };
    train_tiny(order["folder"].get<std::string>(), run, order["images"].get<std::string>());
}

/// Starts this program again for ResumeChild.Trains and kills it as soon as metrics.jsonl has grown by `bytes`.
void train_and_kill(const std::filesystem::path& folder, int threads, std::uintmax_t bytes) {
    const auto size = [&folder] {
        std::error_code none;
        const std::uintmax_t found = std::filesystem::file_size(folder / kMetricsFile, none);
        return none ? 0 : found;
    };
    const nlohmann::json order = {
        {"folder", folder.string()}, {"images", test::drawn_images().string()}, {"threads", threads}};
    const std::string variable = std::string(kChildVariable) + "=" + order.dump();
    const std::uintmax_t wanted = size() + bytes;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::setenv(kChildVariable, order.dump().c_str(), 1);
        ::execl("/proc/self/exe", "test_train", "--gtest_filter=ResumeChild.Trains", "--gtest_brief=1", nullptr);
        ::_exit(127);
    }
    int status = 0;
    while (size() < wanted && ::waitpid(child, &status, WNOHANG) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed";
}

TEST_F(Resume, AfterSigkillGivesTheSameBytes) {
    for (const int count : {1, 2}) {
        const Threads threads(count);
        straight_ = folder_ / ("straight" + std::to_string(count));
        train_tiny(straight_, run_);
        const std::filesystem::path pieces = folder_ / ("pieces" + std::to_string(count));
        train_and_kill(pieces, count, 300);
        train_and_kill(pieces, count, 200);
        train_tiny(pieces, run_);
        expect_same(pieces, std::to_string(count) + " threads");
    }
}

}  // namespace
}  // namespace reverie
