#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "reverie/core/files.h"
#include "reverie/weights/catalogue.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using nlohmann::json;
using test::expect_error;
using test::TemporaryFolder;
using testing::HasSubstr;

json good_entry() {
    return {{"name", "net"},
            {"architecture", "vgg19"},
            {"preprocessing", "caffe"},
            {"file", "net.pth"},
            {"url", "https://example.org/n"},
            {"sha256", "0123abcd"},
            {"bytes", 5},
            {"licence", "MIT"}};
}

std::vector<CatalogueEntry> read(const std::string& text) {
    const TemporaryFolder folder;
    write_file(folder / "catalogue.json", text);
    return read_catalogue(folder / "catalogue.json");
}

std::vector<CatalogueEntry> read_entries(const json& entries) { return read(json{{"networks", entries}}.dump()); }

TEST(Catalogue, ReadsWhatAnEntrySays) {
    const std::vector<CatalogueEntry> entries = read_entries(json::array({good_entry()}));
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].name, "net");
    EXPECT_EQ(entries[0].architecture, "vgg19");
    EXPECT_EQ(entries[0].preprocessing, "caffe");
    EXPECT_EQ(entries[0].url, "https://example.org/n");
    EXPECT_EQ(entries[0].sha256, "0123abcd");
    EXPECT_EQ(entries[0].bytes, 5);
    EXPECT_EQ(entries[0].package, "");
}

TEST(Catalogue, RefusesMalformedFilesAndNamesThePath) {
    for (const char* text : {"", "[]", "{", R"({"networks": 1})", R"({"networks": [1]})", R"({"networks": ["a"]})"}) {
        EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { read(text); }), HasSubstr("catalogue.json")) << text;
    }
    expect_error(ErrorKind::Weights, [] { read_catalogue("/no/such/catalogue.json"); });
}

TEST(Catalogue, RefusesEntriesThatCannotBeMeantAndNamesThem) {
    const std::vector<std::pair<const char*, json>> faults = {
        {"name", ""},  {"architecture", ""},     {"licence", ""}, {"preprocessing", "keras"}, {"file", "../net.pth"},
        {"file", ""},  {"url", "file:///etc/n"}, {"url", ""},     {"sha256", "0123"},         {"sha256", "0123ABCD"},
        {"bytes", -1}, {"bytes", "five"},        {"surprise", 1}};
    for (const auto& [key, value] : faults) {
        json entry = good_entry();
        entry[key] = value;
        const std::string message = expect_error(ErrorKind::Weights, [&] { read_entries(json::array({entry})); });
        EXPECT_THAT(message, HasSubstr("entry 1")) << key;
    }
    EXPECT_THAT(expect_error(ErrorKind::Weights,
                             [] {
                                 read_entries(json::array({good_entry(), good_entry()}));
                             }),
                HasSubstr("repeats the name"));
}

TEST(Catalogue, OfTheReleaseIsWellFormedAndItsHashesAreThoseInTheFileNames) {
    const auto entries = read_catalogue(std::filesystem::path(REVERIE_TEST_DATA) / "../models/catalogue.json");
    std::vector<std::string> names;
    for (const CatalogueEntry& entry : entries) {
        names.push_back(entry.name);
        const std::string stem = std::filesystem::path(entry.file).stem().string();
        if (entry.file.ends_with(".pth")) {
            EXPECT_EQ(entry.sha256.substr(0, 8), stem.substr(stem.rfind('-') + 1)) << entry.name;
        }
        if (!entry.url.empty()) {
            EXPECT_EQ(std::filesystem::path(entry.url).filename(), entry.file) << entry.name;
            EXPECT_TRUE(entry.url.starts_with("https://")) << entry.name;
        }
    }
    EXPECT_THAT(names,
                testing::IsSupersetOf({"vgg16", "vgg19", "inception_v3", "inception_v3_fid", "googlenet", "resnet50",
                                       "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "vgg16_hed"}));
}

TEST(Preprocessing, WordsMeanWhatTheNetsAuthorsDid) {
    EXPECT_EQ(concrete_preprocessing("torchvision", "vgg19"), "torchvision");
    EXPECT_EQ(concrete_preprocessing("torchvision", "inception_v3"), "inception");
    EXPECT_EQ(concrete_preprocessing("torchvision", "inception_v3_fid"), "inception");
    EXPECT_EQ(concrete_preprocessing("torchvision", "googlenet"), "inception");
    EXPECT_EQ(concrete_preprocessing("torchvision", "resnet50"), "torchvision");
    EXPECT_EQ(concrete_preprocessing("keras", "inception_v3"), "inception");
    EXPECT_EQ(concrete_preprocessing("keras", "googlenet"), std::nullopt);
    EXPECT_EQ(concrete_preprocessing("keras", "vgg16"), "caffe");
    EXPECT_EQ(concrete_preprocessing("caffe", "vgg19"), "caffe");
    EXPECT_EQ(concrete_preprocessing("lite0", "efficientnet_lite0"), "lite0");
    EXPECT_EQ(concrete_preprocessing("keras", "efficientnet_lite0"), std::nullopt);
    EXPECT_EQ(concrete_preprocessing("tensorflow", "vgg19"), std::nullopt);
    EXPECT_EQ(concrete_preprocessing("", "vgg19"), std::nullopt);
}

}  // namespace
}  // namespace reverie
