// What a process may have is less than usual: threads, address space, standard streams, somebody who reads.
#include <optional>
#include <thread>

#include "cli/dream_fixture.h"

namespace reverie::test {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class Limits : public DreamPrograms {
  protected:
    std::vector<std::string> long_dream(std::vector<std::string> words) const {
        for (const char* word : {"--layers", "block3", "--octaves", "1", "--steps", "100000", "--progress", "json"}) {
            words.emplace_back(word);
        }
        return command(words);
    }

    /// A quick dream by a user whom limits on processes bind; empty: no such user can be had.
    std::optional<RunResult> dream_as_bound_user(std::vector<std::string> words) const {
        for (const char* word : {"--layers", "block3", "--steps", "1", "--octaves", "1", "--jitter", "4"}) {
            words.emplace_back(word);
        }
        std::vector<std::string> all = command(words);
        if (geteuid() == 0) {
            std::filesystem::permissions(path(""), std::filesystem::perms::all);  // the output is written there
            const std::string setpriv = "/usr/bin/setpriv";
            if (!std::filesystem::exists(setpriv)) {
                return std::nullopt;
            }
            // Files stay readable, wherever they lie.
            const std::vector<std::string> as_nobody = {setpriv, "--reuid=65534", "--inh-caps=-all,+dac_override",
                                                        "--ambient-caps=-all,+dac_override",
                                                        "--bounding-set=-all,+dac_override"};
            all.insert(all.begin(), as_nobody.begin(), as_nobody.end());
        }
        RunResult result = run_program(all, run_);
        if (result.exit_code == 127 || result.error.find("setpriv:") != std::string::npos) {
            return std::nullopt;
        }
        return result;
    }
};

TEST_F(Limits, ThreadsThatCannotBeHadAreASentence) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the leak sanitizer itself wants a thread at the end";
#endif
    run_.processes = 1;
    const auto asked = dream_as_bound_user({path("photo.jpg"), "-o", path("a.png"), "--threads", "2"});
    if (!asked) {
        GTEST_SKIP() << "no user whom ulimit -u binds can be had here";
    }
    expect_fault(*asked, 5, "pass --threads 1, or raise that limit");
    const auto chosen = dream_as_bound_user({path("photo.jpg"), "-o", path("b.png")});
    EXPECT_EQ(chosen->exit_code, 0) << chosen->error;
    if (std::thread::hardware_concurrency() > 1) {
        EXPECT_THAT(chosen->error, AnyOf(HasSubstr("it goes on with 1"), Not(HasSubstr("warning"))));
    }
}

TEST_F(Limits, TooLittleAddressSpaceIsNoCrash) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "the address sanitizer itself takes more address space than any limit leaves";
#endif
    ASSERT_EQ(quick_dream({path("photo.jpg"), "-o", path("a.png")}).exit_code, 0);
    int sentences = 0;
    int code = -1;
    // From where the libraries do not fit to where the picture does: how much that is differs with LibTorch.
    for (std::size_t megabytes = 400; megabytes <= 6000 && code != 0; megabytes += megabytes / 12) {
        run_.address_space = megabytes << 20;
        const RunResult result =
            quick_dream({path("photo.jpg"), "-o", path("b.png"), "--max-memory", "4G", "--threads", "2"});
        code = result.exit_code;
        if (code == 127) {
            continue;  // libraries that do not fit: the system's loader ends it
        }
        EXPECT_THAT(code, AnyOf(0, 5)) << megabytes << " MB, signal " << result.signal << ": " << result.error;
        if (code == 5) {
            EXPECT_THAT(result.error, HasSubstr("error: ")) << megabytes << " MB";
            EXPECT_THAT(result.error, HasSubstr("ulimit -v")) << megabytes << " MB";
            ++sentences;
        }
    }
    EXPECT_EQ(code, 0) << "the picture is small";
    EXPECT_GT(sentences, 0) << "no limit was met";
}

TEST_F(Limits, OneThreadIsOne) {
    RunningProgram program(long_dream({path("photo.jpg"), "-o", path("out.png"), "--threads", "1"}), run_);
    ASSERT_TRUE(program.wait_for_error("\"fraction\""));
    EXPECT_EQ(program.threads(), 1);
    program.signal(SIGTERM);
    EXPECT_EQ(program.wait().exit_code, 130);

    RunningProgram two(long_dream({path("photo.jpg"), "-o", path("out.png"), "--threads", "2"}), run_);
    ASSERT_TRUE(two.wait_for_error("\"fraction\""));
    EXPECT_LE(two.threads(), 3) << "LibTorch has a pool of its own beside OpenMP's";
}

TEST_F(Limits, TheUsualVariableSaysHowManyThreads) {
    const auto threads = [this](std::vector<std::string> words) {
        words.insert(words.begin(), {path("photo.jpg"), "-o", path("out.png"), "--dry-run", "--verbose"});
        return quick_dream(words).error;
    };
    run_.environment["OMP_NUM_THREADS"] = "3,2";
    EXPECT_THAT(threads({}), HasSubstr("cpu, 3 threads"));
    EXPECT_THAT(threads({"--threads", "2"}), HasSubstr("cpu, 2 threads"));
    run_.environment["OMP_NUM_THREADS"] = "many";
    EXPECT_THAT(threads({"--threads", "1"}), HasSubstr("cpu, 1 thread,"));
}

TEST_F(Limits, ClosedStandardStreamsAreNoFiles) {
    run_.closed = {0, 1, 2};
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("out/a.png"), "--progress", "json"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(names("out"), ElementsAre("a.png"));
    EXPECT_EQ(read_picture_size(path("out/a.png")), (Size{72, 96}));
}

TEST_F(Limits, ABatchEndsWhenNobodyReadsAnyMore) {
    for (const char* name : {"in/a.jpg", "in/b.jpg", "in/c.jpg"}) {
        std::filesystem::create_directories(path("in"));
        std::filesystem::copy(path("photo.jpg"), path(name));
    }
    run_.output_closed = true;
    const RunResult result = quick_dream({path("in"), "-o", path("out"), "--jobs", "1"});
    EXPECT_EQ(result.exit_code, 6) << result.error;
    EXPECT_THAT(result.error, HasSubstr("ended after 1 of 3 pictures"));
    EXPECT_THAT(result.error, Not(HasSubstr("failed")));
    EXPECT_THAT(names("out"), ElementsAre("a.jpg"));

    const RunResult rest = quick_dream({path("in"), "-o", path("rest"), "--jobs", "2"});
    EXPECT_EQ(rest.exit_code, 6) << rest.error;
    EXPECT_THAT(rest.error, Not(HasSubstr("failed")));
    EXPECT_THAT(names("rest"), SizeIs(testing::Le(2)));
}

TEST_F(Limits, OfAFlagGivenTwiceTheLastCounts) {
    const RunResult result =
        quick_dream({path("photo.jpg"), "-o", path("first.png"), "--seed", "3", "--quiet", "--size", "50", "--quiet",
                     "-o", path("out.png"), "--seed", "4", "--size", "40", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const auto line = json_lines(result.output).at(0);
    EXPECT_EQ(line["output"], path("out.png"));
    EXPECT_EQ(line["seed"], 4);
    EXPECT_EQ(line["width"], 40);
    EXPECT_THAT(run({"--help"}).output, HasSubstr("Of a flag given twice"));
}

}  // namespace
}  // namespace reverie::test
