// What a dream is told to amplify, where, and how much; sheets of dreams.
#include "cli/dream_fixture.h"
#include "reverie/cli/settings.h"
#include "support/byte_text.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class DreamTargetFlags : public DreamPrograms {
  protected:
    /// The smallest dream, of these flags' targets.
    RunResult dreamt(std::vector<std::string> words) const {
        for (const char* word : {"--steps", "1", "--octaves", "1", "--jitter", "4"}) {
            words.emplace_back(word);
        }
        return run(words);
    }
    Tensor image(const std::string& name) const { return load_image(path(name)); }
};

TEST_F(DreamTargetFlags, EveryKindOfTargetDreamsAndIsKeptInThePicture) {
    const RunResult result =
        dreamt({path("photo.jpg"), "-o", path("out.png"), "--layers", "block2", "block3:5=-1",
                "block3.expand:7@0.25,0.5=2", "block2:top3", "block2:bottom2", "class:goldfish=0.5"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const RunResult again = run({path("photo.jpg"), "-o", path("again.png"), "--from", path("out.png")});
    ASSERT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(bytes("out.png"), bytes("again.png"));
    EXPECT_THAT(bytes("out.png"), HasSubstr("block3.expand:7@0.25,0.5=2"));
}

TEST_F(DreamTargetFlags, WrongTargetsAreOneSentence) {
    const auto refuse = [&](const std::string& target, const std::string& said) {
        expect_fault(dreamt({path("photo.jpg"), "-o", path("out.png"), "--layers", target}), 2, said);
        EXPECT_FALSE(exists("out.png"));
    };
    refuse("block3:999", "its channels are 0 to 39");
    refuse("block3:1@2,2", "outside the picture");
    refuse("class:golfish", "did you mean 'goldfish'");
    refuse("block3:top", "not understood");
}

TEST_F(DreamTargetFlags, ClassesAreListedByPartsOfTheirNames) {
    const RunResult result = run({"--list-classes", "goldf", "tench"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(result.output, "0    tench\n1    goldfish\n11   goldfinch\n");
    EXPECT_THAT(json_lines(run({"--list-classes", "", "--json"}).output), SizeIs(1000));
    expect_fault(run({"--list-classes", "zebrafish"}), 2, "no class with 'zebrafish'");
}

TEST_F(DreamTargetFlags, AGuideChangesTheDreamAndIsNamedInThePicture) {
    save_image(path("guide.png"), formula_image(40, 52, "guide").squeeze(0));
    ASSERT_EQ(dreamt({path("photo.jpg"), "-o", path("free.png"), "--layers", "block3"}).exit_code, 0);
    const RunResult result =
        dreamt({path("photo.jpg"), "-o", path("guided.png"), "--layers", "block3", "--guide", path("guide.png")});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_GT((image("free.png") - image("guided.png")).abs().max().item<float>(), 0.01F);
    const RunResult again = run({path("photo.jpg"), "-o", path("again.png"), "--from", path("guided.png")});
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_THAT(again.error, HasSubstr("--guide 'guide.png', which is left out"));
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--guide", path("none.png")}), 3, "none.png");
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--layers", "block3:1", "--guide", path("guide.png")}),
                 2, "names none");
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--layers", "block3:1", "--caricature", "1"}), 2,
                 "names none");
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--caricature", "1", "--guide", path("guide.png")}), 2,
                 "leave one of them out");
}

TEST_F(DreamTargetFlags, WhatIsProtectedOrTransparentStays) {
    Tensor mask = at::zeros({3, 72, 96});
    mask.narrow(2, 0, 48).fill_(1.0);
    save_image(path("mask.png"), mask);
    Picture picture;
    picture.color = formula_image(72, 96, "photo").squeeze(0);
    picture.alpha = at::ones({1, 72, 96});
    picture.alpha.narrow(1, 0, 30).fill_(0.0);
    write_picture(path("photo.png"), picture, {});
    const RunResult result =
        dreamt({path("photo.png"), "-o", path("out.png"), "--layers", "block3", "--protect", path("mask.png")});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const Tensor change = (image("out.png") - image("photo.png")).abs();
    EXPECT_EQ(change.narrow(2, 0, 48).max().item<float>(), 0.0F);
    EXPECT_EQ(change.narrow(1, 0, 30).max().item<float>(), 0.0F);
    EXPECT_GT(change.narrow(1, 30, 42).narrow(2, 48, 48).max().item<float>(), 0.01F);
}

TEST_F(DreamTargetFlags, ASheetShowsEveryTargetAndComesWithAPage) {
    const std::vector<std::string> words = {
        path("photo.jpg"), "-o",         path("sheet.png"), "--size", "64", "--grid",
        "block*.expand",   "block3:0-2", "class:1",         "--page"};
    const RunResult result = dreamt(words);
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const Size size = read_picture_size(path("sheet.png"));
    EXPECT_GT(size.height * size.width, 19 * 64 * 48) << "15 layers, 3 channels and a class";
    const std::string page = bytes("sheet.html");
    for (const char* name : {"block1.expand", "block15.expand", "block3:2", "class:1"}) {
        EXPECT_THAT(page, HasSubstr(std::string("<figcaption>") + name));
    }
    std::filesystem::remove(path("sheet.png"));
    expect_fault(dreamt(words), 6, "sheet.html");
    EXPECT_FALSE(exists("sheet.png"));
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--grid", "blok*"}), 2, "fits no layer");
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--grid", "block3:0-99999"}), 2, "are 0 to 39");
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--grid", "block3:5-2"}), 2, "the lower one first");
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--grid", "block3:77"}), 2, "--grid 'block3:77'");
    EXPECT_EQ(dreamt({path("photo.jpg"), "-o", path("place.png"), "--grid", "block3:1@0.5,0.5"}).exit_code, 0);
    expect_fault(dreamt({path("photo.jpg"), "-o", path("x.png"), "--page"}), 2, "--grid");
}

TEST_F(DreamTargetFlags, ABatchEndsWithItsTotal) {
    std::filesystem::create_directories(path("in/sub"));
    std::filesystem::copy_file(path("photo.jpg"), path("in/a.jpg"));
    std::filesystem::copy_file(path("photo.jpg"), path("in/sub/b.jpg"));
    const RunResult result = dreamt({path("in"), "-o", path("out/"), "--recursive", "--layers", "block3"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("made 2 of 2 pictures in "));
    EXPECT_TRUE(exists("out/a.jpg"));
    EXPECT_TRUE(exists("out/sub/b.jpg")) << "the folder's tree";
    EXPECT_THAT(dreamt({path("photo.jpg"), "-o", path("one.png"), "--layers", "block3"}).error,
                Not(HasSubstr("made ")));
}

TEST_F(DreamTargetFlags, TilesAreAskedForByTheirSideOrNotAtAll) {
    const std::vector<std::string> words = {path("photo.jpg"), "-o",     path("out.png"), "--layers", "block3",
                                            "--dry-run",       "--size", "600",           "--tile"};
    const auto tiled = [&](const std::string& tile) {
        std::vector<std::string> all = words;
        all.push_back(tile);
        return dreamt(all);
    };
    EXPECT_THAT(tiled("256").output, HasSubstr("tiles: 256 pixels"));
    EXPECT_THAT(tiled("off").output, HasSubstr("tiles: none"));
    EXPECT_THAT(tiled("auto").output, HasSubstr("tiles: none"));
    expect_fault(tiled("small"), 2, "auto, off or a side of at least 64 pixels");
}

TEST_F(DreamTargetFlags, PicturesOfBeforeFocusAndCalmAreMadeAgainWithoutThem) {
    ASSERT_EQ(dreamt({path("photo.jpg"), "-o", path("new.png"), "--layers", "block3", "--focus", "0", "--calm", "0"})
                  .exit_code,
              0);
    Picture old = read_picture(path("new.png"));
    nlohmann::json settings = nlohmann::json::parse(old.text.at(kSettingsKey));
    settings.erase("focus");
    settings.erase("calm");
    old.text[kSettingsKey] = settings.dump();
    write_picture(path("old.png"), old, {});
    ASSERT_EQ(run({path("photo.jpg"), "-o", path("again.png"), "--from", path("old.png")}).exit_code, 0);
    EXPECT_TRUE(image("again.png").equal(image("new.png")));
}

}  // namespace
}  // namespace reverie::test
