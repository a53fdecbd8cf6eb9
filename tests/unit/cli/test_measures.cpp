// Which net measures distances, on a models folder whose files are only looked for, never read.
#include "cli/runs/measures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reverie/core/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What was chosen, and what was said about it.
struct Choice {
    std::string network;  ///< empty: none
    std::string said;
};

class FeatureWeights : public testing::Test {
  protected:
    FeatureWeights() {
        nlohmann::json networks;
        for (const std::string& name : feature_networks()) {
            networks.push_back({{"name", name},
                                {"architecture", name == "vgg16_hed" ? "vgg16" : name},
                                {"preprocessing", "caffe"},
                                {"file", name + ".safetensors"},
                                {"package", "a package"},
                                {"obtain", "run tools/setup"},
                                {"licence", "MIT"}});
        }
        write_file(folder_ / "catalogue.json", nlohmann::json{{"networks", networks}}.dump());
        environment_.models = {folder_.path()};
        environment_.data_home = folder_ / "data";
        environment_.torch_home = folder_ / "torch";
    }

    void install(const std::vector<std::string>& names) const {
        for (const std::string& name : names) {
            write_file(folder_ / (name + ".safetensors"), std::string_view("weights"));
        }
    }

    Choice choice(const std::string& features, const std::string& looked_through = "") const {
        CLI::App app;
        const CommonOptions common;
        Console console{environment_};
        const CancelToken cancel;
        Session session(app, common, environment_, console, cancel, {});
        testing::internal::CaptureStderr();
        std::optional<NetworkWeights> weights;
        try {
            weights = feature_weights(session, features, looked_through);
        } catch (...) {
            testing::internal::GetCapturedStderr();
            throw;
        }
        return {weights ? weights->network : "", testing::internal::GetCapturedStderr()};
    }

  private:
    test::TemporaryFolder folder_;
    Environment environment_;
};

TEST_F(FeatureWeights, AutoTakesTheFirstInstalled) {
    install({"vgg16_hed"});
    EXPECT_EQ(choice("auto").network, "vgg16_hed");
    install({"efficientnet_lite2"});
    EXPECT_EQ(choice("auto").network, "efficientnet_lite2");
    install({"efficientnet_lite0"});
    EXPECT_EQ(choice("auto").network, "efficientnet_lite0");
    install({"inception_v3_fid"});
    const Choice first = choice("auto");
    EXPECT_EQ(first.network, "inception_v3_fid");
    EXPECT_THAT(first.said, AllOf(HasSubstr("network inception_v3_fid ("), Not(HasSubstr("warning"))));
}

TEST_F(FeatureWeights, AutoLeavesOutTheNetThatWasLookedThrough) {
    install({"efficientnet_lite0", "vgg16_hed"});
    const Choice other = choice("auto", "efficientnet_lite0");
    EXPECT_EQ(other.network, "vgg16_hed");
    EXPECT_THAT(other.said, AllOf(HasSubstr("network vgg16_hed ("), Not(HasSubstr("warning"))));
    install({"efficientnet_lite2"});
    EXPECT_EQ(choice("auto", "efficientnet_lite0").network, "efficientnet_lite2");
    install({"inception_v3_fid"});
    EXPECT_EQ(choice("auto", "efficientnet_lite0").network, "inception_v3_fid");
}

TEST_F(FeatureWeights, NoneInstalledIsSaidWithThoseThatWouldDo) {
    const Choice none = choice("auto");
    EXPECT_EQ(none.network, "");
    EXPECT_THAT(
        none.said,
        HasSubstr("none of inception_v3_fid, efficientnet_lite0, efficientnet_lite2 and vgg16_hed is installed"));
    install({"efficientnet_lite0"});
    const Choice looked_through = choice("auto", "efficientnet_lite0");
    EXPECT_EQ(looked_through.network, "");
    EXPECT_THAT(looked_through.said,
                HasSubstr("none of inception_v3_fid, efficientnet_lite2 and vgg16_hed is installed"));
}

TEST_F(FeatureWeights, TheNetLookedThroughCanBeNamedWithAWarning) {
    install({"efficientnet_lite0", "vgg16_hed"});
    const Choice named = choice("efficientnet_lite0", "efficientnet_lite0");
    EXPECT_EQ(named.network, "efficientnet_lite0");
    EXPECT_THAT(named.said, AllOf(HasSubstr("warning: "), HasSubstr("which the discriminator looks through"),
                                  HasSubstr("--features inception_v3_fid, efficientnet_lite2 or vgg16_hed")));
    EXPECT_THAT(choice("efficientnet_lite0").said, Not(HasSubstr("warning")));
    EXPECT_THAT(choice("vgg16_hed", "efficientnet_lite0").said, Not(HasSubstr("warning")));
}

TEST_F(FeatureWeights, NoneAsksForNothingAndAnUnknownNameIsRefused) {
    install({"efficientnet_lite0"});
    const Choice none = choice("none");
    EXPECT_EQ(none.network, "");
    EXPECT_EQ(none.said, "");
    EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { choice("vgg16"); }), HasSubstr("vgg16_hed"));
    EXPECT_THAT(expect_error(ErrorKind::Weights, [&] { choice("vgg16_hed"); }), HasSubstr("run tools/setup"));
}

TEST(FeaturesHelp, NamesTheNetsAndWhatAutoLeavesOut) {
    EXPECT_EQ(features_help(),
              "auto (the first installed of inception_v3_fid, efficientnet_lite0, efficientnet_lite2 or vgg16_hed that "
              "no discriminator looks through), a name or none");
}

}  // namespace
}  // namespace reverie
