// styletransfer --model: pictures painted in one pass of a net.
#include <csignal>

#include "cli/film_fixture.h"
#include "cli/style_fixture.h"
#include "support/style_weights.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

class StyleModel : public StylePrograms {
  protected:
    StyleModel() {
        StyleNetOptions options = half_style_net();
        options.channels = {8, 8, 16};
        options.blocks = 1;
        write_safetensors(path("net.safetensors"), style_weights(options).arrays, to_metadata(options));
    }

    RunResult with(const std::string& model, std::vector<std::string> words = {}) const {
        words.insert(words.begin(), {path("photo.png"), "--model", path(model), "-o", path("out.png"), "--overwrite"});
        return run(words);
    }
    Tensor painted(const std::string& model, const std::vector<std::string>& words = {}) const {
        const RunResult result = with(model, words);
        EXPECT_EQ(result.exit_code, 0) << result.error;
        return image("out.png");
    }
};

TEST_F(StyleModel, PaintsPhotosAtTheirOwnSize) {
    const Tensor photo = image("photo.png");
    const Tensor wave = painted("net.safetensors:wave");
    EXPECT_EQ(size_of(wave), size_of(photo));
    EXPECT_GT((wave - photo).abs().max().item<double>(), 0.1);
    EXPECT_TRUE(at::equal(painted("net.safetensors:wave=3"), wave));
    EXPECT_FALSE(at::equal(painted("net.safetensors:wave=3:udnie"), wave));
    EXPECT_TRUE(at::equal(painted("net.safetensors:wave", {"--threads", "1"}), wave));
    EXPECT_TRUE(at::equal(painted("net.safetensors:wave", {"--strength", "0"}), photo));
    EXPECT_EQ(size_of(painted("net.safetensors:wave", {"--size", "21"})), (Size{16, 21}));
    const Tensor kept = painted("net.safetensors:wave", {"--color", "luma"});
    EXPECT_FALSE(at::equal(kept, wave));
    EXPECT_LT((painted("net.safetensors:wave", {"--engine", "libtorch"}) - wave).abs().max().item<double>(), 2.0 / 255);
}

TEST_F(StyleModel, NamesTheFirstStyleWhereNoneIsSaid) {
    const RunResult result = with("net.safetensors");
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("'starry', the first of the net's styles"));
    EXPECT_TRUE(at::equal(image("out.png"), painted("net.safetensors:starry")));
}

TEST_F(StyleModel, ThePictureTellsHowItWasMade) {
    const Tensor first = painted("net.safetensors:wave=2:udnie", {"--strength", "0.7", "--color", "content"});
    std::filesystem::rename(path("out.png"), path("first.png"));
    // From where the net lies: pictures know files by their names alone.
    const std::vector<std::string> again = {path("photo.png"), "-o", path("again.png"), "--from", path("first.png")};
    const auto here = std::filesystem::current_path();
    std::filesystem::current_path(path(""));
    const RunResult result = run(again);
    std::filesystem::current_path(here);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_TRUE(at::equal(image("again.png"), first));
}

TEST_F(StyleModel, KeepsAlphaSixteenBitsAndWhatIsProtected) {
    Picture picture;
    picture.color = formula_image(31, 45, "deep").squeeze(0);
    picture.alpha = at::ones({1, 31, 45});
    picture.alpha.narrow(2, 0, 20).zero_();
    picture.bits = 16;
    write_picture(path("photo.png"), picture);
    Tensor mask = at::zeros({3, 31, 45});
    mask.narrow(1, 0, 9).fill_(1.0);
    save_image(path("white.png"), mask);
    painted("net.safetensors:wave", {"--protect", path("white.png")});
    const Picture before = read_picture(path("photo.png"));
    const Picture after = read_picture(path("out.png"));
    EXPECT_EQ(after.bits, 16);
    EXPECT_TRUE(at::equal(after.alpha, before.alpha));
    EXPECT_TRUE(at::equal(after.color.narrow(1, 0, 9), before.color.narrow(1, 0, 9)));
    EXPECT_GT((after.color - before.color).abs().max().item<double>(), 0.05);
    const Tensor masked = painted("net.safetensors:wave", {"--mask", path("white.png")});
    EXPECT_FALSE(at::equal(masked.narrow(1, 0, 9).narrow(2, 20, 25), before.color.narrow(1, 0, 9).narrow(2, 20, 25)));
    EXPECT_TRUE(at::equal(masked.narrow(1, 9, 22), before.color.narrow(1, 9, 22)));
}

TEST_F(StyleModel, PaintsFoldersAndSaysWhatItWillDo) {
    std::filesystem::create_directory(path("in"));
    for (const char* name : {"in/a.png", "in/b.png", "in/c.png"}) {
        save_image(path(name), formula_image(20, 33, name).squeeze(0));
    }
    const std::vector<std::string> words = {path("in"), "--model",   path("net.safetensors:wave"),
                                            "-o",       path("out"), "--json"};
    std::vector<std::string> dry = words;
    dry.emplace_back("--dry-run");
    const RunResult planned = run(dry);
    EXPECT_EQ(planned.exit_code, 0) << planned.error;
    EXPECT_THAT(planned.output, HasSubstr("memory"));
    EXPECT_FALSE(exists("out/a.png"));
    const RunResult result = run(words);
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("\"model\":\"net.safetensors:wave\""));
    EXPECT_EQ(names("out"), (std::vector<std::string>{"a.png", "b.png", "c.png"}));
}

TEST_F(StyleModel, TakesRunFoldersAndPyTorchsFiles) {
    std::filesystem::create_directory(path("run"));
    std::filesystem::copy_file(path("net.safetensors"), path("run/weights_ema.safetensors"));
    EXPECT_TRUE(at::equal(painted("run:wave"), painted("net.safetensors:wave")));
    std::filesystem::copy_file(REVERIE_SOURCE "/tests/parity/references/style_net.pth", path("mosaic.pth"));
    EXPECT_TRUE(at::equal(painted("mosaic.pth"), painted("mosaic.pth:mosaic")));
}

TEST_F(StyleModel, RefinesTowardsAStyle) {
    const std::vector<std::string> quick = {"--style", path("wave.png"),   "--style-layers", "relu1_1",
                                            "relu2_1", "--content-layers", "relu2_2",        "--refine"};
    const auto refined = [&](const char* steps) {
        std::vector<std::string> words = quick;
        words.emplace_back(steps);
        return painted("net.safetensors:wave", words);
    };
    const Tensor plain = painted("net.safetensors:wave");
    const double one = (refined("1") - plain).abs().mean().item<double>();
    EXPECT_GT(one, 0.0);
    EXPECT_LT(one, (refined("6") - plain).abs().mean().item<double>()) << "from there, step by step";
    expect_fault(with("net.safetensors:wave", {"--refine", "2"}), 2, "no style is given");
    // It has the second net that optimising has, or says that there is none to speak of.
    expect_fault(with("net.safetensors:wave", {"--style", path("wave.png"), "--refine", "2", "--content-network",
                                               "none", "--content-network-share", "0.5"}),
                 2, "--content-network-share speaks of a second net");
    expect_fault(with("net.safetensors:wave", {"--style", path("wave.png"), "--refine", "2", "--steps", "5"}), 2,
                 "--steps means nothing with --refine");
    expect_fault(run({path("photo.png"), "-o", path("x.png"), "--style", path("wave.png"), "--refine", "2"}), 2,
                 "--model");
}

TEST_F(StyleModel, PaintsFilmsFrameByFrame) {
    write_moving_film(path("clip.mp4"), 5);
    const auto words = [&](const std::string& output, const std::vector<std::string>& more = {}) {
        std::vector<std::string> all = {path("clip.mp4"), "--model", path("net.safetensors:wave"), "-o", path(output)};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    ASSERT_EQ(run(words("frames/")).exit_code, 0);
    write_second_frame(path("clip.mp4"), path("photo.png"));
    const Tensor difference = painted("net.safetensors:wave") - image("frames/000001.png");
    EXPECT_LT(difference.abs().max().item<float>(), 1.5F / 255);

    ASSERT_EQ(run(words("whole.mp4")).exit_code, 0);
    EXPECT_EQ(moments_of(path("whole.mp4")), moments_of(path("clip.mp4")));
    expect_fault(run(words("other.mp4", {"--carry", "0.5"})), 2, "--carry means nothing with --model");
    expect_fault(run(words("other.mp4", {"--refine", "2"})), 2, "--style");
}

TEST_F(StyleModel, RefusesWhatMeansNothing) {
    const std::vector<std::vector<std::string>> meaningless = {{"--style", path("wave.png")},
                                                               {"--steps", "5"},
                                                               {"--content-weight", "1"},
                                                               {"--init", "noise"},
                                                               {"--style-scale", "1"},
                                                               {"--preset", "gatys"},
                                                               {"--checkpoint", path("c")},
                                                               {"--trace", path("t")},
                                                               {"--each-style"},
                                                               {"--only-color"},
                                                               {"--network", "vgg16"}};
    for (const std::vector<std::string>& flag : meaningless) {
        expect_fault(with("net.safetensors", flag), 2, flag[0] + " means nothing with --model");
    }
    expect_fault(with("net.safetensors", {"--color", "match"}), 2, "--color match");
    expect_fault(with("net.safetensors:nobody"), 2, "no style 'nobody'; it has starry, wave and udnie");
    expect_fault(with("net.safetensors:wave=0"), 2, "not above 0");
    expect_fault(with("net.safetensors:"), 2, "a style without a name");
    expect_fault(with("net.safetensors:wave:udnie", {"--mask", path("wave.png")}), 2, "--mask is given 1 time");
    expect_fault(with("nowhere.safetensors:wave"), 3, "does not exist");
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(StyleModel, RefusesDamagedNetsAndSmallPhotos) {
    write_file(path("text"), std::string_view("no net at all"));
    expect_fault(with("text"), 4, "text");
    const std::string whole = bytes("net.safetensors");
    write_file(path("cut"), std::string_view(whole).substr(0, whole.size() / 2));
    expect_fault(with("cut"), 4, "cut");
    write_safetensors(path("other"), {{"fc.weight", at::ones({3, 4})}});
    expect_fault(with("other"), 4, "holds no style net");
    save_image(path("photo.png"), formula_image(7, 30, "low").squeeze(0));
    expect_fault(with("net.safetensors"), 3, "too small to be painted");
    save_image(path("photo.png"), formula_image(36, 48, "photo").squeeze(0));
    expect_fault(with("net.safetensors", {"--max-memory", "1M"}), 5, "--max-memory");
}

}  // namespace
}  // namespace reverie::test
