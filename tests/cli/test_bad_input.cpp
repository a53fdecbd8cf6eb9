// Every kind of bad input: one sentence, its exit code, nothing lost.
#include "cli/dream_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class BadInput : public DreamPrograms {
  protected:
    void write(const std::string& name, const std::string& content) const { write_file(path(name), content); }
    RunResult dream_of(const std::string& input) const { return quick_dream({input, "-o", path("out.png")}); }
};

TEST_F(BadInput, PicturesThatAreNoneAreRefused) {
    expect_fault(dream_of(path("nowhere.jpg")), 3, "nowhere.jpg' does not exist");
    write("empty.jpg", "");
    expect_fault(dream_of(path("empty.jpg")), 3, "empty.jpg");
    write("text.jpg", "not a picture at all, only words\n");
    expect_fault(dream_of(path("text.jpg")), 3, "text.jpg");
    const std::string whole = bytes("photo.jpg");
    write("cut.jpg", whole.substr(0, whole.size() / 2));
    expect_fault(dream_of(path("cut.jpg")), 3, "cut.jpg");
    expect_fault(dream_of("/proc/self/mem"), 3, "/proc/self/mem");
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(BadInput, NamesThatNoFileCanHaveAreRefused) {
    const std::string endless(300, 'n');
    expect_fault(dream_of(path(endless + ".jpg")), 3, "cannot be read");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path(endless + ".png")}), 6, endless);
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--save-config", path(endless)}), 6, endless);
}

TEST_F(BadInput, PicturesOfImpossibleSizeAreRefused) {
    save_image(path("dot.png"), at::full({3, 1, 1}, 0.5));
    expect_fault(dream_of(path("dot.png")), 3, "1x1");
    save_image(path("strip.png"), at::full({3, 2, 20000}, 0.5));
    expect_fault(dream_of(path("strip.png")), 3, "20000x2");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--max-pixels", "5000"}), 3, "--max-pixels");
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(BadInput, WidePicturesAreDreamtOn) {
    save_image(path("wide.png"), at::full({3, 16, 20000}, 0.5));
    const RunResult result = dream_of(path("wide.png"));
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(read_picture_size(path("out.png")), (Size{16, 20000}));
}

TEST_F(BadInput, FoldersWithoutPicturesAreRefused) {
    std::filesystem::create_directory(path("bare"));
    write("bare/notes.txt", "nothing to see");
    expect_fault(quick_dream({path("bare"), "-o", path("out")}), 3, "holds no pictures");
    expect_fault(quick_dream({path("*.tiff"), "-o", path("out")}), 3, "no file matches");
}

TEST_F(BadInput, UnreadableFilesAreRefused) {
    if (geteuid() == 0) {
        GTEST_SKIP() << "root reads every file";
    }
    std::filesystem::permissions(path("photo.jpg"), std::filesystem::perms::none);
    expect_fault(dream_of(path("photo.jpg")), 3, "photo.jpg");
}

TEST_F(BadInput, UnknownWordsSuggestTheNearest) {
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--setps", "3"}), 2, "did you mean '--steps'");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--network", "vgg18"}), 2, "'vgg19'");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--layers", "blok11"}), 2, "'block11'");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--color-basis", "natrual"}), 2, "'natural'");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--steps", "many"}), 2, "--steps 'many'");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--octave-scale", "0.5"}), 2,
                 "--octave-scale 0.5");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--steps"}), 2, "--steps");
}

TEST_F(BadInput, FlagsThatContradictAreRefused) {
    expect_fault(deepdream({}), 2, "no input is given");
    expect_fault(deepdream({path("photo.jpg")}), 2, "--output");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.gif")}), 2, "out.gif");
    expect_fault(deepdream({path("photo.jpg"), path("b.jpg"), "-o", path("out.png")}), 2, "name a folder");
    expect_fault(deepdream({path("photo.jpg"), "-o", "-", "--json"}), 2, "--json");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--weights", "x.pth"}), 2, "--network");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--max-memory", "lots"}), 2, "--max-memory");
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--device", "abacus"}), 2, "--device");
}

TEST_F(BadInput, OutputsThatCannotBeWrittenAreRefusedBeforeTheWork) {
    expect_fault(quick_dream({path("photo.jpg"), "-o", "/proc/reverie/out.png"}), 6, "/proc/reverie");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("photo.jpg/out.png")}), 6, "photo.jpg");
    write("out.png", "precious");
    const RunResult kept = dream_of(path("photo.jpg"));
    expect_fault(kept, 6, "--overwrite");
    EXPECT_THAT(kept.error, Not(HasSubstr("network "))) << "the work had begun";
    EXPECT_EQ(bytes("out.png"), "precious");
}

TEST_F(BadInput, SizesThatAFormatCannotHoldAreRefusedBeforeTheWork) {
    save_image(path("wide.png"), at::full({3, 40, 1000}, 0.5));
    for (const char* mode : {"--dry-run", "--verbose"}) {
        const RunResult refused =
            quick_dream({path("wide.png"), "-o", path("out.webp"), "--size", "17000", "--seed", "1", mode});
        expect_fault(refused, 6, "16383");
        EXPECT_THAT(refused.error, Not(HasSubstr("network "))) << "the work had begun";
    }
    expect_fault(quick_dream({path("wide.png"), "-o", path("out.jpg"), "--size", "66000", "--dry-run"}), 6, "65500");
}

TEST_F(BadInput, TransparentPicturesAreSaidToShowNothing) {
    Picture picture;
    picture.color = at::full({3, 40, 50}, 0.5);
    picture.alpha = at::zeros({1, 40, 50});
    write_picture(path("glass.png"), picture);
    const RunResult result = quick_dream({path("glass.png"), "-o", path("out.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("glass.png' is transparent everywhere"));
}

TEST_F(BadInput, MissingOutputFoldersAreMade) {
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("new/deep/out.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(names("new/deep"), ElementsAre("out.png"));
}

TEST_F(BadInput, FullDiskLeavesNothingHalfWritten) {
    ASSERT_EQ(dream_of(path("photo.jpg")).exit_code, 0);  // the weights are stamped as checked now
    run_.file_size_limit = 4096;
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("full/out.png")}), 6, "out.png");
    EXPECT_THAT(names("full"), IsEmpty());
}

TEST_F(BadInput, ClosedStandardOutputIsNoCrash) {
    run_.output_closed = true;
    const RunResult result = dream_of(path("photo.jpg"));
    EXPECT_EQ(result.exit_code, 6) << result.error;
    EXPECT_THAT(result.error, HasSubstr("standard output"));
    EXPECT_TRUE(exists("out.png"));
}

TEST_F(BadInput, AbsentGpuIsSaidPlainly) {
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("out.png"), "--device", "cuda"});
    if (result.exit_code == 0) {
        GTEST_SKIP() << "this machine has a GPU";
    }
    expect_fault(result, 5, "--device cuda cannot be used");
}

TEST_F(BadInput, OneBadFileInABatchStopsNoOther) {
    std::filesystem::create_directory(path("in"));
    std::filesystem::copy(path("photo.jpg"), path("in/a.jpg"));
    write("in/b.jpg", "no picture");
    std::filesystem::copy(path("photo.jpg"), path("in/c.jpg"));
    const RunResult result = quick_dream({path("in"), "-o", path("out"), "--json"});
    EXPECT_EQ(result.exit_code, 3) << result.error;
    EXPECT_THAT(names("out"), ElementsAre("a.jpg", "c.jpg"));
    const std::vector<nlohmann::json> lines = json_lines(result.output);
    ASSERT_EQ(lines.size(), 3U) << result.output;
    EXPECT_EQ(lines[0]["input"], path("in/b.jpg"));
    EXPECT_EQ(lines[0]["exit_code"], 3);
    EXPECT_THAT(lines[0]["error"].get<std::string>(), HasSubstr("b.jpg"));
    EXPECT_THAT((std::vector<std::string>{lines[1]["output"], lines[2]["output"]}),
                testing::UnorderedElementsAre(path("out/a.jpg"), path("out/c.jpg")));
}

TEST_F(BadInput, FailFastStopsAtTheFirst) {
    std::filesystem::create_directory(path("in"));
    write("in/a.jpg", "no picture");
    std::filesystem::copy(path("photo.jpg"), path("in/b.jpg"));
    expect_fault(quick_dream({path("in"), "-o", path("out"), "--fail-fast"}), 3, "a.jpg");
    EXPECT_FALSE(exists("out/b.jpg"));
}

}  // namespace
}  // namespace reverie::test
