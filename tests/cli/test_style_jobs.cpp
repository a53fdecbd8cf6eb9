// Pictures made side by side: the same ones, whatever happens to their neighbours.
#include <unistd.h>

#include "cli/style_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class StyleJobs : public StylePrograms {
  protected:
    StyleJobs() {
        std::filesystem::create_directory(path("in"));
        for (std::int64_t i = 0; i < 4; ++i) {
            const Tensor photo = formula_image(34 + 3 * i, 51 - 2 * i, "photo" + std::to_string(i)).squeeze(0);
            save_image(path("in/" + std::string(1, static_cast<char>('a' + i)) + ".png"), photo);
        }
    }

    /// The folder in both styles, into `out`.
    RunResult product(const std::string& out, std::vector<std::string> more) const {
        more.insert(more.begin(), {path("in"), "--style", path("wave.png"), path("night.png"), "--each-style", "-o",
                                   path(out), "--progress", "json"});
        return quick_style(more);
    }

    nlohmann::json settings(const std::string& name) const {
        return nlohmann::json::parse(read_picture(path(name)).text.at("reverie"));
    }

    static std::vector<std::string> sorted_lines(const std::string& text) {
        std::vector<std::string> lines;
        std::istringstream stream(text);
        for (std::string line; std::getline(stream, line);) {
            lines.push_back(line);
        }
        std::sort(lines.begin(), lines.end());
        return lines;
    }
};

TEST_F(StyleJobs, SideBySideGivesThePicturesOfOneByOneWithAsManyThreads) {
    const RunResult alone = product("alone", {"--jobs", "1", "--threads", "1"});
    ASSERT_EQ(alone.exit_code, 0) << alone.error;
    EXPECT_THAT(alone.error, Not(HasSubstr("in work")));
    const RunResult together = product("together", {"--jobs", "3", "--threads", "3"});
    ASSERT_EQ(together.exit_code, 0) << together.error;
    EXPECT_THAT(together.error, HasSubstr("2 in work"));
    EXPECT_THAT(together.error, HasSubstr("7 of 8 pictures done"));
    std::vector<std::string> expected;
    for (const std::string style : {"wave", "night"}) {
        for (const std::string name : {"a", "b", "c", "d"}) {
            const std::string picture = "/" + style + "/" + name + ".png";
            EXPECT_TRUE(image("together" + picture).equal(image("alone" + picture))) << picture;
            EXPECT_EQ(settings("together" + picture)["threads"], 1);
            EXPECT_FALSE(settings("alone" + picture).contains("threads"));
            expected.push_back(path("together") + picture);
        }
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(sorted_lines(together.output), expected);
}

TEST_F(StyleJobs, AutoGoesByWhatIsAskedForNotByWhatIsLeft) {
    ASSERT_EQ(product("whole", {"--threads", "2"}).exit_code, 0);
    ASSERT_EQ(product("parts", {"--threads", "2", "--shard", "1/3"}).exit_code, 0);
    ASSERT_EQ(product("parts", {"--threads", "2", "--skip-existing"}).exit_code, 0);
    for (const std::string picture : {"/wave/a.png", "/wave/d.png", "/night/b.png"}) {
        EXPECT_EQ(bytes("parts" + picture), bytes("whole" + picture)) << picture;
        EXPECT_EQ(settings("whole" + picture)["threads"], 1);
    }
    styled({path("in/a.png"), "--style", path("wave.png"), "-o", path("single.png"), "--threads", "2"});
    EXPECT_FALSE(settings("single.png").contains("threads")) << "a single picture has all of them";
}

TEST_F(StyleJobs, ThreadsOfAShareAreNotTakenFromAPicture) {
    ASSERT_EQ(product("out", {"--threads", "2"}).exit_code, 0);
    const RunResult result = run({path("in/b.png"), "--style", path("wave.png"), "-o", path("single.png"), "--from",
                                  path("out/wave/a.png"), "--verbose", "--threads", "3"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, Not(HasSubstr("warning")));
    EXPECT_FALSE(settings("single.png").contains("threads"));
}

TEST_F(StyleJobs, BadFilesArePassedOver) {
    const std::string whole = bytes("in/b.png");
    write_file(path("in/b.png"), std::string_view(whole).substr(0, whole.size() / 2));  // its header is whole
    save_image(path("in/e.png"), at::full({3, 9, 40}, 0.5));                            // too small to be styled
    const RunResult result = product("out", {"--jobs", "2", "--json"});
    EXPECT_EQ(result.exit_code, 3) << result.error;
    EXPECT_THAT(result.error, HasSubstr("b.png"));
    EXPECT_THAT(result.error, HasSubstr("e.png': the picture is 40x9"));
    EXPECT_THAT(result.error, HasSubstr("4 of 10 pictures failed"));
    for (const char* style : {"out/wave", "out/night"}) {
        EXPECT_THAT(names(style), ElementsAre("a.png", "c.png", "d.png"));
    }
    const auto lines = json_lines(result.output);  // each is whole, or it could not be parsed
    EXPECT_EQ(lines.size(), 10U);
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.contains("error"); }), 4);
}

TEST_F(StyleJobs, ABadStyleHarmsNoOther) {
    write_file(path("broken.png"), std::string_view("no picture"));
    const RunResult result = quick_style({path("in"), "--style", path("wave.png"), path("broken.png"),
                                          path("night.png"), "--each-style", "-o", path("out"), "--jobs", "3"});
    EXPECT_EQ(result.exit_code, 3) << result.error;
    EXPECT_THAT(result.error, HasSubstr("4 of 12 pictures failed"));
    for (const char* style : {"out/wave", "out/night"}) {
        EXPECT_THAT(names(style), ElementsAre("a.png", "b.png", "c.png", "d.png"));
    }
}

TEST_F(StyleJobs, ASignalKeepsWhatIsThereOfEach) {
    const std::vector<std::string> words = command({path("in"),
                                                    "--style",
                                                    path("wave.png"),
                                                    "-o",
                                                    path("out"),
                                                    "--size",
                                                    "own",
                                                    "--min-size",
                                                    "32",
                                                    "--steps",
                                                    "100000",
                                                    "--patience",
                                                    "0",
                                                    "--jobs",
                                                    "2",
                                                    "--style-layers",
                                                    "relu1_1",
                                                    "--preview-every",
                                                    "1",
                                                    "--progress",
                                                    "json",
                                                    "--content-layers",
                                                    "relu2_2"});
    RunningProgram program(words, run_);
    ASSERT_TRUE(program.wait_for_error("2 in work"));
    constexpr int kPatience = 30'000;  // 60 s
    for (int i = 0; i < kPatience && !(exists("out/a.preview.png") && exists("out/b.preview.png")); ++i) {
        usleep(2000);
    }
    program.signal(SIGINT);
    const RunResult result = program.wait();
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_THAT(names("out"), ElementsAre("a.partial.png", "a.preview.png", "b.partial.png", "b.preview.png"));
    EXPECT_EQ(sorted_lines(result.output),
              (std::vector<std::string>{path("out/a.partial.png"), path("out/b.partial.png")}));
}

}  // namespace
}  // namespace reverie::test
