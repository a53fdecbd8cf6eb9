// What styletransfer writes: files, names, settings, depth, alpha, regions, reports.
#include "cli/style_fixture.h"
#include "reverie/image/resample.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class StylePictures : public StylePrograms {};

TEST_F(StylePictures, StyleIsOnThePictureAndTheSettingsSayHow) {
    const auto lines = json_lines(styled(
        {path("photo.png"), "--style", path("wave.png") + "=2", path("night.png"), "-o", path("out.png"), "--json"}));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0]["input"], path("photo.png"));
    EXPECT_EQ(lines[0]["output"], path("out.png"));
    EXPECT_EQ(lines[0]["width"], 48);
    EXPECT_EQ(lines[0]["height"], 36);
    EXPECT_EQ(lines[0]["network"], "vgg16");
    EXPECT_EQ(lines[0]["weights"], "vgg16.safetensors");
    EXPECT_FALSE(lines[0].contains("style")) << "only a product has one style a picture";
    EXPECT_GT((image("out.png") - image("photo.png")).abs().max().item<float>(), 0.01F);

    const nlohmann::json settings = nlohmann::json::parse(read_picture(path("out.png")).text.at("reverie"));
    EXPECT_EQ(settings["program"], "styletransfer");
    EXPECT_EQ(settings["style"], nlohmann::json({"wave.png=2", "night.png"}));
    EXPECT_EQ(settings["size"], "own");
    EXPECT_EQ(settings["steps"], 2);
    EXPECT_EQ(settings["preset"], "reverie");
}

TEST_F(StylePictures, SizeIs512UnlessAskedFor) {
    const RunResult plan = run({path("photo.png"), "--style", path("wave.png"), "-o", path("out.png"), "--steps", "1",
                                "--style-layers", "relu1_1", "--content-layers", "relu1_2", "--dry-run"});
    EXPECT_EQ(plan.exit_code, 0) << plan.error;
    EXPECT_THAT(plan.output, HasSubstr("out.png  512x384"));
    EXPECT_THAT(plan.output, HasSubstr("scales: 128x96, 181x136, 256x192, 362x272, 512x384"));
    EXPECT_THAT(plan.output, HasSubstr("time: at most about"));
    EXPECT_THAT(plan.output, HasSubstr("memory: about"));
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(StylePictures, SameFlagsGiveTheSameBytesAndFromRepeatsThem) {
    const std::vector<std::string> how = {"--init", "noise", "--seed", "5", "--color", "luma", "--tv", "0.5"};
    std::vector<std::string> words = {path("photo.png"), "--style", path("wave.png"), "-o", path("a.png")};
    words.insert(words.end(), how.begin(), how.end());
    styled(words);
    const RunResult again =
        run({path("photo.png"), "--style", path("wave.png"), "-o", path("b.png"), "--from", path("a.png")});
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(bytes("a.png"), bytes("b.png"));
}

TEST_F(StylePictures, ASecondNetSeesTheContentWhereItIsInstalled) {
    const auto settings = [this](const std::string& name) {
        return nlohmann::json::parse(read_picture(path(name)).text.at("reverie"));
    };
    const std::vector<std::string> photo = {path("photo.png"), "--style", path("wave.png"), "-o"};
    const auto words = [&photo](const std::string& output, const std::vector<std::string>& more = {}) {
        std::vector<std::string> all = photo;
        all.push_back(output);
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    const RunResult alone = quick_style(words(path("alone.png")));
    EXPECT_THAT(alone.error, HasSubstr("--fetch --network efficientnet_lite0"));
    EXPECT_EQ(settings("alone.png")["content-network"], "none");
    EXPECT_FALSE(settings("alone.png").contains("content-network-share"));
    expect_fault(quick_style(words(path("x.png"), {"--content-network-share", "0.5"})), 2, "second net");

    run_.environment["REVERIE_MODELS"] = two_nets().path().string();
    styled(words(path("both.png")));
    EXPECT_EQ(settings("both.png")["content-network"], "efficientnet_lite0");
    EXPECT_EQ(settings("both.png")["content-network-weights"], "lite0.safetensors");
    EXPECT_EQ(settings("both.png")["content-network-layers"], nlohmann::json({"block2", "block4"}));
    EXPECT_NE(bytes("both.png"), bytes("alone.png"));

    styled(words(path("off.png"), {"--content-network", "none"}));
    EXPECT_TRUE(image("off.png").equal(image("alone.png")));
    styled(words(path("none.png"), {"--content-network-share", "0"}));
    EXPECT_TRUE(image("none.png").equal(image("alone.png"))) << "nothing of the content is said by it";
    styled(words(path("gatys.png"), {"--preset", "gatys"}));
    EXPECT_EQ(settings("gatys.png")["content-network"], "none") << "the paper knows of none";

    for (const char* name : {"both.png", "alone.png"}) {
        const RunResult again = run(words(path("again.png"), {"--from", path(name), "--overwrite"}));
        EXPECT_EQ(again.exit_code, 0) << again.error;
        EXPECT_EQ(bytes("again.png"), bytes(name));
    }
}

TEST_F(StylePictures, ConfigurationComesBackFromItsFile) {
    styled({path("photo.png"), "--style", path("wave.png"), "-o", path("a.png"), "--strength", "0.5", "--save-config",
            path("how.toml")});
    const RunResult again = run({path("photo.png"), "-o", path("b.png"), "--config", path("how.toml")});
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(bytes("a.png"), bytes("b.png"));
}

TEST_F(StylePictures, DepthIsKeptAndWhatIsTransparentOrProtectedStays) {
    Picture deep = read_picture(path("photo.png"));
    deep.bits = 16;
    deep.alpha = at::ones({1, 36, 48});
    deep.alpha.narrow(2, 0, 10).zero_();
    write_picture(path("deep.png"), deep);
    Tensor protect = at::zeros({3, 36, 48});
    protect.narrow(1, 30, 6).fill_(1.0);
    save_image(path("protect.png"), protect);
    styled({path("deep.png"), "--style", path("wave.png"), "-o", path("out.png"), "--protect", path("protect.png")});

    const Picture before = read_picture(path("deep.png"));
    const Picture after = read_picture(path("out.png"));
    EXPECT_EQ(after.bits, 16);
    ASSERT_TRUE(after.alpha.defined());
    EXPECT_TRUE(after.alpha.equal(before.alpha));
    EXPECT_TRUE(after.color.narrow(2, 0, 10).equal(before.color.narrow(2, 0, 10)));
    EXPECT_TRUE(after.color.narrow(1, 30, 6).equal(before.color.narrow(1, 30, 6)));
    EXPECT_GT((after.color - before.color).abs().max().item<float>(), 0.01F);
}

TEST_F(StylePictures, MasksOfAnotherSizeAreResampledAndThatIsSaid) {
    Tensor left = at::zeros({3, 18, 24});
    left.narrow(2, 0, 12).fill_(1.0);
    save_image(path("left.png"), left);
    save_image(path("right.png"), 1.0 - left);
    const RunResult result = quick_style({path("photo.png"), "--style", path("wave.png"), path("night.png"), "-o",
                                          path("out.png"), "--mask", path("left.png"), path("right.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("left.png' has 24x18 pixels and is resampled to the picture's 48x36"));
    styled({path("photo.png"), "--style", path("wave.png"), path("night.png"), "-o", path("both.png")});
    EXPECT_FALSE(image("out.png").equal(image("both.png"))) << "the masks do nothing";
}

TEST_F(StylePictures, MasksAreNotTakenFromAPicture) {
    save_image(path("white.png"), at::ones({3, 36, 48}));
    styled({path("photo.png"), "--style", path("wave.png"), "-o", path("a.png"), "--mask", path("white.png"),
            "--protect", path("white.png")});
    const RunResult again =
        run({path("photo.png"), "--style", path("wave.png"), "-o", path("b.png"), "--from", path("a.png")});
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_THAT(again.error, HasSubstr("--mask 'white.png', which is left out"));
    EXPECT_THAT(again.error, HasSubstr("--protect 'white.png', which is left out"));
    EXPECT_FALSE(image("b.png").equal(image("photo.png")));
}

TEST_F(StylePictures, OnlyColorKeepsWhatIsProtected) {
    Tensor protect = at::zeros({3, 18, 24});
    protect.narrow(2, 0, 12).fill_(1.0);
    save_image(path("protect.png"), protect);
    const RunResult result = run({path("photo.png"), "--style", path("wave.png"), "--only-color", "-o", path("out.png"),
                                  "--protect", path("protect.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("protect.png' has 24x18 pixels and is resampled"));
    EXPECT_TRUE(image("out.png").narrow(2, 0, 20).equal(image("photo.png").narrow(2, 0, 20)));
    EXPECT_FALSE(image("out.png").narrow(2, 28, 20).equal(image("photo.png").narrow(2, 28, 20)));
}

TEST_F(StylePictures, OnlyColorStopsBetweenPictures) {
    save_image(path("large.png"), resize(image("photo.png"), Size{600, 801}).clamp(0.0, 1.0));
    std::filesystem::create_directory(path("in"));
    for (int i = 0; i < 60; ++i) {
        std::filesystem::create_symlink(path("large.png"), path("in/" + std::to_string(i) + ".png"));
    }
    RunningProgram program(
        command({path("in"), "--style", path("wave.png"), "--only-color", "-o", path("out"), "--verbose"}), run_);
    ASSERT_TRUE(program.wait_for_error("wrote '"));
    program.signal(SIGINT);
    const RunResult result = program.wait();
    EXPECT_EQ(result.exit_code, 130) << result.error;
    EXPECT_LT(names("out").size(), 60U);
}

TEST_F(StylePictures, FoldersAreOneStyle) {
    std::filesystem::create_directory(path("paintings"));
    std::filesystem::copy(path("wave.png"), path("paintings/wave.png"));
    std::filesystem::copy(path("night.png"), path("paintings/night.png"));
    styled({path("photo.png"), "--style", path("paintings") + "/", "-o", path("out.png")});
    const nlohmann::json settings = nlohmann::json::parse(read_picture(path("out.png")).text.at("reverie"));
    EXPECT_EQ(settings["style"], "paintings");
    for (const char* name : {"wave", "night"}) {
        styled(
            {path("photo.png"), "--style", path(std::string(name) + ".png"), "-o", path("alone.png"), "--overwrite"});
        EXPECT_FALSE(image("out.png").equal(image("alone.png"))) << "the folder is only " << name;
    }
}

TEST_F(StylePictures, EveryContentGetsEveryStyle) {
    std::filesystem::create_directories(path("in/sub"));
    std::filesystem::copy(path("photo.png"), path("in/a.png"));
    std::filesystem::copy(path("photo.png"), path("in/sub/b.png"));
    write_file(path("in/sub/bad.png"), std::string_view("no picture"));
    write_file(path("broken.png"), std::string_view("no picture either"));
    const std::vector<std::string> words = {path("in"),         "--recursive",     "--style",      path("wave.png"),
                                            path("broken.png"), path("night.png"), "--each-style", "-o",
                                            path("out"),        "--json",          "--jobs",       "1"};
    const RunResult result = quick_style(words);
    EXPECT_EQ(result.exit_code, 3) << result.error;
    EXPECT_THAT(names("out/wave"), ElementsAre("a.png", "sub"));
    EXPECT_THAT(names("out/night/sub"), ElementsAre("b.png"));
    EXPECT_THAT(result.error, HasSubstr("5 of 9 pictures failed"));
    std::vector<std::string> said;
    for (const nlohmann::json& line : json_lines(result.output)) {
        said.push_back(line["style"].get<std::string>() + (line.contains("error") ? " failed" : ""));
    }
    EXPECT_THAT(said,
                ElementsAre(path("wave.png") + " failed", path("broken.png") + " failed", path("night.png") + " failed",
                            path("wave.png"), path("wave.png"), path("broken.png") + " failed",
                            path("broken.png") + " failed", path("night.png"), path("night.png")));

    // Each is what it would be alone.
    styled({path("in/a.png"), "--style", path("night.png"), "-o", path("alone.png")});
    EXPECT_EQ(bytes("alone.png"), bytes("out/night/a.png"));
}

TEST_F(StylePictures, ShardsMakeTheWholeAndWhatExistsIsSkipped) {
    std::filesystem::create_directory(path("in"));
    for (const char* name : {"a.png", "b.png", "c.png"}) {
        std::filesystem::copy(path("photo.png"), path(std::string("in/") + name));
    }
    const auto shard = [&](const std::string& share) {
        return styled({path("in"), "--style", path("wave.png"), path("night.png"), "--each-style", "-o", path("out"),
                       "--shard", share, "--skip-existing", "--jobs", "1"});
    };
    EXPECT_EQ(shard("1/4"), path("out/wave/a.png") + "\n" + path("out/night/b.png") + "\n");
    EXPECT_EQ(shard("2/4"), path("out/wave/b.png") + "\n" + path("out/night/c.png") + "\n");
    EXPECT_EQ(shard("1/4"), "");
    EXPECT_EQ(shard("1/1"), path("out/wave/c.png") + "\n" + path("out/night/a.png") + "\n");
}

TEST_F(StylePictures, OnlyColorNeedsNoNetAndKeepsSizeDepthAndWhatIsTransparent) {
    run_.environment["REVERIE_MODELS"] = path("models");  // no net there
    std::filesystem::create_directory(path("models"));
    std::filesystem::copy(models() / "catalogue.json", path("models/catalogue.json"));
    Picture deep = read_picture(path("photo.png"));
    deep.bits = 16;
    deep.alpha = at::ones({1, 36, 48});
    deep.alpha.narrow(2, 0, 10).zero_();
    write_picture(path("deep.png"), deep);
    const RunResult result =
        run({path("deep.png"), "--style", path("wave.png"), "--only-color", "-o", path("out.png")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    const Picture before = read_picture(path("deep.png"));
    const Picture after = read_picture(path("out.png"));
    EXPECT_EQ(after.bits, 16);
    EXPECT_TRUE(after.color.narrow(2, 0, 10).equal(before.color.narrow(2, 0, 10)));
    EXPECT_LT(after.color.narrow(2, 10, 38).mean().item<float>(), before.color.narrow(2, 10, 38).mean().item<float>())
        << "the style is darker";

    EXPECT_EQ(run({path("photo.png"), "--style", path("wave.png"), path("night.png"), "--only-color", "--each-style",
                   "-o", path("out")})
                  .exit_code,
              0);
    EXPECT_TRUE(exists("out/wave/photo.png"));
    EXPECT_TRUE(exists("out/night/photo.png"));
}

TEST_F(StylePictures, PreviewsAndTracesFollowTheSteps) {
    styled({path("photo.png"), "--style", path("wave.png"), "-o", path("out.png"), "--preview-every", "1", "--trace",
            path("trace.jsonl")});
    EXPECT_EQ(read_picture_size(path("out.preview.png")), (Size{36, 48}));
    const auto lines = json_lines(bytes("trace.jsonl"));
    ASSERT_EQ(lines.size(), 4U) << "two scales of two steps";
    EXPECT_EQ(lines[0]["output"], path("out.png"));
    EXPECT_EQ(lines[0]["scale"], 0);
    EXPECT_EQ(lines[3]["scale"], 1);
    EXPECT_EQ(lines[3]["step"], 1);
    EXPECT_EQ(lines[3]["width"], 48);
    EXPECT_LT(lines[3]["total"].get<double>(), lines[2]["total"].get<double>());
}

TEST_F(StylePictures, HelpIsGroupedAndFitsItsWidth) {
    run_.environment = {};
    const RunResult help = run({"--help"});
    EXPECT_EQ(help.exit_code, 0) << help.error;
    for (const char* flag : {"--style ",
                             "--style-coarse",
                             "--style-fine",
                             "--style-scale",
                             "--each-style",
                             "--preset",
                             "--statistic",
                             "--style-layers",
                             "--content-layers",
                             "--content-weight",
                             "--style-weight",
                             "--palette",
                             "--tv",
                             "--strength",
                             "--min-size",
                             "--steps",
                             "--patience",
                             "--optimizer",
                             "--step-size",
                             "--average",
                             "--pooling",
                             "--init",
                             "--color",
                             "--only-color",
                             "--mask",
                             "--protect",
                             "--preview-every",
                             "--trace",
                             "--checkpoint",
                             "--checkpoint-every",
                             "--resume",
                             "--shard",
                             "--skip-existing",
                             "--jobs",
                             "--size"}) {
        EXPECT_THAT(help.output, HasSubstr(flag));
    }
    std::istringstream lines(help.output);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 80U) << line;
    }
}

}  // namespace
}  // namespace reverie::test
