// Every target of a dream: its gradient against finite differences on both engines, and in tiles against the whole.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "reverie/nn/imagenet_classes.h"
#include "reverie/techniques/dream.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "techniques/dream/dream_objective.h"

namespace reverie {
namespace {

using test::expect_error;

Tensor photo(std::int64_t height, std::int64_t width, const std::string& noise = "photo") {
    return test::formula_image(height, width, noise).squeeze(0);
}

DreamOptions amplifying(const std::vector<std::string>& targets) {
    DreamOptions options;
    for (const std::string& target : targets) {
        options.layers.push_back(parse_dream_target(target));
    }
    options.jitter = 4;
    options.margin = 4;
    options.formula.balance_layers = false;
    return options;
}

struct Case {
    const char* name;
    std::vector<std::string> targets;
    std::function<void(DreamOptions&)> adapt = [](DreamOptions&) {};
    bool guided = false;
    double step = 2e-4;
};

std::vector<Case> cases() {
    const auto measured = [](DreamFormula::Measure measure) {
        return [measure](DreamOptions& o) { o.formula.measure = measure; };
    };
    return {
        {"Layer", {"block3"}},
        {"BalancedChannels", {"block2"}, [](DreamOptions& o) { o.channel_balance = 0.01; }},
        {"LayerWithoutItsBorder", {"block3"}, [](DreamOptions& o) { o.formula.border = 2; }},
        {"LayerWithoutItsBorderMeanOfAll",
         {"block3"},
         [](DreamOptions& o) {
             o.formula.border = 1;
             o.formula.border_in_mean = true;
         }},
        {"HalfSquareSum", {"block3"}, measured(DreamFormula::Measure::HalfSquareSum)},
        {"Norm", {"block3"}, measured(DreamFormula::Measure::Norm)},
        {"Rolled", {"block3"}, [](DreamOptions& o) { o.formula.edges = DreamFormula::Edges::Rolled; }},
        {"Channel", {"block3.expand:5"}},
        {"Neuron", {"block3.expand:7@0.4,0.7"}},
        {"Strongest", {"block3.expand:top5"}},
        {"Weakest", {"block3.expand:bottom3"}},
        // Through the whole net the value bends everywhere.
        {"Class", {"class:goldfish"}, [](DreamOptions&) {}, false, 1e-5},
        {"Guide", {"block3"}, [](DreamOptions&) {}, true},
        {"Turned", {"block3", "block3.expand:7@0.4,0.7"}, [](DreamOptions& o) { o.robust = 1.0; }},
        {"Caricature", {"block3"}, [](DreamOptions& o) { o.caricature = 1.0; }},
        {"CaricatureTurned",
         {"block3"},
         [](DreamOptions& o) {
             o.caricature = 0.5;
             o.robust = 2.0;
         }},
        {"HalfACaricature", {"block3"}, [](DreamOptions& o) { o.caricature = 0.5; }},
        {"SeveralOfBothSigns", {"block3=2", "block3:4=-1", "block1", "block2:9@0.1,0.9=0.5"}},
    };
}

struct Made {
    double value;
    Tensor gradient;
};

/// What an objective says of `image` in an octave that began with `start`.
class Asked {
  public:
    Asked(FrozenNet& net, const Case& one, std::int64_t tile, Tensor start, std::int64_t surroundings = 4)
        : options_(amplifying(one.targets)), start_(std::move(start)) {
        options_.jitter = surroundings;
        options_.margin = surroundings;
        one.adapt(options_);
        if (one.guided) {
            guides_ = guide_features(net, options_, {photo(40, 56, "guide")});
        }
        objective_ = std::make_unique<DreamObjective>(net, options_,
                                                      DreamView{.tile = tile,
                                                                .octave = 1,
                                                                .photo = photo(start_.size(1), start_.size(2), "other"),
                                                                .guides = &guides_});
        at(start_);  // what an octave's beginning decides is decided
    }
    Made at(const Tensor& image) {
        Made made;
        made.value = objective_->value_and_gradient(image, 3, made.gradient).item<double>();
        return made;
    }

  private:
    DreamOptions options_;
    Tensor start_;
    Features guides_;
    std::unique_ptr<DreamObjective> objective_;
};

class DreamTargets : public testing::TestWithParam<Case> {};

TEST_P(DreamTargets, GradientAgreesWithFiniteDifferencesOnBothEngines) {
    for (const Engine engine : {Engine::Frozen, Engine::Libtorch}) {
        FrozenNet net = test::formula_net("efficientnet_lite0", "lite0", engine);
        const Tensor image = photo(67, 83);
        // What mirrored surroundings would like to change is not asked for, and would count here.
        Asked asked(net, GetParam(), 0, image, /*surroundings=*/0);
        const Tensor gradient = asked.at(image).gradient;
        // Along the gradient the value changes most, so that rounding matters least.
        const Tensor direction = gradient / gradient.abs().max();
        const double expected = (gradient * direction).sum().item<double>();
        ASSERT_GT(expected, 0.0);
        const double step = GetParam().step;
        const double difference = (asked.at(image + step * direction).value - asked.at(image - step * direction).value);
        EXPECT_NEAR(difference / (2 * step), expected, 0.02 * expected)
            << (engine == Engine::Frozen ? "frozen" : "libtorch");
    }
}

TEST_P(DreamTargets, TilesGiveTheWholesGradient) {
    if (GetParam().targets.front().starts_with("class")) {
        GTEST_SKIP() << "a class sees more than any halo";
    }
    FrozenNet net = test::formula_lite0();
    const Tensor image = photo(304, 400);  // with the surroundings a multiple of the net's stride
    const Tensor rolled = photo(320, 416);
    const bool rolls = std::string(GetParam().name) == "Rolled";
    const Tensor& of = rolls ? rolled : image;
    Asked whole(net, GetParam(), 0, of);
    Asked tiled(net, GetParam(), 128, of);
    const Made expected = whole.at(of);
    const Made found = tiled.at(of);
    EXPECT_NEAR(found.value, expected.value, 1e-4 * std::abs(expected.value));
    EXPECT_LT(((found.gradient - expected.gradient).norm() / expected.gradient.norm()).item<double>(), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(All, DreamTargets, testing::ValuesIn(cases()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(DreamObjective, BalancedTermsWeighAsTheySayInTilesToo) {
    FrozenNet net = test::formula_lite0();
    DreamOptions options = amplifying({"block3=1", "block1:3=2", "block2:9@0.5,0.5=0.5"});
    options.formula.balance_layers = true;
    const Tensor image = photo(304, 400);
    std::vector<Tensor> gradients(2);
    for (const std::int64_t tile : {0, 128}) {
        DreamObjective objective(net, options, {.tile = tile, .octave = 1});
        objective.value_and_gradient(image, 3, gradients[tile == 0 ? 0 : 1]);
    }
    EXPECT_LT(((gradients[0] - gradients[1]).norm() / gradients[0].norm()).item<double>(), 1e-5);
}

TEST(DreamObjective, ANeuronAloneAsksForItsOwnSurroundingsOnly) {
    FrozenNet net = test::formula_lite0();
    const DreamOptions options = amplifying({"block3.expand:7@0.5,0.5"});
    DreamObjective objective(net, options, {.octave = 1});
    const Tensor image = photo(400, 600);
    Tensor gradient;
    objective.value_and_gradient(image, 0, gradient);
    EXPECT_EQ(gradient.narrow(1, 0, 150).abs().max().item<double>(), 0.0);
    EXPECT_GT(gradient.narrow(1, 190, 20).narrow(2, 290, 20).abs().max().item<double>(), 0.0);
    EXPECT_LT(objective.reach(size_of(image)), 0.02);
    EXPECT_EQ(DreamObjective(net, amplifying({"block3"}), {}).reach({400, 600}), 1.0);
}

TEST(DreamObjective, StrongestAndWeakestChannelsAreThoseThatAnswerMostAndLeast) {
    FrozenNet net = test::formula_lite0();
    const Tensor image = photo(64, 96);
    // Without surroundings the canvas is the picture.
    const auto gradient_of = [&](const std::vector<std::string>& targets) {
        DreamOptions options = amplifying(targets);
        options.jitter = 0;
        options.margin = 0;
        Tensor gradient;
        DreamObjective(net, options, {}).value_and_gradient(image, 0, gradient);
        return gradient;
    };
    const Tensor means = net.forward(image, {"block3.expand"}, false).at("block3.expand").mean({0, 2, 3});
    const std::string most = std::to_string(means.argmax().item<std::int64_t>());
    const std::string least = std::to_string(means.argmin().item<std::int64_t>());
    EXPECT_TRUE(at::allclose(gradient_of({"block3.expand:top1"}), gradient_of({"block3.expand:" + most})));
    if ((means == means.min()).sum().item<std::int64_t>() == 1) {
        EXPECT_TRUE(at::allclose(gradient_of({"block3.expand:bottom1"}), gradient_of({"block3.expand:" + least})));
    }
}

TEST(DreamObjective, AGuidedDreamMatchesItsGuideBetter) {
    FrozenNet net = test::formula_lite0();
    DreamOptions options = amplifying({"block3"});
    options.octaves = 1;
    options.steps = 10;
    options.formula.balance_layers = true;
    // The plain gradient: what makes dreams beautiful also makes them slower.
    options.laplacian = 0;
    options.smooth = 0;
    options.color_basis = ColorBasis::Rgb;
    options.tone = 0;
    options.headroom = 0;
    DreamJob job(photo(64, 96));
    job.guides = {photo(48, 40, "guide")};
    const Features guide = guide_features(net, options, job.guides);
    const auto match = [&](const Tensor& image) {
        const Tensor x = net.forward(image, {"block3"}, false).at("block3").flatten(2).squeeze(0);
        return at::mm(guide.at("block3").t(), x).amax(0).mean().item<double>();
    };
    EXPECT_GT(match(dream(job, net, options, 0).image), match(job.photo));
}

TEST(DreamTarget, ReadsBackAsItIsWritten) {
    for (const char* text : {"block3", "block3=-0.5", "block3:17", "block3:17@0.25,0.5=2", "block3:top5",
                             "block3:bottom12=3", "class:goldfish", "class:1=-1", "inception_4c/output:3"}) {
        EXPECT_EQ(dream_target_text(parse_dream_target(text)), text);
    }
    EXPECT_EQ(parse_dream_target("class:Great_White_Shark").number, 2);
}

TEST(DreamTarget, WhatIsNoneIsRefusedInASentence) {
    const auto refuse = [](const char* text, const char* said) {
        EXPECT_THAT(expect_error(ErrorKind::Usage, [&] { parse_dream_target(text); }), testing::HasSubstr(said))
            << text;
    };
    refuse("block3=much", "weight");
    refuse(":3", "names no layer");
    refuse("block3:", "not understood");
    refuse("block3:red", "not understood");
    refuse("block3:-1", "not understood");
    refuse("block3:top", "not understood");
    refuse("block3:top0", "at least 1");
    refuse("block3:3@0.5", "not understood");
    refuse("block3:3@a,b", "not understood");
    refuse("block3:3@0.5,1.5", "outside the picture");
    refuse("class:", "names no class");
    refuse("class:gold fisch", "did you mean 'goldfish'");
}

TEST(DreamTarget, WhatANetDoesNotHaveIsRefusedInASentence) {
    const auto refuse = [](const char* architecture, const std::vector<std::string>& texts, const char* said) {
        std::vector<DreamTarget> targets;
        for (const std::string& text : texts) {
            targets.push_back(parse_dream_target(text));
        }
        EXPECT_THAT(
            expect_error(ErrorKind::Usage, [&] { check_targets(make_graph(architecture, "torchvision"), targets); }),
            testing::HasSubstr(said))
            << texts.front();
    };
    refuse("efficientnet_lite0", {"block99"}, "not a layer");
    refuse("efficientnet_lite0", {"block3:40"}, "channels are 0 to 39");
    refuse("efficientnet_lite0", {"block3:top41"}, "more channels than the 40");
    refuse("efficientnet_lite0", {"logits:3@0.5,0.5"}, "whole picture");
    refuse("efficientnet_lite0", {"class:1000"}, "0 to 999");
    refuse("vgg16", {"class:dogsled"}, "no classifier");
    EXPECT_THAT(
        expect_error(
            ErrorKind::Usage,
            [] { check_targets(make_graph("inception_v3_fid", "inception"), {parse_dream_target("class:tench")}); }),
        testing::HasSubstr("no names here"));
    refuse("efficientnet_lite0", {"block3", "_blocks.3"}, "one layer");
    refuse("efficientnet_lite0", {"block3:1", "block3:1=2"}, "twice");
    check_targets(make_graph("efficientnet_lite0", "lite0"),
                  {parse_dream_target("block3"), parse_dream_target("block3:1"), parse_dream_target("block3:2")});
}

TEST(ImagenetClasses, AreFoundByNameAndByPart) {
    EXPECT_EQ(imagenet_classes().size(), 1000U);
    EXPECT_EQ(imagenet_class("TENCH"), 0);
    EXPECT_EQ(imagenet_class("toilet-tissue"), 999);
    EXPECT_EQ(imagenet_class("dog"), std::nullopt);
    EXPECT_THAT(find_imagenet_classes("lion"), testing::Contains(291));
    EXPECT_TRUE(find_imagenet_classes("no such thing").empty());
}

}  // namespace
}  // namespace reverie
