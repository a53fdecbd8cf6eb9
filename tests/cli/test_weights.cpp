// Pretrained weights as a user meets them: missing, damaged, wrong, hostile, listed, fetched.
#include "cli/dream_fixture.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

class Weights : public DreamPrograms {
  protected:
    RunResult dream_with(const std::string& network, const std::string& file) const {
        return deepdream({path("photo.jpg"), "-o", path("out.png"), "--network", network, "--weights", file});
    }
    std::string weights_bytes() const {
        const std::vector<std::byte> read = read_file(models() / kWeightsFile);
        return {reinterpret_cast<const char*>(read.data()), read.size()};
    }
};

TEST_F(Weights, DamagedFilesAreRefused) {
    expect_fault(dream_with("efficientnet_lite0", path("nowhere.pth")), 4, "nowhere.pth");
    write_file(path("cut.safetensors"), std::string_view(weights_bytes()).substr(0, 100'000));
    expect_fault(dream_with("efficientnet_lite0", path("cut.safetensors")), 4, "cut.safetensors");
    write_file(path("words.pth"), std::string_view("these are no weights"));
    expect_fault(dream_with("efficientnet_lite0", path("words.pth")), 4, "words.pth");
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(Weights, FineTunedAndPrefixedFilesDream) {
    auto weights = formula_weights(make_graph("efficientnet_lite0", "lite0"));
    weights["_fc.weight"] = at::ones({10, 1280});
    weights["_fc.bias"] = at::ones({10});
    std::map<std::string, Tensor> tuned;
    for (const auto& [name, values] : weights) {
        tuned["module." + name] = values;
    }
    write_safetensors(path("tuned.safetensors"), tuned);
    const RunResult result = deepdream({path("photo.jpg"), "-o", path("tuned.png"), "--network", "efficientnet_lite0",
                                        "--weights", path("tuned.safetensors")});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.error, HasSubstr("without their common 'module.'"));
    weights["_conv_stem.weight"] = weights["_conv_stem.weight"].clone().fill_(NAN);
    write_safetensors(path("nan.safetensors"), weights);
    expect_fault(dream_with("efficientnet_lite0", path("nan.safetensors")), 4, "holds values that are not numbers");
}

TEST_F(Weights, AnotherNetsFileIsRefusedByItsTensors) {
    expect_fault(dream_with("vgg16", models() / kWeightsFile), 4, "features.0.weight");
}

TEST_F(Weights, HostilePickleIsRefusedAndNotRun) {
    // pickle.dumps of an object whose __reduce__ is os.system("touch ..."), protocol 2.
    const std::string trace = path("executed");
    std::string pickle =
        "\x80\x02"
        "cposix\nsystem\n"
        "X";
    const std::string command = "touch " + trace;
    pickle += static_cast<char>(command.size());
    pickle += std::string(3, '\0') + command + "\x85R.";
    // The legacy container: a magic number, a version, the system's sizes, then the object.
    const std::string magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
    const std::string version("\x80\x02M\xe9\x03.", 6);
    const std::string sizes("\x80\x02}.", 4);
    write_file(path("hostile.pth"), std::string_view(magic + version + sizes + pickle));
    expect_fault(dream_with("efficientnet_lite0", path("hostile.pth")), 4, "posix");
    EXPECT_FALSE(exists("executed"));
}

TEST_F(Weights, InstalledFileWithAnotherHashIsRefused) {
    std::filesystem::create_directory(path("models"));
    std::filesystem::copy(models() / "catalogue.json", path("models/catalogue.json"));
    std::string damaged = weights_bytes();
    damaged[damaged.size() - 1000] ^= 1;
    write_file(path("models/") + kWeightsFile, std::string_view(damaged));
    run_.environment["REVERIE_MODELS"] = path("models");
    expect_fault(quick_dream({path("photo.jpg"), "-o", path("out.png"), "--network", "efficientnet_lite0"}), 4,
                 kWeightsFile);
    EXPECT_FALSE(exists("out.png"));
}

TEST_F(Weights, MissingOnesThatCannotBeFetchedAreNamed) {
    run_.environment["REVERIE_MODELS"] = path("models");
    std::filesystem::create_directory(path("models"));
    std::filesystem::copy(models() / "catalogue.json", path("models/catalogue.json"));
    expect_fault(deepdream({path("photo.jpg"), "-o", path("out.png"), "--network", "efficientnet_lite0"}), 4,
                 "tools/setup");
    const RunResult none = deepdream({path("photo.jpg"), "-o", path("out.png")});
    EXPECT_EQ(none.exit_code, 4) << none.error;
    EXPECT_THAT(none.error, HasSubstr("inception_v3"));
}

TEST_F(Weights, FileHandedInGivesTheSamePictureAsTheInstalledOne) {
    ASSERT_EQ(quick_dream({path("photo.jpg"), "-o", path("a.png")}).exit_code, 0);
    const RunResult result = quick_dream({path("photo.jpg"), "-o", path("b.png"), "--network", "efficientnet_lite0",
                                          "--weights", models() / kWeightsFile});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_TRUE(load_image(path("a.png")).equal(load_image(path("b.png"))));
}

TEST_F(Weights, ListedWithTheirStateAndLicence) {
    const RunResult table = deepdream({"--list-networks"});
    EXPECT_EQ(table.exit_code, 0) << table.error;
    EXPECT_THAT(table.output, HasSubstr("installed: " + (models() / kWeightsFile).string()));
    EXPECT_THAT(table.output, HasSubstr("vgg16_hed"));
    EXPECT_THAT(table.output, HasSubstr("licence: "));

    std::map<std::string, bool> installed;
    for (const nlohmann::json& line : json_lines(deepdream({"--list-networks", "--json"}).output)) {
        installed[line["network"]] = line["installed"];
        EXPECT_NE(line["licence"], "");
    }
    EXPECT_TRUE(installed.at("efficientnet_lite0"));
    EXPECT_FALSE(installed.at("vgg19"));
}

TEST_F(Weights, FetchSaysWhereTheyLieAndNeedsNoInput) {
    const RunResult there = deepdream({"--fetch", "--network", "efficientnet_lite0"});
    EXPECT_EQ(there.exit_code, 0) << there.error;
    EXPECT_EQ(there.output, (models() / kWeightsFile).string() + "\n");
}

TEST_F(Weights, DryFetchFetchesNothing) {
    const RunResult result = deepdream({"--fetch", "--network", "vgg19", "--dry-run"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("not installed"));
}

TEST_F(Weights, LayersAreListedWithoutWeights) {
    const RunResult table = deepdream({"--list-layers", "--network", "vgg19"});
    EXPECT_EQ(table.exit_code, 0) << table.error;
    EXPECT_THAT(table.output, HasSubstr("relu4_2"));
    for (const nlohmann::json& line : json_lines(deepdream({"--list-layers", "--json"}).output)) {
        EXPECT_GT(line["channels"], 0);
        EXPECT_EQ(line["stride"] == 0, line["field"] == 0) << line;
    }
}

}  // namespace
}  // namespace reverie::test
