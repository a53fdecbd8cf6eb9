// The store on a made-up catalogue, made-up folders and a loopback server.
#include "reverie/weights/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "reverie/core/files.h"
#include "reverie/weights/sha256.h"
#include "support/expect_error.h"
#include "support/http_server.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using nlohmann::json;
using test::expect_error;
using test::HttpServer;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

/// A safetensors file without arrays: the header's length in eight bytes, then the header.
std::string safetensors(const json& metadata) {
    const std::string header = json{{"__metadata__", metadata}}.dump();
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size());
    return file + header;
}

class Store : public testing::Test {
  protected:
    Store() {
        const json networks = json::array({
            {{"name", "fetched"},
             {"architecture", "vgg19"},
             {"preprocessing", "torchvision"},
             {"file", "fetched.pth"},
             {"url", server_.url()},
             {"sha256", sha256_of(content_).substr(0, 8)},
             {"bytes", content_.size()},
             {"licence", "MIT"}},
            {{"name", "packaged"},
             {"architecture", "inception_v3"},
             {"preprocessing", "caffe"},
             {"file", "packaged.safetensors"},
             {"package", "a package"},
             {"obtain", "run tools/setup"},
             {"sha256", sha256_of(packaged_)},
             {"licence", "MIT"}},
            {{"name", "converted"},
             {"architecture", "vgg16"},
             {"preprocessing", "caffe"},
             {"file", "converted.safetensors"},
             {"package", "elsewhere"},
             {"obtain", "convert it"},
             {"licence", "MIT"}},
        });
        write_file(folder_ / "catalogue.json", json{{"networks", networks}}.dump());
    }

    WeightStore store() const {
        return WeightStore({.catalogue = folder_ / "catalogue.json",
                            .folders = {folder_ / "first", folder_ / "second"},
                            .torch_hub = folder_ / "hub",
                            .download_folder = folder_ / "fetched"});
    }

    /// Writes without changing what a stamp looks at, when the size stays the same.
    static void rewrite_unnoticed(const std::filesystem::path& file, const std::string& text) {
        const auto time = std::filesystem::last_write_time(file);
        write_file(file, text);
        std::filesystem::last_write_time(file, time);
    }

    static void touch(const std::filesystem::path& file) {
        std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) + std::chrono::nanoseconds(1000));
    }

    const std::string content_ = "the weights of a network";
    const std::string packaged_ = "those of another";
    HttpServer server_{content_};
    const TemporaryFolder folder_;
};

TEST_F(Store, LooksIntoTheFoldersInOrderThenIntoTheHub) {
    write_file(folder_ / "hub/fetched.pth", content_);
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "hub/fetched.pth");
    write_file(folder_ / "fetched/fetched.pth", content_);
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "fetched/fetched.pth");
    write_file(folder_ / "second/fetched.pth", content_);
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "second/fetched.pth");
    write_file(folder_ / "first/fetched.pth", content_);
    const NetworkWeights weights = store().resolve("fetched");
    EXPECT_EQ(weights.file, folder_ / "first/fetched.pth");
    EXPECT_EQ(weights.network, "fetched");
    EXPECT_EQ(weights.architecture, "vgg19");
    EXPECT_EQ(weights.preprocessing, "torchvision");
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(Store, MissingFileIsFetchedOnceIntoTheDownloadFolder) {
    EXPECT_EQ(store().installed("fetched"), std::nullopt);
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "fetched/fetched.pth");
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "fetched/fetched.pth");
    EXPECT_EQ(store().installed("fetched"), folder_ / "fetched/fetched.pth");
    EXPECT_EQ(server_.requests(), 1U);
}

TEST_F(Store, SaysOnceWhereItLookedForWhatIsMissing) {
    const auto places =
        HasSubstr("looked for in '" + (folder_ / "first").string() + "', '" + (folder_ / "second").string() + "', '" +
                  (folder_ / "fetched").string() + "' and '" + (folder_ / "hub").string() + "'");
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve("packaged"); }), places);
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve_first({"fetched", "packaged"}); }), places);
}

TEST_F(Store, WrongFileInTheHubIsPassedOver) {
    write_file(folder_ / "hub/fetched.pth", std::string(content_.size(), '!'));
    write_file(folder_ / "hub/converted.safetensors", std::string("nothing proves it"));
    EXPECT_EQ(store().installed("converted"), std::nullopt);
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "fetched/fetched.pth");
}

TEST_F(Store, FileIsHashedOnceThenLookedAtBySizeAndTime) {
    const auto file = folder_ / "first/packaged.safetensors";
    write_file(file, packaged_);
    EXPECT_EQ(store().resolve("packaged").file, file);
    rewrite_unnoticed(file, std::string(packaged_.size(), '!'));
    EXPECT_EQ(store().resolve("packaged").file, file);
    touch(file);
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve("packaged"); }), HasSubstr(file.string()));
    rewrite_unnoticed(file, packaged_ + "!");
    expect_error(ErrorKind::Weights, [&] { store().resolve("packaged"); });
}

TEST_F(Store, FetchedFileIsNotHashedAgain) {
    const auto file = store().resolve("fetched").file;
    rewrite_unnoticed(file, std::string(content_.size(), '!'));
    EXPECT_EQ(store().resolve("fetched").file, file);
}

TEST_F(Store, NothingIsWrittenBesideAFileAndNoStampIsNoFault) {
    write_file(folder_ / "first/packaged.safetensors", packaged_);
    write_file(folder_ / "fetched", std::string("a file in place of the download folder"));
    EXPECT_EQ(store().resolve("packaged").file, folder_ / "first/packaged.safetensors");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "first"), {}), 1);
}

TEST_F(Store, DamagedStampIsNotBelieved) {
    const auto file = folder_ / "first/packaged.safetensors";
    write_file(file, packaged_);
    store().resolve("packaged");
    for (const auto& stamp : std::filesystem::directory_iterator(folder_ / "fetched/.stamps")) {
        write_file(stamp.path(), std::string(64, '0'));
    }
    EXPECT_EQ(store().resolve("packaged").file, file);
}

TEST_F(Store, DamagedFileSaysWhichToRemoveAndWhatThen) {
    const auto file = folder_ / "first/fetched.pth";
    write_file(file, std::string("cut"));
    EXPECT_THAT(
        expect_error(ErrorKind::Weights, [&] { store().resolve("fetched"); }),
        AllOf(HasSubstr(file.string()), HasSubstr("3 bytes"), HasSubstr("remove it"), HasSubstr("--network fetched")));
    EXPECT_EQ(server_.requests(), 0U);
    write_file(file, std::string(content_.size(), '!'));
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve("fetched"); }),
                AllOf(HasSubstr(file.string()), HasSubstr(sha256_of(content_).substr(0, 8))));
    // A good one further on is taken.
    write_file(folder_ / "second/fetched.pth", content_);
    EXPECT_EQ(store().resolve("fetched").file, folder_ / "second/fetched.pth");
}

TEST_F(Store, UnknownNetworkSuggestsTheNearest) {
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { store().resolve("fetchd"); }), HasSubstr("'fetched'"));
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { store().installed("resnet50_v1"); }),
                AllOf(HasSubstr("fetched"), HasSubstr("packaged"), HasSubstr("converted")));
}

TEST_F(Store, MissingFileWithoutAnAddressSaysHowToGetIt) {
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve("packaged"); }),
                AllOf(HasSubstr("packaged.safetensors"), HasSubstr("run tools/setup"), HasSubstr("--weights")));
}

TEST_F(Store, ListsAllNetworksInOrderWithWhatIsWrong) {
    write_file(folder_ / "second/packaged.safetensors", packaged_);
    write_file(folder_ / "first/fetched.pth", std::string("cut"));
    const std::vector<InstalledNetwork> all = store().networks();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].entry.name, "fetched");
    EXPECT_EQ(all[0].file, "");
    EXPECT_THAT(all[0].problem, HasSubstr("fetched.pth"));
    EXPECT_EQ(all[1].file, folder_ / "second/packaged.safetensors");
    EXPECT_EQ(all[1].problem, "");
    EXPECT_EQ(all[2].file, "");
    EXPECT_EQ(all[2].problem, "");
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(Store, FirstInstalledChoiceIsTakenAndADamagedOneSkippedAloud) {
    write_file(folder_ / "first/packaged.safetensors", packaged_);
    write_file(folder_ / "first/converted.safetensors", std::string("anything"));
    EXPECT_EQ(store().resolve_first({"fetched", "converted", "packaged"}).network, "converted");
    write_file(folder_ / "first/fetched.pth", std::string("cut"));
    std::vector<std::string> warnings;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& sentence) { warnings.push_back(sentence); };
    EXPECT_EQ(store().resolve_first({"fetched", "packaged"}, hooks).network, "packaged");
    EXPECT_THAT(warnings, testing::ElementsAre(HasSubstr("fetched.pth")));
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(Store, NoInstalledChoiceSaysHowToGetOne) {
    EXPECT_THAT(expect_error(ErrorKind::Weights,
                             [&] {
                                 store().resolve_first({"fetched", "packaged"});
                             }),
                AllOf(HasSubstr("fetched or packaged"), HasSubstr("--network fetched"), HasSubstr("run tools/setup")));
    EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(Store, FileHandedInIsKnownByItsHash) {
    write_file(folder_ / "mine.bin", packaged_);
    const NetworkWeights weights = store().resolve_file("fetched", folder_ / "mine.bin");
    EXPECT_EQ(weights.file, folder_ / "mine.bin");
    EXPECT_EQ(weights.architecture, "vgg19");
    EXPECT_EQ(weights.preprocessing, "caffe");
}

TEST_F(Store, FileHandedInSaysItsPreprocessingItself) {
    write_file(folder_ / "mine.safetensors", safetensors({{"preprocessing", "keras"}}));
    EXPECT_EQ(store().resolve_file("fetched", folder_ / "mine.safetensors").preprocessing, "caffe");
    EXPECT_EQ(store().resolve_file("packaged", folder_ / "mine.safetensors").preprocessing, "inception");
    write_file(folder_ / "mine.safetensors", safetensors({{"preprocessing", "magic"}}));
    EXPECT_THAT(
        expect_error(ErrorKind::Weights, [&] { store().resolve_file("fetched", folder_ / "mine.safetensors"); }),
        AllOf(HasSubstr("mine.safetensors"), HasSubstr("'magic'")));
    write_file(folder_ / "mine.safetensors", safetensors(json::object()));
    EXPECT_EQ(store().resolve_file("fetched", folder_ / "mine.safetensors").preprocessing, "torchvision");
}

TEST_F(Store, PreprocessingAskedForComesFirst) {
    write_file(folder_ / "mine.bin", packaged_);
    EXPECT_EQ(store().resolve_file("fetched", folder_ / "mine.bin", "torchvision").preprocessing, "torchvision");
    EXPECT_EQ(store().resolve_file("packaged", folder_ / "mine.bin", "torchvision").preprocessing, "inception");
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { store().resolve_file("fetched", folder_ / "mine.bin", "tf"); }),
                HasSubstr("--preprocessing"));
}

TEST_F(Store, FileHandedInMustBeAFileOfWeights) {
    for (const auto& path : {folder_ / "missing.pth", folder_.path()}) {
        EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve_file("fetched", path); }),
                    HasSubstr(path.string()));
    }
    write_file(folder_ / "text.pth", std::string("neither a pickle nor safetensors"));
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { store().resolve_file("fetched", folder_ / "text.pth"); }),
                HasSubstr("text.pth"));
}

TEST(DefaultLocations, OfAHomeFolderHaveTheCatalogueThatCameWithTheLibrary) {
    const StoreLocations found = default_locations("/home/me");
    EXPECT_EQ(found.download_folder, "/home/me/.local/share/reverie/models");
    EXPECT_EQ(found.torch_hub, "/home/me/.cache/torch/hub/checkpoints");
    EXPECT_THAT(found.folders, testing::ElementsAre(found.download_folder, found.catalogue.parent_path()));
    const std::vector<InstalledNetwork> networks = WeightStore(found).networks();
    EXPECT_TRUE(std::ranges::any_of(networks, [](const auto& network) { return network.entry.name == "vgg19"; }));
}

TEST(DefaultLocations, BeginWithTheFoldersThatAUserNames) {
    const TemporaryFolder own;
    UserFolders user = {.data = "/data", .torch = "/torch", .models = {"/nowhere", own.path()}};
    EXPECT_EQ(default_locations(user, "/opt/models").catalogue, "/opt/models/catalogue.json");
    write_file(own / "catalogue.json", std::string_view("{}"));
    const StoreLocations found = default_locations(user, "/opt/models");
    EXPECT_EQ(found.catalogue, own / "catalogue.json");
    EXPECT_THAT(found.folders, testing::ElementsAre("/nowhere", own.path(), "/data/reverie/models", "/opt/models"));
    EXPECT_EQ(found.download_folder, "/nowhere");
    EXPECT_EQ(found.torch_hub, "/torch/hub/checkpoints");
}

}  // namespace
}  // namespace reverie
