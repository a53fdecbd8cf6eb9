// Every kind of bad input to styletransfer: one sentence, its exit code, nothing lost.
#include "cli/style_fixture.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

class StyleInput : public StylePrograms {
  protected:
    RunResult with(std::vector<std::string> words) const {
        words.insert(words.begin(), {path("photo.png"), "-o", path("out.png")});
        return quick_style(words);
    }
};

TEST_F(StyleInput, FoldersOfStylesSayOnceWhatTheyHoldBesides) {
    std::filesystem::create_directories(path("styles"));
    std::filesystem::rename(path("wave.png"), path("styles/wave"));
    write_file(path("styles/notes.pages"), std::string_view("no picture"));
    const RunResult result = quick_style({path("photo.png"), "--style", path("styles"), "-o", path("out.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    const std::string warning = "1 file left out (" + path("styles/notes.pages") + ")";
    EXPECT_NE(result.error.find(warning), std::string::npos) << result.error;
    EXPECT_EQ(result.error.find(warning), result.error.rfind(warning));
}

TEST_F(StyleInput, StylesThatAreNoneAreRefused) {
    expect_fault(with({}), 2, "no style is given");
    expect_fault(with({"--style-coarse", path("wave.png")}), 2, "--style-fine");
    expect_fault(with({"--style", path("nowhere.png")}), 3, "nowhere.png");
    write_file(path("text.png"), std::string_view("no picture"));
    expect_fault(with({"--style", path("text.png")}), 3, "text.png");
    save_image(path("dot.png"), at::full({3, 1, 30}, 0.5));
    expect_fault(with({"--style", path("dot.png")}), 3, "dot.png' has 30x1 pixels");
    expect_fault(with({"--style", path("wave.png") + "=0"}), 2, "above 0");
    std::filesystem::create_directory(path("bare"));
    expect_fault(with({"--style", path("bare")}), 3, "holds no pictures");
    expect_fault(run({"--style", path("wave.png"), path("photo.png"), "-o", path("out.png")}), 2, "name inputs first");
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(StyleInput, FlagsThatContradictAreRefused) {
    const std::string wave = path("wave.png");
    expect_fault(with({"--style", wave, path("night.png"), "--mask", wave}), 2, "--mask names 1, but there are 2");
    expect_fault(with({"--style", wave, path("night.png"), "--only-color"}), 2, "--each-style");
    expect_fault(with({"--style", wave, "--trace", path("t"), "--jobs", "2"}), 2, "--trace follows one picture");
    expect_fault(with({"--style", wave, "--checkpoint", path("t"), "--jobs", "2"}), 2, "--checkpoint follows one");
    for (const char* jobs : {"0", "-1", "two", "1.5", "1000"}) {
        expect_fault(with({"--style", wave, "--jobs", jobs}), 2, "--jobs '" + std::string(jobs) + "'");
    }
    expect_fault(with({"--style", wave, "--resume"}), 2, "--checkpoint");
    expect_fault(with({"--style", wave, "--each-style"}), 2, "name a folder");
    expect_fault(with({"--style", wave, "--init", "noize"}), 2, "did you mean 'noise'");
    expect_fault(with({"--style", wave, "--preset", "gaty"}), 2, "'gatys'");
    expect_fault(with({"--style", wave, "--strength", "2"}), 2, "--strength");
    expect_fault(with({"--style", wave, "--shard", "0/4"}), 2, "--shard '0/4'");
    expect_fault(with({"--style", wave, "--style-scale", "0"}), 2, "--style-scale");
    expect_fault(run({path("photo.png"), "-o", path("out.png"), "--style", wave, "--style-layers", "relu9_1"}), 2,
                 "relu");
    expect_fault(run({path("photo.png"), "-o", path("out.png"), "--style", wave, "--size", "big"}), 2, "--size big");
}

TEST_F(StyleInput, FlagsThatMeanNothingWithOnlyColorAreRefused) {
    save_image(path("white.png"), at::ones({3, 36, 48}));
    const std::vector<std::vector<std::string>> meaningless = {
        {"--steps", "5"},       {"--strength", "0.5"},         {"--preset", "gatys"},  {"--color", "luma"},
        {"--init", "noise"},    {"--style-layers", "relu1_1"}, {"--network", "vgg16"}, {"--mask", path("white.png")},
        {"--trace", path("t")}, {"--preview-every", "3"}};
    std::vector<std::string> plain = {path("photo.png"), "--style",     path("wave.png"), "-o",
                                      path("out.png"),   "--only-color"};
    for (const std::vector<std::string>& flag : meaningless) {
        std::vector<std::string> words = plain;
        words.insert(words.end(), flag.begin(), flag.end());
        expect_fault(run(words), 2, flag[0] + " means nothing with --only-color");
    }
    EXPECT_FALSE(exists("out.png"));
    // Not what only the picture of --from says, which was styled.
    styled({path("photo.png"), "--style", path("wave.png"), "-o", path("styled.png")});
    plain.insert(plain.end(),
                 {"--from", path("styled.png"), "--size", "own", "--seed", "3", "--protect", path("white.png")});
    const RunResult result = run(plain);
    EXPECT_EQ(result.exit_code, 0) << result.error;
}

TEST_F(StyleInput, StylesOfOneNameAreRefusedInAProduct) {
    std::filesystem::create_directory(path("more"));
    std::filesystem::copy(path("wave.png"), path("more/wave.png"));
    expect_fault(quick_style({path("photo.png"), "-o", path("out"), "--each-style", "--style", path("wave.png"),
                              path("more/wave.png")}),
                 2, "more/wave.png' would both be written");
}

TEST_F(StyleInput, NetsThatDoNotFitAreRefused) {
    expect_fault(
        run({path("photo.png"), "-o", path("out.png"), "--style", path("wave.png"), "--network", "efficientnet_lite0"}),
        2, "vgg");
    expect_fault(with({"--style", path("wave.png"), "--content-network", "efficientnet"}), 2, "--content-network 'eff");
    expect_fault(with({"--style", path("wave.png"), "--content-network", "inception_v3"}), 2,
                 "--content-network-layers");
    expect_fault(with({"--style", path("wave.png"), "--network", "vgg19", "--weights",
                       (models() / "vgg16.safetensors").string()}),
                 4, "features.");
}

TEST_F(StyleInput, MemoryTooSmallForATileSaysWhatIsEnough) {
    expect_fault(with({"--style", path("wave.png"), "--max-memory", "1M"}), 5, "--max-memory");
}

TEST_F(StyleInput, FilesOfAnEarlierRunAreNotReplaced) {
    write_file(path("old.state"), std::string_view("precious"));
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("old.state")}), 6, "old.state");
    expect_fault(with({"--style", path("wave.png"), "--trace", path("old.state")}), 6, "old.state");
    EXPECT_EQ(bytes("old.state"), "precious");
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("old.state"), "--overwrite"}), 6,
                 "is not a checkpoint");
    EXPECT_EQ(bytes("old.state"), "precious");
}

TEST_F(StyleInput, FilesOfTheWorkMayNotBeItsPictures) {
    std::filesystem::create_directory(path("sub"));
    const std::string photo = bytes("photo.png");
    const std::string wave = bytes("wave.png");
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("sub/../out.png")}), 2, "also an output");
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("x"), "--trace", path("sub/../x")}), 2,
                 "--checkpoint and --trace are both");
    expect_fault(with({"--style", path("wave.png"), "--trace", path("photo.png"), "--overwrite"}), 2, "also an input");
    expect_fault(with({"--style", path("wave.png"), "--trace", path("wave.png"), "--overwrite"}), 2, "also a style");
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("photo.png"), "--overwrite"}), 6,
                 "is not a checkpoint");
    EXPECT_EQ(bytes("photo.png"), photo);
    EXPECT_EQ(bytes("wave.png"), wave);
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(StyleInput, FilesOfTheWorkThatCannotBeAreFoundBeforeIt) {
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("photo.png/x")}), 6,
                 "choose another with --checkpoint");
    std::filesystem::create_directory(path("folder"));
    expect_fault(with({"--style", path("wave.png"), "--checkpoint", path("folder"), "--resume"}), 6,
                 "choose another --checkpoint");
    expect_fault(with({"--style", path("wave.png"), "--trace", "/dev/null", "--overwrite"}), 6, "not a regular file");
}

TEST_F(StyleInput, WhatAllPicturesShareEndsTheRun) {
    save_image(path("protect.png"), at::rand({3, 36, 48}));
    write_file(path("cut.png"), std::string_view(bytes("protect.png")).substr(0, 200));  // its header is whole
    expect_fault(quick_style({path("photo.png"), "-o", path("out"), "--each-style", "--style", path("wave.png"),
                              path("night.png"), "--protect", path("cut.png")}),
                 3, "cut.png");
    EXPECT_FALSE(exists("out/wave/photo.png"));
    EXPECT_FALSE(exists("out/night/photo.png"));
}

TEST_F(StyleInput, EveryPictureThatFailsIsNamed) {
    std::filesystem::copy(path("photo.png"), path("second.png"));
    const RunResult result = quick_style(
        {path("photo.png"), path("second.png"), "--style", path("wave.png"), "-o", path("out"), "--max-memory", "1M"});
    EXPECT_EQ(result.exit_code, 5) << result.error;
    EXPECT_THAT(result.error, HasSubstr("photo.png': "));
    EXPECT_THAT(result.error, HasSubstr("second.png': "));
}

TEST_F(StyleInput, ASizeWithTooManyPixelsIsRefusedInAPlanToo) {
    expect_fault(run({path("photo.png"), "--style", path("wave.png"), "-o", path("out.png"), "--size", "400",
                      "--max-pixels", "5000", "--dry-run"}),
                 2, "--size 400");
}

}  // namespace
}  // namespace reverie::test
