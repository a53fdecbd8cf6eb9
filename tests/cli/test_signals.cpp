// Stopping a dream: the first signal keeps what is there, the second one ends at once.
#include "cli/dream_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;

class Signals : public DreamPrograms {
  protected:
    /// A dream that would take minutes.
    std::vector<std::string> long_dream(std::vector<std::string> words) const {
        for (const char* word : {"--layers", "block3", "--octaves", "1", "--steps", "100000"}) {
            words.emplace_back(word);
        }
        return command(words);
    }
};

TEST_F(Signals, FirstOneWritesWhatIsThere) {
    std::filesystem::create_directory(path("out"));
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        RunningProgram program(long_dream({path("photo.jpg"), "-o", path("out/dream.png"), "--progress", "json"}),
                               run_);
        ASSERT_TRUE(program.wait_for_error("\"fraction\""));
        program.signal(number);
        const RunResult result = program.wait();
        EXPECT_EQ(result.exit_code, 130) << result.error;
        EXPECT_EQ(result.output, path("out/dream.partial.png") + "\n");
        EXPECT_EQ(read_picture_size(path("out/dream.partial.png")), (Size{72, 96}));
        EXPECT_THAT(names("out"), ElementsAre("dream.partial.png"));
    }
}

TEST_F(Signals, ThoseInheritedAsIgnoredStayIgnored) {
    run_.ignored = {SIGINT, SIGHUP};
    RunningProgram program(long_dream({path("photo.jpg"), "-o", path("out/dream.png"), "--progress", "json"}), run_);
    ASSERT_TRUE(program.wait_for_error("\"fraction\""));
    program.signal(SIGINT);
    program.signal(SIGHUP);
    program.signal(SIGINT);
    program.signal(SIGTERM);
    const RunResult result = program.wait();
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_THAT(names("out"), ElementsAre("dream.partial.png")) << "the third and fourth would have ended it at once";
}

TEST_F(Signals, FirstOneStartsNoOtherPicture) {
    std::filesystem::copy(path("photo.jpg"), path("second.jpg"));
    RunningProgram program(long_dream({path("photo.jpg"), path("second.jpg"), "-o", path("out"), "--progress", "json",
                                       "--json", "--jobs", "1"}),
                           run_);
    ASSERT_TRUE(program.wait_for_error("\"fraction\""));
    program.signal(SIGINT);
    const RunResult result = program.wait();
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_THAT(names("out"), ElementsAre("photo.partial.jpg"));
    const auto lines = json_lines(result.output);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0]["partial"], true);
}

TEST_F(Signals, SecondOneEndsAtOnceAndLeavesNothing) {
    std::filesystem::create_directory(path("out"));
    RunningProgram program(long_dream({path("photo.jpg"), "-o", path("out/dream.png"), "--size", "1600"}), run_);
    ASSERT_TRUE(program.wait_for_error("network efficientnet_lite0"));
    program.signal(SIGINT);
    ASSERT_TRUE(program.wait_for_error("once more stops at once"));
    program.signal(SIGINT);
    const RunResult result = program.wait();
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_EQ(result.output, "");
    EXPECT_THAT(names("out"), testing::IsEmpty());
}

}  // namespace
}  // namespace reverie::test
