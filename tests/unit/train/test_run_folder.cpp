#include "reverie/train/run_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "reverie/core/files.h"
#include "reverie/core/runtime.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string text_of_file(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TrainState state_at(std::int64_t step) {
    TrainState state;
    state.step = step;
    state.tensors["task/weight"] = at::full({3, 5}, static_cast<double>(step));
    state.tensors["task/counter"] = at::full({}, step, at::kLong);
    state.tensors["log/000/loss"] = at::full({2}, 0.1 * static_cast<double>(step), at::kDouble);
    state.rollbacks = 2;
    state.best = 0.1;
    state.metrics_bytes = 77;
    return state;
}

class RunFolders : public testing::Test {
  protected:
    RunFolder create() const { return RunFolder::create(path_, identity_, 1000); }
    RunFolder resume() const { return RunFolder::resume(path_, identity_); }
    /// Changes one byte, the last one unless another is named.
    void damage(const std::string& name, std::optional<std::size_t> byte = {}) const {
        std::string bytes = text_of_file(path_ / name);
        const std::size_t at = byte.value_or(bytes.size() - 1);
        ASSERT_LT(at, bytes.size());
        bytes[at] ^= 4;
        write_file(path_ / name, std::string_view(bytes));
    }

    test::TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "a/run";
    RunIdentity identity_{.program = "vae",
                          .options = {{"batch", "64"},
                                      {"learning-rate", "1e-3"},
                                      {"seed", "18446744073709551615"},
                                      {"size", "64x48"},
                                      {"crop", "a \"b\" \\ c"},
                                      {"version", "007"},
                                      {"mirror", "true"},
                                      {"digest of the images", "12ab"}},
                          .free = {{"threads", "2"}}};
    std::vector<std::string> warnings_;
    std::function<void(const std::string&)> warn_ = [this](const std::string& said) { warnings_.push_back(said); };
};

TEST_F(RunFolders, BringCheckpointsBackToTheBit) {
    RunFolder folder = create();
    EXPECT_FALSE(folder.load(warn_).has_value());
    folder.save(state_at(5));
    const auto state = folder.load(warn_);
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->step, 5);
    EXPECT_EQ(state->rollbacks, 2);
    EXPECT_EQ(state->best, 0.1);
    EXPECT_EQ(state->metrics_bytes, 77);
    ASSERT_EQ(state->tensors.size(), 3U);
    for (const auto& [name, tensor] : state_at(5).tensors) {
        EXPECT_TRUE(state->tensors.at(name).equal(tensor)) << name;
        EXPECT_EQ(state->tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    }
    TrainState without_best = state_at(6);
    without_best.best.reset();
    folder.save(without_best);
    EXPECT_FALSE(folder.load(warn_)->best.has_value());
    EXPECT_TRUE(warnings_.empty());
}

TEST_F(RunFolders, BegunBeforeThereWasAnotherEngineGoOnWithLibTorch) {
    create().save(state_at(5));
    identity_.options.emplace_back("engine", "libtorch");
    RunFolder::require_resumable(path_, identity_);
    identity_.options.back().second = "auto";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { RunFolder::require_resumable(path_, identity_); }),
                HasSubstr("begun with --engine libtorch and is to go on with --engine auto"));
}

TEST_F(RunFolders, OfGansBegunBeforeThereWereProjectedOnesGoOn) {
    identity_.program = "gan";
    create().save(state_at(5));
    for (const auto& [name, value] :
         RunOptions{{"generator", "dcgan"}, {"projected-size", "0"}, {"pixel-branch", "off"}, {"cutout", "0.5"}}) {
        identity_.options.emplace_back(name, value);
    }
    RunFolder::require_resumable(path_, identity_);
    identity_.options.back().second = "0.2";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { RunFolder::require_resumable(path_, identity_); }),
                HasSubstr("begun with --cutout 0.5"));
}

TEST_F(RunFolders, WriteOptionsThatCanBeGivenBack) {
    const RunFolder folder = create();
    EXPECT_EQ(text_of_file(folder.file(kOptionsFile)), "# vae " + version() +
                                                           ", run format 1: the options of this run, fit for --config\n"
                                                           "batch = 64\n"
                                                           "learning-rate = 1e-3\n"
                                                           "seed = \"18446744073709551615\"\n"
                                                           "size = \"64x48\"\n"
                                                           "crop = \"a \\\"b\\\" \\\\ c\"\n"
                                                           "version = \"007\"\n"
                                                           "mirror = true\n"
                                                           "# digest of the images = \"12ab\"\n"
                                                           "# what --resume may change:\n"
                                                           "threads = 2\n");
}

TEST_F(RunFolders, ADamagedCheckpointGivesWayToTheOneBefore) {
    {
        RunFolder folder = create();
        folder.save(state_at(5));
        folder.save(state_at(10));
    }
    const std::string whole = text_of_file(path_ / "checkpoint.safetensors");
    for (std::size_t at = 9; at < whole.size(); at += 101) {
        write_file(path_ / "checkpoint.safetensors", std::string_view(whole));
        damage("checkpoint.safetensors", at);
        warnings_.clear();
        EXPECT_EQ(resume().load(warn_)->step, 5) << "byte " << at;
        ASSERT_EQ(warnings_.size(), 1U);
        EXPECT_THAT(warnings_[0], AllOf(HasSubstr("checkpoint.safetensors"), HasSubstr("step 5")));
    }
    {
        RunFolder folder = resume();
        folder.save(state_at(12));  // must not put the damaged one in the whole one's place
        EXPECT_EQ(folder.load(warn_)->step, 12);
    }
    damage("checkpoint.safetensors");
    EXPECT_EQ(resume().load(warn_)->step, 5);
    damage("checkpoint-previous.safetensors");
    EXPECT_THAT(expect_error(ErrorKind::Input, [this] { resume(); }), HasSubstr("no other to go on from"));
}

TEST_F(RunFolders, SurviveAKillBetweenTheTwoRenames) {
    {
        RunFolder folder = create();
        folder.save(state_at(5));
    }
    std::filesystem::rename(path_ / "checkpoint.safetensors", path_ / "checkpoint-previous.safetensors");
    write_file(path_ / ".checkpoint-next.safetensors", std::string_view("half"));
    write_file(path_ / ".weights.safetensors.12-0.partial", std::string_view("half"));
    const RunFolder folder = resume();
    EXPECT_EQ(folder.load(warn_)->step, 5);
    EXPECT_FALSE(std::filesystem::exists(path_ / ".checkpoint-next.safetensors"));
    EXPECT_FALSE(std::filesystem::exists(path_ / ".weights.safetensors.12-0.partial"));
}

TEST_F(RunFolders, AreNotBegunTwice) {
    { create().save(state_at(1)); }
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { create(); }), AllOf(HasSubstr("--resume"), HasSubstr("a/run")));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { RunFolder::resume(folder_.path() / "elsewhere", identity_); }),
                HasSubstr("no run to resume"));
}

TEST_F(RunFolders, LeaveNothingBehindWhenTheirFirstStepFails) {
    std::filesystem::create_directories(path_);
    write_file(path_ / "notes.txt", std::string_view("mine"));
    write_file(path_ / "labels.json", std::string_view("mine too"));
    {
        RunFolder folder = create();
        folder.save(state_at(0));
        write_file(path_ / kMetricsFile, std::string_view(""));
        folder.give_up();
    }
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
        left.push_back(entry.path().filename());
    }
    EXPECT_THAT(left, testing::UnorderedElementsAre("notes.txt", "labels.json"));

    std::filesystem::remove_all(path_.parent_path());
    create().give_up();
    EXPECT_FALSE(std::filesystem::exists(path_.parent_path())) << "folders made for it go too";
    { create().save(state_at(0)); }  // another try
}

TEST_F(RunFolders, KeepWhatHasTakenAStep) {
    RunFolder folder = create();
    folder.save(state_at(0));
    folder.save(state_at(1));
    folder.give_up();
    EXPECT_EQ(folder.load(warn_)->step, 1);
}

TEST_F(RunFolders, AreBegunAnewWhereOneWasKilledBeforeItsFirstStep) {
    { create(); }
    EXPECT_FALSE(RunFolder::holds_steps(path_));
    { create().save(state_at(0)); }
    EXPECT_FALSE(RunFolder::holds_steps(path_));
    identity_.options[0].second = "32";
    { create().save(state_at(3)); }
    EXPECT_TRUE(RunFolder::holds_steps(path_));
    expect_error(ErrorKind::Usage, [this] { create(); });
    EXPECT_EQ(resume().load(warn_)->step, 3);
}

TEST_F(RunFolders, AFileOfOptionsThatIsNotOursIsNotReplaced) {
    std::filesystem::create_directories(path_);
    write_file(path_ / kOptionsFile, std::string_view("batch = 64\n"));
    expect_error(ErrorKind::Usage, [this] { create(); });
}

TEST_F(RunFolders, SayHowLongInTheFlagThatSaysIt) {
    identity_.options.insert(identity_.options.begin(), {{"steps", "10"}, {"epochs", "0"}});
    { create().save(state_at(5)); }
    identity_.options[0].second = "0";
    identity_.options[1].second = "30";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { resume(); }),
                HasSubstr("was begun with --steps 10 and is to go on with --epochs 30;"));
}

TEST_F(RunFolders, BelongToOneProgramAtATime) {
    {
        const RunFolder folder = create();
        EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { resume(); }), HasSubstr("another program is working"));
    }
    resume();  // free again
    EXPECT_FALSE(std::filesystem::exists(path_ / ".lock"));
}

TEST_F(RunFolders, RefuseChangedOptionsByNameWithBothValues) {
    { create().save(state_at(5)); }
    const auto refused = [this](const RunOptions& options) {
        RunIdentity other = identity_;
        other.options = options;
        return expect_error(ErrorKind::Usage, [&] { RunFolder::resume(path_, other); });
    };
    RunOptions options = identity_.options;
    options[1].second = "2e-3";
    EXPECT_THAT(refused(options),
                AllOf(HasSubstr("with --learning-rate 1e-3"), HasSubstr("with --learning-rate 2e-3")));
    options = identity_.options;
    options.emplace_back("beta", "4");
    EXPECT_THAT(refused(options), AllOf(HasSubstr("without --beta"), HasSubstr("with --beta 4")));
    options = identity_.options;
    options.erase(options.begin());
    EXPECT_THAT(refused(options), AllOf(HasSubstr("with --batch 64"), HasSubstr("without --batch")));
    options = identity_.options;
    options.back().second = "34cd";
    EXPECT_THAT(refused(options), AllOf(HasSubstr("another digest of the images"), Not(HasSubstr("--"))));
    options[0].second = "32";
    EXPECT_THAT(refused(options), HasSubstr("--batch 32")) << "a flag says more than what follows from it";
}

TEST_F(RunFolders, SayBeforeAResumeWhatItWouldRefuse) {
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { RunFolder::require_resumable(path_, identity_); }),
                HasSubstr("no run to resume"));
    create().save(state_at(5));
    RunFolder::require_resumable(path_, identity_);
    identity_.options[0].second = "32";
    EXPECT_THAT(expect_error(ErrorKind::Usage, [this] { RunFolder::require_resumable(path_, identity_); }),
                HasSubstr("batch"));
    identity_.program = "gan";
    expect_error(ErrorKind::Input, [this] { RunFolder::require_resumable(path_, identity_); });
}

TEST_F(RunFolders, LetLimitsAndThreadsChange) {
    { create().save(state_at(5)); }
    identity_.free = {{"threads", "1"}, {"time", "30m"}};
    EXPECT_EQ(resume().load(warn_)->step, 5);
    EXPECT_THAT(text_of_file(path_ / kOptionsFile), AllOf(HasSubstr("threads = 1\n"), HasSubstr("time = \"30m\"\n")));
}

TEST_F(RunFolders, RefuseAnotherProgramsAndAnotherVersionsRuns) {
    { create().save(state_at(5)); }
    RunIdentity other = identity_;
    other.program = "gan";
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { RunFolder::resume(path_, other); }), HasSubstr("a run of vae"));
    write_file(path_ / kOptionsFile, std::string_view("batch = 64\n"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { RunFolder::resume(path_, other); }), HasSubstr("a run of vae"))
        << "the checkpoint knows it too";
    write_file(path_ / kOptionsFile, std::string_view("# vae 9.1.0, run format 2: something else\n"));
    EXPECT_THAT(expect_error(ErrorKind::Input, [this] { resume(); }), AllOf(HasSubstr("9.1.0"), HasSubstr("version")));
}

TEST_F(RunFolders, SayBeforeTheyBeginThatTheDiskIsTooSmall) {
    EXPECT_THAT(expect_error(ErrorKind::Output,
                             [this] { RunFolder::create(path_, identity_, std::numeric_limits<std::int64_t>::max()); }),
                AllOf(HasSubstr("free space"), HasSubstr("a/run")));
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(RunFolders, CannotStandWhereAFileIs) {
    write_file(folder_ / "file", std::string_view("precious"));
    expect_error(ErrorKind::Output, [this] { RunFolder::create(folder_ / "file", identity_, 0); });
    EXPECT_EQ(text_of_file(folder_ / "file"), "precious");
}

}  // namespace
}  // namespace reverie
