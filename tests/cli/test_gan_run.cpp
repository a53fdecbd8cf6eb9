// What a trained generator is used for, each command once.
#include <cmath>
#include <iterator>

#include "cli/gan_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(GanRuns, TheProgramListsItsCommands) {
    const RunResult help = run({"--help"});
    EXPECT_EQ(help.exit_code, 0);
    for (const char* name : {"train", "sample", "interpolate", "evaluate", "nearest", "augment", "film", "info"}) {
        EXPECT_THAT(help.output, HasSubstr(std::string("\n  ") + name));
        EXPECT_THAT(done({name, "--help"}), HasSubstr("gan " + std::string(name)));
    }
    EXPECT_THAT(run({"--version"}).output, StartsWith("gan "));
    expect_fault(run({"smaple"}), 2, "did you mean 'sample'");
}

TEST_F(GanRuns, SamplesDependOnTheirSeedAlone) {
    EXPECT_EQ(done(of_run("sample", {"-o", path("grid.png"), "--seeds", "1-6", "--columns", "3"})),
              path("grid.png") + "\n");
    EXPECT_EQ(size_of(image("grid.png")), grid_size(2, 3));
    done(of_run("sample", {"-o", path("many/"), "--count", "40"}));
    done(of_run("sample", {"-o", path("few/"), "--seeds", "37,5"}));
    EXPECT_THAT(names("few"), ElementsAre("seed37.png", "seed5.png"));
    EXPECT_TRUE(bytes("few/seed37.png") == bytes("many/seed37.png"));
    EXPECT_FALSE(at::equal(image("few/seed5.png"), image("few/seed37.png")));
    // Beside the others in the grid: row 1, column 1.
    const Tensor cell = image("grid.png").narrow(1, 2 + 26, 24).narrow(2, 2 + 22, 20);
    EXPECT_TRUE(at::equal(cell, image("many/seed5.png")));
    done(of_run("sample", {"-o", path("one.png"), "--seeds", "5"}));
    EXPECT_TRUE(at::equal(image("one.png"), image("few/seed5.png"))) << "one image is no grid";
    expect_fault(run(of_run("sample", {"-o", path("many/")})), 6, "--overwrite");
    expect_fault(run(of_run("sample", {"-o", path("film.mp4")})), 2, "makes a still picture");
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--count", "3", "--seeds", "4"})), 2, "leave one out");
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--truncation=-1"})), 2, "--truncation");
}

TEST_F(GanRuns, ClassesTruncationAndWeightsDecide) {
    const auto sample = [&](const std::string& name, std::vector<std::string> more) {
        more.insert(more.begin(), {"-o", path(name + ".png"), "--seeds", "2"});
        done(of_run("sample", more));
        return image(name + ".png");
    };
    const Tensor bar = sample("bar", {"--class", "bar"});
    EXPECT_TRUE(at::equal(sample("own", {}), bar)) << "seed 2 of 2 labels has the first";
    EXPECT_FALSE(at::equal(sample("disc", {"--class", "disc"}), bar));
    EXPECT_FALSE(at::equal(sample("last", {"--weights", "last"}), bar));
    done(of_run("sample", {"-o", path("still/"), "--seeds", "1-3", "--truncation", "0", "--class", "bar"}));
    EXPECT_TRUE(at::equal(image("still/seed1.png"), image("still/seed3.png"))) << "all in the middle";
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--class", "brd"})), 2, "did you mean 'bar'");
}

TEST_F(GanRuns, LatentsCanComeFromAFile) {
    write_file(path("z.csv"), "1,0.5,-1\n0,0,0\n");
    done(of_run("sample", {"-o", path("out/"), "--latents", path("z.csv"), "--class", "disc"}));
    done(of_run("sample", {"-o", path("middle.png"), "--seeds", "1", "--truncation", "0", "--class", "disc"}));
    EXPECT_EQ(names("out").size(), 2U);
    EXPECT_TRUE(at::equal(image("out/000001.png"), image("middle.png")));
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--latents", path("z.csv")})), 2, "--class");
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--latents", path("z.csv"), "--seeds", "1"})), 2,
                 "leave --seeds");
    write_file(path("two.csv"), "1,0.5\n");
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--latents", path("two.csv"), "--class", "bar"})), 3,
                 "two.csv");
}

TEST_F(GanRuns, WalksBeginAndEndAtTheirSeeds) {
    done(of_run("interpolate", {"-o", path("way/"), "--seeds", "2,8", "--frames", "5"}));
    EXPECT_EQ(names("way").size(), 5U);
    done(of_run("sample", {"-o", path("ends/"), "--seeds", "2,8"}));
    EXPECT_TRUE(at::equal(image("way/000000.png"), image("ends/seed2.png")));
    EXPECT_TRUE(at::equal(image("way/000004.png"), image("ends/seed8.png")));
    for (const std::string film : {"a.gif", "a.mp4", "a.webp"}) {
        EXPECT_EQ(done(of_run("interpolate", {"--seeds", "1-3", "--loop", "-o", path(film), "--frames", "6"})),
                  path(film) + "\n");
        EXPECT_GT(bytes(film).size(), 500U);
    }
    expect_fault(run(of_run("interpolate", {"--seeds", "4", "-o", path("x.gif")})), 2, "a way needs two");
}

TEST_F(GanRuns, EvaluationNamesItsProtocol) {
    const std::vector<std::string> words = of_run("evaluate", {data(), "--samples", "6", "--json"});
    const std::string first = done(words);
    const auto object = json_lines(first).back();
    EXPECT_EQ(object["images"], 6);
    EXPECT_EQ(object["samples"], 6);
    EXPECT_EQ(object["weights"], "average");
    EXPECT_GT(object["frechet"], 0.0);
    EXPECT_GT(object["diversity"], 0.0);
    for (const char* share : {"precision", "recall"}) {
        EXPECT_GE(object[share], 0.0);
        EXPECT_LE(object[share], 1.0);
    }
    for (const char* part : {"frechet", "efficientnet_lite0", "n=6/6"}) {
        EXPECT_THAT(object["frechet_protocol"], HasSubstr(part));
    }
    EXPECT_TRUE(exists("cache/reverie/features"));
    EXPECT_EQ(done(words), first) << "with the features that were kept";
    EXPECT_THAT(done(of_run("evaluate", {"--samples", "6"})), HasSubstr("Frechet distance"))
        << "against what it was trained on";
    expect_fault(run(of_run("evaluate", {data(), "--features", "none"})), 2, "--features");
    for (const char* features : {"none", "vgg16"}) {
        expect_fault(run({"evaluate", path("nowhere"), "--features", features}), 2, "vgg16_hed");
    }
    expect_fault(run(of_run("evaluate", {data(), "--samples", "3"})), 2, "--samples 3");
    expect_fault(run(of_run("evaluate", {data(), "--size", "32"})), 2, "--size '32'");
    expect_fault(run({"evaluate", path("nowhere"), data()}), 3, "nowhere");
}

TEST_F(GanRuns, AnyPicturesCanBeMeasured) {
    const auto object = json_lines(done({"evaluate", data(), data(), "--json"})).back();
    EXPECT_EQ(object["images"], 16);
    EXPECT_EQ(object["samples"], 16);
    EXPECT_EQ(object["precision"], 1.0);
    EXPECT_EQ(object["recall"], 1.0);
    EXPECT_NEAR(object["diversity"], 1.0, 1e-9) << "the images are compared with themselves";
    done(of_run("sample", {"-o", path("samples/"), "--count", "16"}));
    const auto samples = json_lines(done({"evaluate", path("samples"), data(), "--json"})).back();
    EXPECT_LT(std::abs(object["frechet"].get<double>()), 1e-3 * samples["frechet"].get<double>());
    EXPECT_EQ(json_lines(done({"evaluate", data() + ":disc", data(), "--json"})).back()["samples"], 8);
    expect_fault(run({"evaluate", data(), data("/disc"), "--class", "disc"}), 2, "--class");
}

TEST_F(GanRuns, AFilmHasAFrameForEachPreview) {
    const std::filesystem::directory_iterator previews(std::filesystem::path(trained()) / "previews");
    const auto count = static_cast<std::size_t>(std::distance(previews, {}));
    EXPECT_GE(count, 2U);
    done(of_run("film", {"-o", path("frames/")}));
    EXPECT_EQ(names("frames").size(), count);
    done(of_run("film", {"-o", path("film.gif"), "--fps", "5"}));
    EXPECT_GT(bytes("film.gif").size(), 500U);
    std::filesystem::create_directory(path("empty"));
    expect_fault(run({"film", path("empty"), "-o", path("x.gif")}), 3, "no previews");
    expect_fault(run({"film", "-o", path("x.gif")}), 2, "no run is given");
}

TEST_F(GanRuns, NearestImagesAreShownBelowSamples) {
    done(of_run("nearest", {"-o", path("near.png"), "--seeds", "1-5", "--columns", "5"}));
    EXPECT_EQ(size_of(image("near.png")), grid_size(2, 5));
    const std::string photo = data("/disc/1.png");
    done(of_run("nearest", {photo, "-o", path("only.png"), "--seeds", "1-2"}));
    EXPECT_EQ(size_of(image("only.png")), grid_size(2, 2));
    EXPECT_TRUE(at::equal(image("only.png").narrow(1, 2 + 26, 24).narrow(2, 2 + 22, 20), load_image(photo)));
    expect_fault(run(of_run("nearest", {"-o", path("folder/")})), 2, "one picture");
    expect_fault(run(of_run("nearest", {"-o", path("x.png"), "--features", "none"})), 2, "--features");
}

TEST_F(GanRuns, AugmentationIsSeenOnASheet) {
    const std::string photo = data("/disc/1.png");
    const auto cell = [&](const std::string& name, int row) {
        return image(name).narrow(1, 2 + 26 * row, 24).narrow(2, 2, 20);
    };
    done({"augment", photo, "-o", path("sheet.png"), "--draws", "2"});
    EXPECT_EQ(size_of(image("sheet.png")), grid_size(3, 1));
    EXPECT_TRUE(at::equal(cell("sheet.png", 0), load_image(photo)));
    EXPECT_FALSE(at::equal(cell("sheet.png", 1), cell("sheet.png", 0)));
    EXPECT_FALSE(at::equal(cell("sheet.png", 2), cell("sheet.png", 1)));
    done({"augment", photo, "-o", path("never.png"), "--draws", "1", "--augment-probability", "0"});
    EXPECT_TRUE(at::equal(cell("never.png", 1), load_image(photo)));
    done({"augment", data(), "-o", path("four.png"), "--columns", "4", "--augment", "cutout"});
    EXPECT_EQ(size_of(image("four.png")), grid_size(4, 4));
    done({"augment", photo, "-o", path("all.png"), "--draws", "1", "--augment", "cutout", "--cutout", "1"});
    EXPECT_FALSE(at::equal(cell("all.png", 1), load_image(photo)));
    expect_fault(run({"augment", photo, "-o", path("x.png"), "--cutout", "0"}), 2, "--cutout");
    expect_fault(run({"augment", photo, "-o", path("x.png"), "--augment", "colour"}), 2, "--augment");
    expect_fault(run({"augment", photo, "-o", path("folder/")}), 2, "one picture");
    expect_fault(run({"augment", "-o", path("x.png")}), 2, "no images are given");
}

TEST_F(GanRuns, InfoSaysWhatARunIs) {
    const std::string table = done(of_run("info", {}));
    EXPECT_THAT(table, HasSubstr("generator_parameters"));
    EXPECT_THAT(table, HasSubstr("critic-steps"));
    const auto object = json_lines(done(of_run("info", {"--json", "--weights", "last"}))).back();
    EXPECT_EQ(object["step"], 6);
    EXPECT_EQ(object["latent"], 3);
    EXPECT_EQ(object["classes"], 2);
    EXPECT_EQ(object["options"]["batch"], 4);
    EXPECT_LE(object["best_validation_frechet"], object["validation_frechet"]);
    EXPECT_GE(object["best_step"], 3);

    std::filesystem::create_directory(path("empty"));
    expect_fault(run({"info", path("empty")}), 3, "empty");
    expect_fault(run({"sample", path("nowhere"), "-o", path("x.png")}), 3, "nowhere");
    std::filesystem::copy_file(lite0().path() / "lite0.safetensors", path("empty/weights.safetensors"));
    expect_fault(run({"sample", path("empty"), "-o", path("x.png")}), 3, "weights.safetensors");
    expect_fault(run({"info", path("empty")}), 3, "weights.safetensors");
    expect_fault(run({"sample"}), 2, "name");
}

}  // namespace
}  // namespace reverie::test
