// What a dream starts from, as typed: the input, noise without any input, another picture.
#include "cli/dream_fixture.h"
#include "reverie/cli/settings.h"
#include "support/byte_text.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

class DreamStartFlags : public DreamPrograms {
  protected:
    /// A picture made of nothing.
    RunResult from_noise(const std::string& output, std::vector<std::string> words) const {
        words.insert(words.begin(), {"-o", path(output), "--init", "noise"});
        return quick_dream(words);
    }
    Tensor image(const std::string& name) const { return load_image(path(name)); }
};

TEST_F(DreamStartFlags, NoiseNeedsNoInputWhereTheSizeIsGiven) {
    for (const char* parameterization : {"pixels", "fourier", "maco"}) {
        const std::string name = std::string(parameterization) + ".png";
        const RunResult result = from_noise(name, {"--size", "97x73", "--parameterization", parameterization});
        ASSERT_EQ(result.exit_code, 0) << result.error;
        EXPECT_EQ(result.output, path(name) + "\n");
        EXPECT_EQ(read_picture_size(path(name)), (Size{73, 97}));
        ASSERT_EQ(from_noise("again-" + name, {"--size", "97x73", "--parameterization", parameterization}).exit_code,
                  0);
        EXPECT_EQ(bytes(name), bytes("again-" + name));
        // --from needs no input either.
        const RunResult repeated = run({"-o", path("from-" + name), "--from", path(name)});
        ASSERT_EQ(repeated.exit_code, 0) << repeated.error;
        EXPECT_EQ(bytes(name), bytes("from-" + name));
    }
    ASSERT_EQ(from_noise("seeded.png", {"--size", "97x73", "--seed", "1"}).exit_code, 0);
    EXPECT_NE(bytes("pixels.png"), bytes("seeded.png"));
}

TEST_F(DreamStartFlags, OneNumberIsASquareAndAFolderGetsAName) {
    const RunResult result = from_noise("out/", {"--size", "80", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(read_picture_size(path("out/noise.png")), (Size{80, 80}));
    EXPECT_EQ(json_lines(result.output).at(0)["input"], "noise");
    const RunResult sheet = from_noise("sheet.png", {"--size", "80", "--grid", "block2", "class:goldfish"});
    EXPECT_EQ(sheet.exit_code, 0) << sheet.error;
    const RunResult planned = from_noise("planned.png", {"--size", "96x80", "--dry-run"});
    EXPECT_THAT(planned.output, HasSubstr("noise -> " + path("planned.png") + "  96x80"));
    EXPECT_FALSE(exists("planned.png"));
}

TEST_F(DreamStartFlags, WithNoiseTheInputGivesItsSize) {
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("out.png"), "--init", "noise"});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_EQ(read_picture_size(path("out.png")), (Size{72, 96}));
    ASSERT_EQ(from_noise("nothing.png", {"--size", "96x72"}).exit_code, 0);
    EXPECT_TRUE(image("out.png").equal(image("nothing.png"))) << "nothing else of it counts";
}

TEST_F(DreamStartFlags, AFileIsStartedFromAndNamedInThePicture) {
    save_image(path("start.png"), formula_image(40, 60, "start").squeeze(0));
    ASSERT_EQ(quick_dream({path("photo.jpg"), "-o", path("plain.png")}).exit_code, 0);
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("out.png"), "--init", path("start.png")});
    ASSERT_EQ(result.exit_code, 0) << result.error;
    EXPECT_GT((image("out.png") - image("plain.png")).abs().max().item<double>(), 0.2);
    EXPECT_THAT(bytes("out.png"), HasSubstr("\"init\":\"start.png\""));
}

TEST_F(DreamStartFlags, WhatDoesNotFitIsOneSentence) {
    expect_fault(from_noise("out.png", {}), 2, "pass --size WIDTHxHEIGHT");
    expect_fault(from_noise("out.png", {"--size", "0x40"}), 2, "--size 0x40");
    expect_fault(from_noise("out.png", {"--size", "40x"}), 2, "--size 40x");
    expect_fault(quick_dream({"-o", path("out.png"), "--size", "96x72"}), 2, "no input is given");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--init", "nois"}), 2, "did you mean 'noise'");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--init", path("none.png")}), 2, "none.png");
    expect_fault(from_noise("out.png", {"--size", "96x72", "--calm", "0.5"}), 2, "--calm");
    expect_fault(from_noise("out.png", {"--size", "96x72", "--parameterization", "wavelets"}), 2, "pixels, fourier");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--parameterization", "maco", "--preset",
                              "google", "--network", "efficientnet_lite0"}),
                 2, "--preset google");
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(DreamStartFlags, ASizeOfTwoSidesIsABoxForAnInput) {
    ASSERT_EQ(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--size", "200x48"}).exit_code, 0);
    EXPECT_EQ(read_picture_size(path("out.png")), (Size{48, 64}));
}

}  // namespace
}  // namespace reverie::test
