// gan by several ranks that mpirun starts.
#include "cli/gan_fixture.h"
#include "cli/ranks_fixture.h"

namespace reverie::test {
namespace {

class GanRanks : public ByRanks<GanPrograms> {
  protected:
    std::vector<std::string> into(const std::string& folder, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> words = {path("data"), "-o", path(folder), "--quiet"};
        words.insert(words.end(), more.begin(), more.end());
        return quick(words);
    }
};

TEST_F(GanRanks, MakeOneRunTogetherAndMeasureItInShares) {
    const std::vector<std::string> measured = {"--conditional", "--validate-every", "3"};
    ASSERT_EQ(run(into("one", measured)).exit_code, 0);
    const RunResult result = run_by_ranks(2, into("two", measured));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("two") + "\n");
    EXPECT_EQ(names("two"), names("one"));
    EXPECT_LT(distance("two", "one"), 1e-3);
    const auto frechet = [&](const std::string& folder) {
        return json_lines(bytes(folder + "/metrics.jsonl")).back()["validation/frechet"].get<double>();
    };
    EXPECT_NEAR(frechet("two"), frechet("one"), 0.01 * frechet("one"));
}

TEST_F(GanRanks, SampleAndEvaluateInSharesToTheSameBytes) {
    ASSERT_EQ(run(into("run")).exit_code, 0);
    for (const std::string to : {"sheet.png", "folder/"}) {
        done({"sample", path("run"), "-o", path("one-" + to), "--count", "7"});
        const RunResult shared = run_by_ranks(3, {"sample", path("run"), "-o", path("three-" + to), "--count", "7"});
        ASSERT_EQ(shared.exit_code, 0) << shared.error;
    }
    EXPECT_TRUE(bytes("three-sheet.png") == bytes("one-sheet.png"));
    ASSERT_EQ(names("three-folder").size(), 7U);
    for (const std::string& name : names("one-folder")) {
        EXPECT_TRUE(bytes("three-folder/" + name) == bytes("one-folder/" + name)) << name;
    }
    const std::vector<std::string> words = {"evaluate", path("run"), path("data"), "--samples", "7", "--json"};
    const RunResult shared = run_by_ranks(2, words);
    ASSERT_EQ(shared.exit_code, 0) << shared.error;
    EXPECT_EQ(shared.output, done(words));
}

}  // namespace
}  // namespace reverie::test
