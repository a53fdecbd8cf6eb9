// What a trained VAE is used for, each command once.
#include <cmath>
#include <fstream>

#include "cli/vae_fixture.h"

namespace reverie::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(VaeRuns, TheProgramListsItsCommands) {
    const RunResult help = run({"--help"});
    EXPECT_EQ(help.exit_code, 0);
    for (const char* name : {"train", "sample", "reconstruct", "encode", "decode", "interpolate", "walk", "manifold",
                             "edit", "evaluate", "film", "info"}) {
        EXPECT_THAT(help.output, HasSubstr(std::string("\n  ") + name));
    }
    EXPECT_THAT(run({"--version"}).output, StartsWith("vae "));
    expect_fault(run({"smaple"}), 2, "did you mean 'sample'");
    expect_fault(run({}), 2, "no command is given");
    expect_fault(run({"--quiet", "sample"}), 2, "stands before a command");
    expect_fault(run({"sample", trained(), "--sedes", "1"}), 2, "did you mean '--seeds'");
}

TEST_F(VaeRuns, SamplesDependOnTheirSeedAlone) {
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
    expect_fault(run(of_run("sample", {"-o", path("many/")})), 6, "--overwrite");
    expect_fault(run(of_run("sample", {"-o", path("film.mp4")})), 2, "makes a still picture");
}

TEST_F(VaeRuns, ClassesAndMixturesAreSampledFrom) {
    done(of_run("sample", {"-o", path("bar/"), "--seeds", "2", "--class", "bar"}));
    done(of_run("sample", {"-o", path("disc/"), "--seeds", "2", "--class", "disc"}));
    EXPECT_FALSE(at::equal(image("bar/seed2.png"), image("disc/seed2.png")));
    expect_fault(run(of_run("sample", {"-o", path("x.png"), "--class", "brd"})), 2, "did you mean 'bar'");

    const RunResult fitted =
        run(of_run("sample", {"-o", path("a.png"), "--sampler", "mixture", "--components", "2", "--count", "4"}));
    ASSERT_EQ(fitted.exit_code, 0) << fitted.error;
    EXPECT_THAT(fitted.error, HasSubstr("fits 2 Gaussians"));
    const RunResult kept =
        run(of_run("sample", {"-o", path("b.png"), "--sampler", "mixture", "--components", "2", "--count", "4"}));
    EXPECT_THAT(kept.error, testing::Not(HasSubstr("fits"))) << "it is kept";
    EXPECT_TRUE(at::equal(image("a.png"), image("b.png")));
}

TEST_F(VaeRuns, AMixtureThatCannotBeKeptIsUsedAllTheSame) {
    const auto sampled = [&](const std::string& name) {
        return run(of_run("sample", {"-o", path(name), "--components", "3", "--count", "4"}));
    };
    // Root may write anywhere, but nobody renames a file over a folder.
    const std::filesystem::path place = std::filesystem::path(trained()) / "mixture-3.safetensors";
    std::filesystem::create_directories(place / "in the way");
    const RunResult unkept = sampled("a.png");
    EXPECT_EQ(unkept.exit_code, 0) << unkept.error;
    EXPECT_THAT(unkept.error, HasSubstr("could not be kept"));
    std::filesystem::remove_all(place);
    const RunResult kept = sampled("b.png");
    EXPECT_EQ(kept.exit_code, 0) << kept.error;
    EXPECT_THAT(kept.error, testing::Not(HasSubstr("could not be kept")));
    EXPECT_TRUE(at::equal(image("a.png"), image("b.png")));
}

TEST_F(VaeRuns, DecodingWhatWasEncodedIsReconstructing) {
    done(of_run("reconstruct", {data(":disc"), "-o", path("rec/")}));
    EXPECT_EQ(names("rec/disc").size(), 8U);
    for (const std::string kind : {"npy", "csv"}) {
        done(of_run("encode", {data(":disc"), "-o", path("z." + kind)}));
        done(of_run("decode", {path("z." + kind), "-o", path(kind + "/"), "--class", "disc"}));
        for (int i = 0; i < 8; ++i) {
            EXPECT_TRUE(at::equal(image(kind + "/00000" + std::to_string(i) + ".png"),
                                  image("rec/disc/" + std::to_string(i) + ".png")))
                << kind << " " << i;
        }
    }
    EXPECT_THAT(bytes("z.csv"), HasSubstr("disc/3.png"));
    done(of_run("reconstruct", {data(":disc"), "-o", path("rows.png"), "--columns", "8"}));
    EXPECT_EQ(size_of(image("rows.png")), grid_size(2, 8));
    expect_fault(run(of_run("encode", {data(), "-o", path("z.txt")})), 2, ".npy or .csv");
    expect_fault(run(of_run("encode", {data(":dsic"), "-o", path("y.csv")})), 3, "did you mean 'disc'");
    write_file(path("bad.csv"), "1,2\n3,4\n");
    expect_fault(run(of_run("decode", {path("bad.csv"), "-o", path("x.png"), "--class", "bar"})), 3, "bad.csv");
}

TEST_F(VaeRuns, MorphsBeginAndEndAtTheirImages) {
    const std::vector<std::string> two = {data("/disc/1.png"), data("/disc/6.png"), "--class", "disc"};
    std::vector<std::string> words = two;
    words.insert(words.end(), {"-o", path("way/"), "--frames", "5"});
    done(of_run("interpolate", words));
    EXPECT_EQ(names("way").size(), 5U);
    words = two;
    words.insert(words.end(), {"-o", path("ends/")});
    done(of_run("reconstruct", words));
    EXPECT_TRUE(at::equal(image("way/000000.png"), image("ends/1.png")));
    EXPECT_TRUE(at::equal(image("way/000004.png"), image("ends/6.png")));

    for (const std::string film : {"a.gif", "a.mp4", "a.webp"}) {
        EXPECT_EQ(done(of_run("interpolate",
                              {"--seeds", "1-3", "--loop", "--blend", "spherical", "-o", path(film), "--frames", "6"})),
                  path(film) + "\n");
        EXPECT_GT(bytes(film).size(), 500U);
    }
    expect_fault(run(of_run("interpolate", {"--seeds", "4", "-o", path("x.gif")})), 2, "a way needs two");
    expect_fault(run(of_run("interpolate", {data(), "--seeds", "4", "-o", path("x.gif")})), 2, "leave one out");
}

TEST_F(VaeRuns, WalksAndPlanesAreSheets) {
    done(of_run("walk", {"--axis", "2", "-o", path("strip.png"), "--frames", "5", "--range", "2", "--scale", "2"}));
    EXPECT_EQ(size_of(image("strip.png")), (Size{48 + 4, 5 * 42 + 2}));
    expect_fault(run(of_run("walk", {"--axis", "3", "-o", path("x.png")})), 2, "dimensions 0 to 2");
    expect_fault(run(of_run("walk", {"-o", path("x.png")})), 2, "--axis N or --direction");
    done(of_run("manifold", {"-o", path("plane.png"), "--rows", "2", "--columns", "3", "--class", "bar"}));
    EXPECT_EQ(size_of(image("plane.png")), grid_size(2, 3));
}

TEST_F(VaeRuns, AttributesAreLearntKeptAndApplied) {
    const RunResult learnt =
        run(of_run("edit", {"--attribute", data(":disc"), "--without", data(":bar"), "--method", "classifier",
                            "--save-direction", path("disc.safetensors"), "--json"}));
    ASSERT_EQ(learnt.exit_code, 0) << learnt.error;
    const auto object = json_lines(learnt.output).back();
    EXPECT_EQ(object["direction"], "disc");
    EXPECT_GE(object["accuracy"], 0.0);
    EXPECT_GT(object["length"], 0.0);

    const std::string photo = data("/bar/2.png");
    done(of_run("edit", {photo, "--class", "bar", "--direction", path("disc.safetensors"), "-o", path("strip.png"),
                         "--strengths", "0,2,3"}));
    EXPECT_EQ(size_of(image("strip.png")), grid_size(1, 3));
    done(of_run("reconstruct", {photo, "--class", "bar", "-o", path("rec/")}));
    const auto cell = [&](int number) { return image("strip.png").narrow(1, 2, 24).narrow(2, 2 + 22 * number, 20); };
    EXPECT_TRUE(at::equal(cell(0), image("rec/2.png"))) << "strength 0 changes nothing";
    EXPECT_FALSE(at::equal(cell(2), cell(0)));
    done(of_run("edit", {photo, "--class", "bar", "--direction", path("disc.safetensors") + "=2", "-o", path("two/")}));
    EXPECT_TRUE(at::equal(image("two/2.png"), cell(2))) << "a file's own strength is the same as --strength";
    done(of_run("edit", {"--seeds", "1-2", "--attribute", data(":disc"), "--without", data(":bar"), "-o", path("a.gif"),
                         "--strengths", "0,1,4", "--back"}));
    EXPECT_GT(bytes("a.gif").size(), 500U);

    expect_fault(run(of_run("edit", {photo, "-o", path("x.png")})), 2, "no edit is given");
    expect_fault(run(of_run("edit", {photo, "--attribute", data(":disc"), "-o", path("x.png")})), 2, "--without");
    expect_fault(run(of_run("edit", {photo, "--direction", data("/bar/2.png"), "-o", path("x.png")})), 3, "2.png");
}

TEST_F(VaeRuns, SwapsKeepWhatLiesOutsideTheMask) {
    const std::string a = data("/disc/1.png");
    const std::string b = data("/bar/2.png");
    done(of_run("edit", {"--swap", a, b, "-o", path("poisson.png")}));
    const Tensor swapped = image("poisson.png");
    EXPECT_EQ(size_of(swapped), (Size{24, 20}));
    EXPECT_TRUE(at::equal(swapped.narrow(1, 0, 1).narrow(2, 0, 2), load_image(b).narrow(1, 0, 1).narrow(2, 0, 2)));
    EXPECT_FALSE(at::equal(swapped, load_image(b)));
    save_image(path("mask.png"), at::cat({at::zeros({3, 12, 20}), at::ones({3, 12, 20})}, 1));
    done(of_run("edit", {"--swap", a, b, "-o", path("band.png"), "--mask", path("mask.png"), "--blend", "multi-band",
                         "--latents", "0-1", "--class", "bar"}));
    EXPECT_TRUE(at::equal(image("band.png").narrow(1, 0, 8), load_image(b).narrow(1, 0, 8)));
    expect_fault(run(of_run("edit", {"--swap", a, b, "-o", path("x.png"), "--latents", "1-3"})), 2, "from 0 to 2");
    expect_fault(run(of_run("edit", {"--swap", a, "-o", path("x.png")})), 2, "takes two images");
}

TEST_F(VaeRuns, EvaluationSaysNatsAndDistances) {
    const RunResult result = run(of_run("evaluate", {data(), "--images", "6", "--samples", "20", "--json"}));
    ASSERT_EQ(result.exit_code, 0) << result.error;
    const auto object = json_lines(result.output).back();
    EXPECT_EQ(object["images"], 6);
    const double elbo = object["elbo"];
    const double sum = object["reconstruction"].get<double>() + object["kl"].get<double>();
    EXPECT_NEAR(elbo, -sum, 1e-9 * std::abs(sum));
    EXPECT_NEAR(object["bits_per_dim"], 8.0 - elbo / (20 * 24 * 3 * std::log(2.0)), 1e-9);
    double kl = 0.0;
    for (const double dimension : object["kl_per_dimension"]) {
        kl += dimension;
    }
    EXPECT_EQ(object["kl_per_dimension"].size(), 3U);
    EXPECT_NEAR(kl, object["kl"], 1e-4 * kl) << "the one is summed in float32";
    EXPECT_TRUE(std::isfinite(object["nll"].get<double>()));
    EXPECT_GT(object["nll_standard_error"], 0.0);
    EXPECT_GT(object["sample_frechet"], 0.0);
    EXPECT_THAT(object["sample_frechet_protocol"], HasSubstr("efficientnet_lite0"));
    const RunResult table =
        run(of_run("evaluate", {data(), "--images", "2", "--samples", "0", "--features", "none", "--quiet"}));
    EXPECT_THAT(table.output, HasSubstr("bits per dimension"));
    expect_fault(run(of_run("evaluate", {data(), "--features", "vgg16"})), 2, "vgg16");
}

TEST_F(VaeRuns, InfoSaysWhatARunIs) {
    const std::string table = done(of_run("info", {}));
    EXPECT_THAT(table, HasSubstr("parameters"));
    EXPECT_THAT(table, HasSubstr("kl-warmup"));
    const auto object = json_lines(done(of_run("info", {"--json", "--weights", "last"}))).back();
    EXPECT_EQ(object["step"], 6);
    EXPECT_EQ(object["latent"], 3);
    EXPECT_EQ(object["classes"], 2);
    EXPECT_EQ(object["options"]["batch"], 4);

    std::filesystem::create_directory(path("empty"));
    expect_fault(run({"info", path("empty")}), 3, "empty");
    expect_fault(run({"sample", path("nowhere"), "-o", path("x.png")}), 3, "nowhere");
    std::filesystem::copy_file(lite0().path() / "lite0.safetensors", path("empty/weights.safetensors"));
    expect_fault(run({"sample", path("empty"), "-o", path("x.png")}), 3, "weights.safetensors");
    expect_fault(run({"sample"}), 2, "name");
}

}  // namespace
}  // namespace reverie::test
