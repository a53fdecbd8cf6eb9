// What a dream writes: files, names, sizes, metadata, streams, reports.
#include "cli/dream_fixture.h"
#include "support/byte_text.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Pictures : public DreamPrograms {
  protected:
    /// Expects success and returns standard output.
    std::string dreamt(const std::vector<std::string>& words) const {
        const RunResult result = quick_dream(words);
        EXPECT_EQ(result.exit_code, 0) << result.error;
        return result.output;
    }
};

TEST_F(Pictures, StandardOutputIsThePathAndStandardErrorNamesTheNet) {
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("out.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("out.png") + "\n");
    EXPECT_THAT(result.error, HasSubstr("network efficientnet_lite0"));
    EXPECT_THAT(result.error, Not(HasSubstr("\r"))) << "a bar where there is no terminal";
    EXPECT_EQ(read_picture_size(path("out.png")), (Size{72, 96}));
    EXPECT_GT((load_image(path("out.png")) - load_image(path("photo.jpg"))).abs().max().item<float>(), 0.01F);
}

TEST_F(Pictures, JsonSaysWhatWasDone) {
    const auto lines =
        json_lines(dreamt({path("photo.jpg"), "-o", path("out.png"), "--json", "--size", "48", "--seed", "7"}));
    ASSERT_EQ(lines.size(), 1U);
    const nlohmann::json& line = lines[0];
    EXPECT_EQ(line["input"], path("photo.jpg"));
    EXPECT_EQ(line["output"], path("out.png"));
    EXPECT_EQ(line["width"], 48);
    EXPECT_EQ(line["height"], 36);
    EXPECT_EQ(line["steps"], 1);
    EXPECT_EQ(line["network"], "efficientnet_lite0");
    EXPECT_EQ(line["weights"], kWeightsFile);
    EXPECT_EQ(line["seed"], 7);
    EXPECT_GT(line["seconds"].get<double>(), 0.0);
}

TEST_F(Pictures, SameSeedGivesTheSameBytesAndAnotherDoesNot) {
    dreamt({path("photo.jpg"), "-o", path("a.png"), "--seed", "1"});
    dreamt({path("photo.jpg"), "-o", path("b.png"), "--seed", "1"});
    dreamt({path("photo.jpg"), "-o", path("c.png"), "--seed", "2"});
    EXPECT_EQ(bytes("a.png"), bytes("b.png"));
    EXPECT_FALSE(load_image(path("a.png")).equal(load_image(path("c.png"))));
}

TEST_F(Pictures, ADeviceTakesThePicture) {
    EXPECT_EQ(dreamt({path("photo.jpg"), "-o", "/dev/null"}), "/dev/null\n");
    EXPECT_EQ(dreamt({path("photo.jpg"), "-o", "/dev/null"}), "/dev/null\n") << "it is no file in the way";
    EXPECT_FALSE(std::filesystem::exists("/dev/null.png"));
}

TEST_F(Pictures, NamesOfSeveralLinesArePrintedOnOne) {
    std::filesystem::create_directories(path("in"));
    std::filesystem::rename(path("photo.jpg"), path("in/two\nlines.jpg"));
    write_file(path("in/torn\n.jpg"), std::string_view("no picture"));
    RunResult result = quick_dream({path("in"), "-o", path("out")});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_EQ(result.output, "$'" + path("out") + "/two\\nlines.jpg'\n");
    EXPECT_THAT(result.error, HasSubstr("in/torn\\n.jpg' is not a picture"));
    result = quick_dream({path("in"), "-o", path("out"), "--overwrite", "--json"});
    EXPECT_EQ(json_lines(result.output).back()["output"], path("out/two\nlines.jpg"));
}

TEST_F(Pictures, StandardInputIsNoNameOfAFile) {
    run_.input = "no picture";
    const RunResult result = quick_dream({"-", "-o", path("out.png")});
    expect_fault(result, 3, "error: standard input is not a picture");
}

TEST_F(Pictures, FoldersSayWhatTheyHoldBesides) {
    std::filesystem::create_directories(path("in"));
    std::filesystem::rename(path("photo.jpg"), path("in/photo"));
    write_file(path("in/film.mov"), std::string_view("no picture"));
    const RunResult result = quick_dream({path("in"), "-o", path("out")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, path("out/photo.png") + "\n");
    EXPECT_THAT(result.error,
                HasSubstr("warning: 1 file left out (" + path("in/film.mov") + "), which is not a picture"));
}

TEST_F(Pictures, FromMakesTheSameAgain) {
    const std::vector<std::string> unusual = {
        "--size", "64",       "--seed", "5",         "--layers", "block2=0.5,block3", "--steps",
        "2",      "--detail", "0.75",   "--octaves", "1",        "--color-basis",     "luma"};
    for (const char* name : {"a.png", "a.jpg"}) {
        std::vector<std::string> words = {path("photo.jpg"), "-o", path(name)};
        words.insert(words.end(), unusual.begin(), unusual.end());
        const RunResult first = deepdream(words);
        ASSERT_EQ(first.exit_code, 0) << first.error;
        const std::string again = std::string("again.") + name;
        const RunResult second = deepdream({path("photo.jpg"), "-o", path(again), "--from", path(name)});
        EXPECT_EQ(second.exit_code, 0) << second.error;
        EXPECT_EQ(bytes(again), bytes(name));
    }
    // What is given wins over what the picture says.
    const auto line = json_lines(
        deepdream({path("photo.jpg"), "-o", path("c.png"), "--from", path("a.png"), "--steps", "1", "--json"}).output);
    ASSERT_EQ(line.size(), 1U);
    EXPECT_EQ(line[0]["steps"], 1);
    EXPECT_EQ(line[0]["width"], 64);
}

TEST_F(Pictures, FromKeepsThePresetAndAnotherOneDropsWhatItBrought) {
    const std::vector<std::string> few = {"--octaves", "2", "--steps", "2", "--layers", "block2"};
    const auto words = [&](const char* name, std::vector<std::string> more, bool with_few) {
        std::vector<std::string> all = {path("photo.jpg"), "-o", path(name)};
        all.insert(all.end(), more.begin(), more.end());
        if (with_few) {
            all.insert(all.end(), few.begin(), few.end());
        }
        return all;
    };
    for (const std::string preset : {"google", "gordic", "chollet2e"}) {
        SCOPED_TRACE(preset);
        const RunResult first = deepdream(words("a.png", {"--preset", preset, "--overwrite"}, true));
        ASSERT_EQ(first.exit_code, 0) << first.error;
        const RunResult again = deepdream(words("b.png", {"--from", path("a.png"), "--overwrite"}, false));
        ASSERT_EQ(again.exit_code, 0) << again.error;
        EXPECT_EQ(bytes("a.png"), bytes("b.png"));
    }
    // A step of 20, which the book's is, would be out of the range of reverie's.
    const RunResult ours = deepdream(words("c.png", {"--from", path("a.png"), "--preset", "reverie"}, true));
    ASSERT_EQ(ours.exit_code, 0) << ours.error;
    const RunResult plain = deepdream(words("d.png", {}, true));
    EXPECT_EQ(bytes("c.png"), bytes("d.png"));
}

TEST_F(Pictures, AnUnknownPresetIsOneSentenceWithTheChoices) {
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--preset", "chollet"}), 2,
                 "reverie, chollet2e, chollet1e, google, gordic or neural-dream");
}

TEST_F(Pictures, FromRefusesPicturesThatSayNothing) {
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--from", path("photo.jpg")}), 3,
                 "carries no settings");
    Picture other = read_picture(path("photo.jpg"));
    other.text = {{"reverie", R"({"program":"styletransfer","version":"0.1.0"})"}};
    write_picture(path("other.png"), other);
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--from", path("other.png")}), 3,
                 "was made by styletransfer");
}

TEST_F(Pictures, ConfigurationComesBackFromItsFile) {
    dreamt({path("photo.jpg"), "-o", path("a.png"), "--seed", "3", "--size", "64", "--save-config", path("how.toml")});
    EXPECT_THAT(bytes("how.toml"), HasSubstr("seed = 3\n"));
    const RunResult again = deepdream({path("photo.jpg"), "-o", path("b.png"), "--config", path("how.toml")});
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(bytes("a.png"), bytes("b.png"));

    write_file(path("bad.toml"), std::string_view("setps = 3\n"));
    expect_fault(deepdream({path("photo.jpg"), "-o", path("c.png"), "--config", path("bad.toml")}), 2, "'steps'");
    write_file(path("bad.toml"), std::string_view("steps = \"many\"\n"));
    expect_fault(deepdream({path("photo.jpg"), "-o", path("c.png"), "--config", path("bad.toml")}), 2, "bad.toml");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("c.png"), "--config", path("none.toml")}), 2, "none.toml");
}

TEST_F(Pictures, StandardInputAndOutputCarryPictures) {
    run_.input = bytes("photo.jpg");
    const std::string written = dreamt({"-", "-o", "-"});
    EXPECT_EQ(size_of(decode_picture(bytes_of(written), "output").color), (Size{72, 96}));
    dreamt({path("photo.jpg"), "-o", path("file.png")});
    EXPECT_EQ(written, bytes("file.png"));
    dreamt({"/dev/stdin", "-o", path("pipe.png")});
    EXPECT_EQ(written, bytes("pipe.png"));
}

TEST_F(Pictures, DepthAndAlphaAreCarried) {
    Picture deep = read_picture(path("photo.jpg"));
    deep.bits = 16;
    deep.alpha = at::linspace(0.0, 1.0, 96).expand({1, 72, 96}).contiguous();
    write_picture(path("deep.png"), deep);
    dreamt({path("deep.png"), "-o", path("out.png"), "--size", "48"});
    const Picture out = read_picture(path("out.png"));
    EXPECT_EQ(out.bits, 16);
    ASSERT_TRUE(out.alpha.defined());
    EXPECT_EQ(size_of(out.alpha), (Size{36, 48}));
    EXPECT_NEAR(out.alpha[0][10][24].item<float>(), 0.5F, 0.03F);
}

TEST_F(Pictures, SideBySideTheyAreThoseOfOneThread) {
    std::filesystem::create_directory(path("in"));
    for (const char* name : {"a.jpg", "b.jpg", "c.jpg"}) {
        std::filesystem::copy(path("photo.jpg"), path(std::string("in/") + name));
    }
    dreamt({path("in"), "-o", path("out"), "--threads", "3"});  // --jobs auto
    dreamt({path("in/a.jpg"), "-o", path("alone.jpg"), "--threads", "1"});
    const Tensor alone = load_image(path("alone.jpg"));
    for (const char* name : {"out/a.jpg", "out/b.jpg", "out/c.jpg"}) {
        EXPECT_TRUE(load_image(path(name)).equal(alone)) << name;
        EXPECT_EQ(nlohmann::json::parse(read_picture(path(name)).text.at("reverie"))["threads"], 1);
    }
}

TEST_F(Pictures, FoldersKeepNamesAndExistingOnesCanBeSkipped) {
    std::filesystem::create_directories(path("in/sub"));
    std::filesystem::copy(path("photo.jpg"), path("in/a.jpg"));
    std::filesystem::copy(path("photo.jpg"), path("in/sub/b.jpg"));
    EXPECT_EQ(dreamt({path("in"), "-o", path("out")}), path("out/a.jpg") + "\n");
    EXPECT_EQ(dreamt({path("in"), "-o", path("out"), "--recursive", "--skip-existing"}), path("out/sub/b.jpg") + "\n");
    EXPECT_EQ(dreamt({path("in/*.jpg"), "-o", path("glob/")}), path("glob/a.jpg") + "\n");
}

TEST_F(Pictures, OutputsThatComeToBeDuringTheWorkAreKept) {
    const auto late = [this](const std::vector<std::string>& more) {
        std::vector<std::string> words = {
            path("photo.jpg"), "-o", path("out.png"), "--layers", "block3", "--octaves", "1",
            "--steps",         "60", "--progress",    "json"};
        words.insert(words.end(), more.begin(), more.end());
        std::filesystem::remove(path("out.png"));
        RunningProgram program(command(words), run_);
        EXPECT_TRUE(program.wait_for_error("\"fraction\""));
        write_file(path("out.png"), std::string_view("theirs"));
        RunResult result = program.wait();
        EXPECT_EQ(result.exit_code, 0) << result.error;
        return result;
    };
    const RunResult beside = late({});
    EXPECT_EQ(beside.output, path("out.2.png") + "\n");
    EXPECT_THAT(beside.error, HasSubstr("is kept"));
    EXPECT_EQ(bytes("out.png"), "theirs");
    EXPECT_EQ(read_picture_size(path("out.2.png")), (Size{72, 96}));

    EXPECT_EQ(late({"--skip-existing"}).output, "");
    EXPECT_EQ(bytes("out.png"), "theirs");
    EXPECT_FALSE(exists("out.3.png"));

    EXPECT_EQ(late({"--overwrite"}).output, path("out.png") + "\n");
    EXPECT_EQ(read_picture_size(path("out.png")), (Size{72, 96}));
}

TEST_F(Pictures, DreamsAreNotDreamtAgain) {
    std::filesystem::create_directories(path("in/sub"));
    std::filesystem::copy(path("photo.jpg"), path("in/sub/a.jpg"));
    dreamt({path("in"), "-o", path("in/dreams"), "--recursive"});
    const RunResult again = quick_dream({path("in"), "-o", path("in/dreams"), "--recursive", "--skip-existing"});
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(again.output, "");
    EXPECT_THAT(again.error, HasSubstr("left out 1 picture in the --output folder"));
    EXPECT_THAT(names("in/dreams"), testing::ElementsAre("sub"));
}

TEST_F(Pictures, PreviewsAreWrittenBeside) {
    const RunResult result = deepdream({path("photo.jpg"), "-o", path("out.png"), "--layers", "block3", "--octaves",
                                        "1", "--steps", "2", "--preview-every", "1"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(read_picture_size(path("out.preview.png")), (Size{72, 96}));
}

TEST_F(Pictures, DryRunPlansAndWritesNothing) {
    const std::string text = dreamt({path("photo.jpg"), "-o", path("out.png"), "--dry-run"});
    EXPECT_THAT(text, HasSubstr("out.png  96x72"));
    EXPECT_THAT(text, HasSubstr("octaves: 96x72"));
    EXPECT_THAT(text, HasSubstr("steps: 1 per octave"));
    EXPECT_THAT(text, HasSubstr("time: about"));
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(Pictures, DryRunPlansTheRestWhenAPictureCannotBeDone) {
    save_image(path("dot.png"), at::full({3, 1, 1}, 0.5));
    const RunResult result = quick_dream({path("dot.png"), path("photo.jpg"), "-o", path("out/"), "--dry-run"});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.error, HasSubstr("1x1"));
    EXPECT_THAT(result.output, HasSubstr("octaves: 96x72"));
}

TEST_F(Pictures, TheMemoryLimitIsABound) {
    save_image(path("large.png"), formula_image(675, 900, "large").squeeze(0));
    const double limit = 400e6;
    const RunResult result =
        deepdream({path("large.png"), "-o", path("out.png"), "--layers", "block3", "block5", "--octaves", "1",
                   "--steps", "2", "--threads", "2", "--max-memory", std::to_string(limit)});
    EXPECT_EQ(result.exit_code, 0) << result.error;
#if !defined(__SANITIZE_ADDRESS__)  // whose own memory counts too
    EXPECT_LT(result.peak_bytes, 1.1 * limit);
#endif
    const RunResult refused = quick_dream({path("large.png"), "-o", path("no.png"), "--max-memory", "220M"});
    EXPECT_EQ(refused.exit_code, 5);
    EXPECT_THAT(refused.error, HasSubstr("make it --size"));

    save_image(path("huge.png"), at::full({3, 2000, 3000}, 0.5));
    const RunResult unread =
        quick_dream({path("huge.png"), "-o", path("no.png"), "--size", "64", "--max-memory", "250M"});
    EXPECT_EQ(unread.exit_code, 5);
    EXPECT_THAT(unread.error, HasSubstr("reading a picture of 3000x2000"));
}

TEST_F(Pictures, PicturesReadSideBySideStayWithinTheMemoryLimit) {
    save_image(path("a.png"), at::full({3, 3000, 4000}, 0.5));  // 192 MB to read, little to work on
    std::filesystem::copy_file(path("a.png"), path("b.png"));
    std::filesystem::copy_file(path("a.png"), path("c.png"));
    const double limit = 420e6;
    const RunResult result = quick_dream({path("a.png"), path("b.png"), path("c.png"), "-o", path("out/"), "--size",
                                          "64", "--jobs", "3", "--max-memory", std::to_string(limit)});
    EXPECT_EQ(result.exit_code, 0) << result.error;
#if !defined(__SANITIZE_ADDRESS__)  // whose own memory counts too
    EXPECT_LT(result.peak_bytes, 1.1 * limit);
#endif
}

TEST_F(Pictures, BarsAreClearedAndProgressCanBeJson) {
    const std::vector<std::string> slow = {"--layers", "block3", "--octaves", "1", "--steps", "80"};
    std::vector<std::string> words = {path("photo.jpg"), "-o", path("a.png"), "--progress", "bar"};
    words.insert(words.end(), slow.begin(), slow.end());
    const RunResult drawn = deepdream(words);
    EXPECT_EQ(drawn.exit_code, 0) << drawn.error;
    EXPECT_THAT(drawn.error, HasSubstr("%"));
    EXPECT_THAT(drawn.error, testing::EndsWith("\r\x1b[K")) << "the bar stays";

    words = {path("photo.jpg"), "-o", path("b.png"), "--progress", "json", "--quiet"};
    words.insert(words.end(), slow.begin(), slow.end());
    double last = 0.0;
    for (const nlohmann::json& report : json_lines(deepdream(words).error)) {
        EXPECT_GE(report["fraction"].get<double>(), last);
        last = report["fraction"];
    }
    EXPECT_GT(last, 0.8);
}

TEST_F(Pictures, HelpAndVersionNeedNothing) {
    run_.environment = {};
    const RunResult help = deepdream({"--help"});
    EXPECT_EQ(help.exit_code, 0) << help.error;
    for (const char* flag : {"--output", "--device", "--threads", "--seed", "--deterministic", "--config",
                             "--save-config", "--overwrite", "--quiet", "--verbose", "--progress", "--json",
                             "--dry-run", "--version", "--help", "--network", "--weights", "--layers", "--size"}) {
        EXPECT_THAT(help.output, HasSubstr(flag));
    }
    std::istringstream lines(help.output);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 80U) << line;
    }
    EXPECT_THAT(deepdream({"--version"}).output, StartsWith("deepdream "));
}

}  // namespace
}  // namespace reverie::test
