#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "reverie/core/parallel.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"
#include "reverie/techniques/style.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "techniques/style/style_objective.h"
#include "techniques/style/style_plan.h"
#include "techniques/style/style_progress.h"
#include "techniques/style/style_tiles.h"

namespace reverie {
namespace {

/// That it throws that kind of fault, in a sentence that holds `part`.
template <typename Action>
void expect_fault(ErrorKind kind, const std::string& part, Action&& action) {
    EXPECT_THAT(test::expect_error(kind, action), testing::HasSubstr(part));
}

Tensor picture(std::int64_t height, std::int64_t width, const std::string& noise) {
    return test::formula_image(height, width, noise).squeeze(0);
}

/// Shallow layers: quick, and with a halo smaller than the pictures.
StyleOptions quick_options() {
    StyleOptions options = style_recipe(StylePreset::Reverie);
    options.style_layers = {{"relu1_1", 2.0}, {"relu2_1", 1.0}};
    options.content_layers = {{"relu2_2", 1.0}};
    options.min_size = 24;
    options.steps = 4;
    options.first_steps = 0;
    options.patience = 0;
    return options;
}

FrozenNet make_net(const StyleOptions& options, Engine engine = Engine::Auto) {
    Graph graph = make_graph("vgg16", "torchvision");
    prepare_graph(graph, options);
    return test::formula_net(std::move(graph), engine);
}

/// One net for all tests that take the default graph.
FrozenNet& quick_net() {
    static FrozenNet net = make_net(quick_options());
    return net;
}

double relative_error(const Tensor& x, const Tensor& reference) {
    return ((x - reference).norm() / reference.norm()).item<double>();
}

/// A soft-edged mask: left part 1, right part 0.
Tensor left_mask(std::int64_t height, std::int64_t width) {
    return (1.5 - at::arange(width, at::kFloat) / (0.5 * static_cast<double>(width)))
        .clamp(0.0, 1.0)
        .expand({1, height, width})
        .contiguous();
}

struct Evaluation {
    double value;
    Tensor gradient;
    double value_alone;  // without a gradient
};

Evaluation evaluate(FrozenNet& net, const StyleOptions& options, std::int64_t tile, bool masked) {
    const Tensor content = picture(97, 139, "content");
    const Tensor image = picture(97, 139, "image");
    const Tensor mask = left_mask(97, 139);
    std::vector<StyleRegion> regions;
    const auto measure = [&](const char* name) { return measure_style(net, options, picture(75, 61, name), {}, 0); };
    if (masked) {
        regions = {{mask, measure("one")}, {1.0 - mask, measure("two")}};
    } else {
        regions = {{Tensor(), measure("one")}};
    }
    StyleObjective objective(net, options, content, masked ? 0.5 + 0.5 * mask : Tensor(), regions, tile);
    Evaluation result;
    result.value = objective.value_and_gradient(image, 0, result.gradient).item<double>();
    const std::map<std::string, double> losses = objective.losses();
    result.value_alone = objective.value(image).item<double>();
    EXPECT_EQ(objective.losses(), losses);
    return result;
}

class StyleTiles : public testing::TestWithParam<std::tuple<StyleStatistic, bool, Engine>> {};

TEST_P(StyleTiles, GiveTheGradientOfTheWholePicture) {
    const auto [statistic, masked, engine] = GetParam();
    StyleOptions options = quick_options();
    options.statistic = statistic;
    FrozenNet net = make_net(options, engine);
    const Evaluation whole = evaluate(net, options, 0, masked);
    const Evaluation tiled = evaluate(net, options, 32, masked);
    // float32 sums in another order; Winograd's own tiles fall elsewhere too, so the rounding of features differs
    EXPECT_LT(relative_error(tiled.gradient, whole.gradient), engine == Engine::Frozen ? 1e-4 : 1e-5);
    EXPECT_NEAR(tiled.value, whole.value, 1e-6 * whole.value);
    EXPECT_GT(whole.gradient.norm().item<double>(), 0.0);
    EXPECT_EQ(whole.value_alone, whole.value);
    EXPECT_EQ(tiled.value_alone, tiled.value);
}

INSTANTIATE_TEST_SUITE_P(Statistics, StyleTiles,
                         testing::Combine(testing::Values(StyleStatistic::W2, StyleStatistic::Gram,
                                                          StyleStatistic::MeanStd),
                                          testing::Bool(), testing::Values(Engine::Libtorch, Engine::Frozen)));

TEST(StyleTiles, AreExactForTheDeepestLayersToo) {
    StyleOptions options = style_recipe(StylePreset::Reverie);
    options.style_layers.push_back({"relu5_1", 2.0});
    options.content_layers = {{"relu4_2", 1.0}};
    options.pooling = Pooling::Average;  // maxima pass the rounding of float32 on to single cells
    options.pooling_gain = 2.0;
    FrozenNet net = make_net(options);
    const Tensor image = picture(150, 205, "image");
    const std::vector<StyleRegion> regions = {{Tensor(), measure_style(net, options, picture(64, 80, "one"), {}, 0)}};
    std::vector<Tensor> gradients;
    for (const std::int64_t tile : {0, 64}) {
        StyleObjective objective(net, options, picture(150, 205, "content"), {}, regions, tile);
        objective.value_and_gradient(image, 0, gradients.emplace_back());
    }
    EXPECT_LT(relative_error(gradients[1], gradients[0]), 1e-5);
}

/// What a second net adds, whole and in tiles: its strides pad by TensorFlow's rule, at sides with every remainder.
TEST(StyleTiles, AreExactForASecondNetThatSeesTheContent) {
    FrozenNet second = test::formula_lite0();
    StyleOptions options = quick_options();
    options.style_weight = 0.0;
    options.palette = options.tv = 0.0;
    options.content_network_share = 1.0;
    options.content_network_layers = {{"block2", 1.0}, {"block4", 2.0}};
    for (const Size size : {Size{150, 205}, Size{161, 192}, Size{129, 223}}) {
        const Tensor image = picture(size.height, size.width, "image");
        const Tensor content = picture(size.height, size.width, "content");
        std::vector<Tensor> gradients;
        std::vector<double> values;
        for (const std::int64_t tile : {0, 64}) {
            StyleObjective objective({quick_net(), &second}, options, content, left_mask(size.height, size.width), {},
                                     tile);
            values.push_back(objective.value_and_gradient(image, 0, gradients.emplace_back()).item<double>());
            EXPECT_EQ(objective.value(image).item<double>(), values.back());
        }
        EXPECT_GT(gradients[0].norm().item<double>(), 0.0);
        EXPECT_LT(relative_error(gradients[1], gradients[0]), 1e-5) << text_of(size);
        EXPECT_NEAR(values[1], values[0], 1e-6 * values[0]) << text_of(size);
    }
}

/// That the value's slope at `image` is the gradient: along it, so that the change stands out of float32's noise.
void expect_slope(StyleObjective& objective, const Tensor& image, const Tensor& gradient) {
    const Tensor direction = gradient / gradient.norm();
    constexpr double kStep = 2e-3;
    Tensor unused;
    const auto up = objective.value_and_gradient(image + kStep * direction, 0, unused).item<double>();
    const auto down = objective.value_and_gradient(image - kStep * direction, 0, unused).item<double>();
    const auto slope = gradient.norm().item<double>();
    EXPECT_NEAR((up - down) / (2 * kStep), slope, 0.01 * slope);
}

TEST(StyleObjective, ASecondNetsGradientIsThatOfItsValue) {
    FrozenNet second = test::formula_lite0();
    StyleOptions options = quick_options();
    options.style_weight = 0.0;
    options.palette = options.tv = 0.0;
    options.content_network_share = 1.0;
    options.content_network_layers = {{"block2", 1.0}};
    const Tensor content = picture(66, 71, "content");
    StyleObjective objective({quick_net(), &second}, options, content, {}, {}, 0);
    Tensor gradient;
    EXPECT_DOUBLE_EQ(objective.value_and_gradient(content, 0, gradient).item<double>(), 0.0);
    const Tensor image = picture(66, 71, "image");
    EXPECT_GT(objective.value_and_gradient(image, 0, gradient).item<double>(), 0.0);
    expect_slope(objective, image, gradient);
}

TEST(StyleTiles, CoverEveryCellOnce) {
    FrozenNet& net = quick_net();
    const std::vector<std::string> taps = {"relu1_1", "relu2_1", "relu3_3"};
    const TileGeometry geometry(net, taps);
    for (const Size size : {Size{97, 139}, Size{32, 300}, Size{65, 64}, Size{16, 31}}) {
        for (const std::string& name : taps) {
            const Tap tap = tap_of(net, name);
            const std::int64_t height = size.height / tap.stride;
            const std::int64_t width = size.width / tap.stride;
            Tensor seen = at::zeros({height, width}, at::kInt);
            for (const StyleTile& tile : geometry.tiles(size, 32)) {
                const CellSpan rows = own_cells(tile.rows, tap.stride, height);
                const CellSpan columns = own_cells(tile.columns, tap.stride, width);
                seen.narrow(0, rows.begin, rows.count).narrow(1, columns.begin, columns.count).add_(1);
                EXPECT_LE((rows.in_patch + rows.count) * tap.stride, tile.rows.end - tile.rows.begin);
            }
            EXPECT_TRUE((seen == 1).all().item<bool>()) << text_of(size) << " " << name;
        }
    }
}

TEST(StyleObjective, GradientIsThatOfItsValue) {
    StyleOptions options = quick_options();
    const Tensor content = picture(33, 29, "content");
    const std::vector<StyleRegion> regions = {
        {Tensor(), measure_style(quick_net(), options, picture(40, 31, "one"), {}, 0)}};
    StyleObjective objective(quick_net(), options, content, {}, regions, 0);
    const Tensor image = picture(33, 29, "image");
    Tensor gradient;
    objective.value_and_gradient(image, 0, gradient);
    expect_slope(objective, image, gradient);
}

TEST(StyleObjective, ALayerGivenTwiceCountsTwice) {
    const auto gradient = [](const std::vector<LayerWeight>& style_layers) {
        StyleOptions options = quick_options();
        options.style_layers = style_layers;
        options.content_layers = {{"relu2_1", 1.0}};  // one that is a style layer too
        return evaluate(quick_net(), options, 0, false).gradient;
    };
    const Tensor twice = gradient({{"relu1_1", 1.0}, {"relu2_1", 1.0}, {"relu1_1", 1.0}});
    EXPECT_LT(relative_error(twice, gradient({{"relu1_1", 2.0}, {"relu2_1", 1.0}})), 1e-5);
}

TEST(StyleObjective, OneLayerUnderTwoNamesIsOfStyleAndOfContent) {
    const auto gradient = [](const std::string& content_layer) {
        StyleOptions options = quick_options();
        options.style_layers = {{"relu1_1", 1.0}, {"relu2_1", 1.0}};
        options.content_layers = {{content_layer, 1.0}};
        return evaluate(quick_net(), options, 0, false).gradient;
    };
    EXPECT_LT(relative_error(gradient("conv2_1"), gradient("relu2_1")), 1e-5);
}

TEST(StyleObjective, LossesSumToTheValue) {
    StyleOptions options = quick_options();
    options.tv = 0.75;
    const std::vector<StyleRegion> regions = {
        {Tensor(), measure_style(quick_net(), options, picture(40, 31, "one"), {}, 0)}};
    StyleObjective objective(quick_net(), options, picture(33, 29, "content"), {}, regions, 0);
    Tensor gradient;
    const auto value = objective.value_and_gradient(picture(33, 29, "image"), 0, gradient).item<double>();
    const auto losses = objective.losses();
    for (const char* part : {"style", "content", "palette", "tv"}) {
        EXPECT_GT(losses.at(part), 0.0) << part;
    }
    EXPECT_NEAR(losses.at("total"), value, 1e-12 * value);
}

StyleJob job_of(std::int64_t height, std::int64_t width) {
    StyleJob job;
    job.content = picture(height, width, "content");
    return job;
}

/// Coarse dark red and blue stripes: nothing like the content.
Tensor striped_style() {
    const Tensor wave = (at::arange(64, at::kFloat) * 0.8).sin() * 0.4 + 0.4;
    return at::stack({wave, 0.1 * wave, 0.9 - wave}).unsqueeze(1).expand({3, 50, 64}).contiguous();
}

std::vector<StyleSource> one_style() { return {{{striped_style()}}}; }

double style_loss(const Tensor& image, const StyleOptions& options) {
    const std::vector<StyleRegion> regions = {{Tensor(), measure_style(quick_net(), options, striped_style(), {}, 0)}};
    StyleObjective objective(quick_net(), options, image, {}, regions, 0);
    Tensor gradient;
    objective.value_and_gradient(image, 0, gradient);
    return objective.losses().at("style");
}

TEST(Stylizer, BringsThePictureNearerToTheStyle) {
    StyleOptions options = quick_options();
    options.steps = 12;
    Stylizer stylizer(quick_net(), one_style(), options, 0);
    const StyleJob job = job_of(49, 67);
    const StyleResult result = stylizer.stylize(job);
    EXPECT_EQ(size_of(result.image), (Size{49, 67}));
    EXPECT_GE(result.image.min().item<double>(), 0.0);
    EXPECT_LE(result.image.max().item<double>(), 1.0);
    EXPECT_LT(style_loss(result.image, options), 0.7 * style_loss(job.content, options));
}

TEST(Stylizer, LessStrengthStaysNearerToTheContent) {
    const StyleJob job = job_of(40, 52);
    double before = -1.0;
    for (const double strength : {0.0, 0.5, 1.0}) {
        StyleOptions options = quick_options();
        options.strength = strength;
        const StyleResult result = Stylizer(quick_net(), one_style(), options, 0).stylize(job);
        const auto change = (result.image - job.content).square().mean().item<double>();
        EXPECT_GT(change, before) << strength;
        before = change;
    }
}

TEST(Stylizer, GivesTheSameBytesAgain) {
    const StyleOptions options = quick_options();
    const StyleJob job = job_of(49, 67);
    const Tensor one = Stylizer(quick_net(), one_style(), options, 0).stylize(job).image;
    Stylizer other(quick_net(), one_style(), options, 0);
    other.stylize(job_of(35, 67));  // the targets of another picture are shared
    EXPECT_TRUE(at::equal(other.stylize(job).image, one));
}

TEST(Stylizer, GivesTheSameBytesOnSeveralThreadsAsOnOne) {
    StyleOptions options = quick_options();
    options.strength = 0.8;  // looks at the content too
    const std::vector<StyleJob> jobs = {job_of(49, 67), job_of(67, 35), job_of(41, 67), job_of(40, 52)};
    std::vector<Tensor> alone;
    {
        const ThreadShare one(1);
        Stylizer stylizer(quick_net(), one_style(), options, 0);
        for (const StyleJob& job : jobs) {
            alone.push_back(stylizer.stylize(job).image);
        }
    }
    Stylizer stylizer(quick_net(), one_style(), options, 0);
    std::vector<Tensor> together(jobs.size());
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            threads.emplace_back([&, i] {
                const ThreadShare one(1);
                FrozenNet net = make_net(quick_options());
                together[i] = stylizer.stylize(jobs[i], net, {}).image;
            });
        }
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        EXPECT_TRUE(together[i].equal(alone[i])) << i;
    }
}

/// Every state a run gives, and its result.
struct Recorded {
    std::vector<StyleState> states;
    StyleResult result;
};
Recorded record(const StyleOptions& options, const StyleJob& job, StyleNets nets = quick_net()) {
    Recorded recorded;
    StyleHooks hooks;
    hooks.state_every = 1;
    hooks.on_state = [&](const StyleState& state) {
        StyleState copy = state;
        for (auto& [name, tensor] : copy.tensors) {
            tensor = tensor.clone();
        }
        recorded.states.push_back(std::move(copy));
    };
    recorded.result = Stylizer(nets, one_style(), options, 0).stylize(job, hooks);
    return recorded;
}

TEST(Stylizer, BeginsItsOptimizerAnewAtEveryScaleUnlessPublishedOtherwise) {
    for (const StylePreset preset : {StylePreset::Reverie, StylePreset::Crowsonkb}) {
        StyleOptions options = quick_options();
        options.preset = preset;
        const Recorded recorded = record(options, job_of(40, 52));
        ASSERT_EQ(recorded.states.back().notes.at("scale"), "2");
        const std::int64_t steps = recorded.result.steps;
        const auto count = recorded.states.back().tensors.at("step.count").item<std::int64_t>();
        EXPECT_EQ(count, preset == StylePreset::Crowsonkb ? steps : options.steps);
    }
}

TEST(Stylizer, StepsFadeOverEveryScale) {
    StyleOptions options = quick_options();
    options.average = 0.0;
    options.step_decay = 1.0;
    const Recorded recorded = record(options, job_of(40, 52));
    const auto image = [&](std::size_t back) {
        return recorded.states[recorded.states.size() - back].tensors.at("image");
    };
    EXPECT_TRUE(image(1).equal(image(2))) << "nothing is left of the last step";
    EXPECT_FALSE(image(2).equal(image(3)));
}

TEST(Stylizer, GoesOnFromAnyStateToTheSameBytes) {
    for (const StyleOptimizer optimizer : {StyleOptimizer::Adam, StyleOptimizer::Lbfgs}) {
        StyleOptions options = quick_options();
        options.optimizer = optimizer;
        options.patience = 2;
        StyleJob job = job_of(40, 52);
        if (optimizer == StyleOptimizer::Adam) {
            job.protect = at::zeros({1, 40, 52});
            job.protect.narrow(1, 0, 11).fill_(1.0);
        }
        const Recorded recorded = record(options, job);
        ASSERT_GE(recorded.states.size(), 6U);
        for (const StyleState& state : recorded.states) {
            StyleHooks hooks;
            hooks.resume = &state;
            const StyleResult resumed = Stylizer(quick_net(), one_style(), options, 0).stylize(job, hooks);
            EXPECT_TRUE(at::equal(resumed.image, recorded.result.image)) << state.notes.at("steps");
            EXPECT_EQ(resumed.steps, recorded.result.steps);
        }
    }
}

TEST(Stylizer, GoesOnFromAStateWithASecondNetToo) {
    FrozenNet second = test::formula_lite0();
    const StyleNets nets(quick_net(), &second);
    StyleOptions options = quick_options();
    options.content_network_layers = content_layers_of(second.architecture());
    const StyleJob job = job_of(40, 52);
    const Recorded recorded = record(options, job, nets);
    StyleHooks hooks;
    hooks.resume = &recorded.states.at(recorded.states.size() / 2);
    EXPECT_TRUE(Stylizer(nets, one_style(), options, 0).stylize(job, hooks).image.equal(recorded.result.image));
}

TEST(Stylizer, GoesOnWithTheTilesItBeganWith) {
    StyleOptions options = quick_options();
    const StyleJob job = job_of(40, 52);
    Recorded recorded = record(options, job);
    StyleState state = recorded.states.front();
    state.notes["tile"] = "32";
    StyleHooks hooks;
    hooks.resume = &state;
    EXPECT_EQ(Stylizer(quick_net(), one_style(), options, 0).stylize(job, hooks).tile, 32);
}

TEST(Stylizer, ASecondNetKeepsMoreOfTheContentAndNeedsLayers) {
    FrozenNet second = test::formula_lite0();
    StyleOptions options = quick_options();
    const StyleJob job = job_of(64, 70);
    const StyleNets nets(quick_net(), &second);
    expect_fault(ErrorKind::Usage, "--content-network-layers", [&] { Stylizer(nets, one_style(), options); });
    options.content_network_layers = content_layers_of(second.architecture());
    options.content_weight = 50.0;
    options.content_network_share = 0.8;
    const Tensor alone = Stylizer(quick_net(), one_style(), options).stylize(job).image;
    Stylizer both(nets, one_style(), options);
    const Tensor image = both.stylize(job).image;
    const auto distance = [&](const Tensor& x) {
        const auto of = [&](const Tensor& y) { return second.forward(y, {"block4"}, false).at("block4"); };
        return relative_error(of(x), of(job.content));
    };
    EXPECT_LT(distance(image), distance(alone));
    EXPECT_GT(both.plan(Size{640, 700}).peak_bytes,
              Stylizer(quick_net(), one_style(), options).plan(Size{640, 700}).peak_bytes);
}

TEST(Stylizer, AStateOfSomethingElseIsRefused) {
    const StyleOptions options = quick_options();
    const StyleJob job = job_of(40, 52);
    const StyleState good = record(options, job).states.front();
    const auto refuse = [&](const char* said, const std::function<void(StyleState&)>& spoil) {
        StyleState state = good;
        spoil(state);
        StyleHooks hooks;
        hooks.resume = &state;
        expect_fault(ErrorKind::Input, said,
                     [&] { Stylizer(quick_net(), one_style(), options, 0).stylize(job, hooks); });
    };
    for (const char* note : {"tile", "scale", "step", "steps"}) {
        refuse(note, [note](StyleState& state) { state.notes.erase(note); });
        refuse(note, [note](StyleState& state) { state.notes[note] = "many"; });
    }
    refuse("does not fit", [](StyleState& state) { state.notes["scale"] = "99"; });
    refuse("does not fit", [](StyleState& state) { state.notes["scale"] = "-1"; });
    refuse("does not fit", [](StyleState& state) { state.notes.erase("losses"); });
    refuse("does not fit", [](StyleState& state) { state.tensors.erase("image"); });
    refuse("does not fit", [](StyleState& state) { state.tensors["image"] = at::zeros({3, 7, 9}); });
}

TEST(Stylizer, StopsWithWhatItHasAndGoesOnToTheSameBytes) {
    const StyleOptions options = quick_options();
    const StyleJob job = job_of(40, 52);
    const Tensor straight = Stylizer(quick_net(), one_style(), options, 0).stylize(job).image;
    CancelToken token;
    StyleState last;
    StyleHooks hooks;
    hooks.cancel = &token;
    hooks.on_trace = [&](const StyleTrace& trace) {
        if (trace.scale == 1 && trace.step == 1) {
            token.request();
        }
    };
    hooks.on_state = [&](const StyleState& state) { last = state; };
    const StyleResult stopped = Stylizer(quick_net(), one_style(), options, 0).stylize(job, hooks);
    EXPECT_TRUE(stopped.cancelled);
    EXPECT_EQ(size_of(stopped.image), (Size{40, 52}));
    StyleHooks again;
    again.resume = &last;
    EXPECT_TRUE(at::equal(Stylizer(quick_net(), one_style(), options, 0).stylize(job, again).image, straight));
}

TEST(Stylizer, LeavesProtectedAndTransparentPixelsToTheBit) {
    StyleJob job = job_of(40, 52);
    job.protect = at::zeros({1, 40, 52});
    job.protect.narrow(1, 0, 10).fill_(1.0);
    job.alpha = at::ones({1, 40, 52});
    job.alpha.narrow(2, 40, 12).fill_(0.0);
    for (const StyleColor color : {StyleColor::Style, StyleColor::Luma}) {
        StyleOptions options = quick_options();
        options.color = color;
        const Tensor image = Stylizer(quick_net(), one_style(), options, 0).stylize(job).image;
        EXPECT_TRUE(at::equal(image.narrow(1, 0, 10), job.content.narrow(1, 0, 10)));
        EXPECT_TRUE(at::equal(image.narrow(2, 40, 12), job.content.narrow(2, 40, 12)));
        const Tensor rest = image.narrow(1, 10, 30).narrow(2, 0, 40);
        const Tensor before = job.content.narrow(1, 10, 30).narrow(2, 0, 40);
        EXPECT_GT((rest - before).abs().mean().item<double>(), 0.01);
    }
}

TEST(Stylizer, DoesNotCountWhatIsTransparent) {
    StyleJob job = job_of(40, 52);
    job.alpha = left_mask(40, 52).round();
    StyleJob other = job;
    other.content = at::where(job.alpha > 0.0, job.content, 1.0 - job.content);
    StyleOptions options = quick_options();
    options.min_size = 52;
    options.content_weight = 0.0;
    options.tv = 0.0;
    // With the pixels' own statistics alone no receptive field reaches over the edge.
    options.style_layers = {{"relu1_1", 1e-9}};
    options.palette = 1e9;
    const Tensor a = Stylizer(quick_net(), one_style(), options, 0).stylize(job).image;
    const Tensor b = Stylizer(quick_net(), one_style(), options, 0).stylize(other).image;
    const Tensor opaque = job.alpha.expand_as(a) > 0.0;
    EXPECT_LT((a - b).masked_select(opaque).abs().max().item<double>(), 1e-3);
}

TEST(Stylizer, HiddenColoursDoNotScaleTheContent) {
    const Tensor mask = left_mask(40, 64).round();
    const Tensor content = picture(40, 64, "content");
    StyleOptions options = quick_options();
    options.tv = 0.0;
    std::vector<double> losses;
    for (const double hidden : {0.0, 1.0}) {
        const Tensor image = at::where(mask > 0.0, content, at::full_like(content, hidden));
        // Far from the edge, so that only how much the content counts can differ.
        const std::vector<StyleRegion> regions = {{mask, measure_style(quick_net(), options, striped_style(), {}, 0)}};
        Tensor counted = mask.clone();
        counted.narrow(2, 16, 48).fill_(0.0);
        StyleObjective objective(quick_net(), options, image, counted, regions, 0);
        Tensor changed = image.clone();
        changed.narrow(2, 0, 4).mul_(0.5);
        Tensor gradient;
        objective.value_and_gradient(changed, 0, gradient);
        losses.push_back(objective.losses().at("content"));
    }
    EXPECT_NEAR(losses[0], losses[1], 1e-5 * losses[0]);
    EXPECT_GT(losses[0], 0.0);
}

TEST(Stylizer, LeavesAPictureAloneOfWhichNothingCounts) {
    StyleJob job = job_of(40, 52);
    job.protect = at::ones({1, 40, 52});
    const StyleResult result = Stylizer(quick_net(), one_style(), quick_options(), 0).stylize(job);
    EXPECT_TRUE(at::equal(result.image, job.content));
    EXPECT_EQ(result.steps, 0);
}

TEST(Stylizer, GivesEveryRegionItsOwnStyle) {
    // Two flat colours as styles: red on the left, blue on the right.
    const auto flat = [](double red, double blue) {
        Tensor image = at::full({3, 40, 40}, 0.1);
        image[0].fill_(red);
        image[2].fill_(blue);
        return image;
    };
    StyleOptions options = quick_options();
    options.palette = 50.0;
    options.steps = 30;
    StyleJob job = job_of(40, 52);
    const Tensor left = left_mask(40, 52).round();
    job.masks = {left, 1.0 - left};
    const Tensor image = Stylizer(quick_net(), {{{flat(0.9, 0.1)}}, {{flat(0.1, 0.9)}}}, options, 0).stylize(job).image;
    const auto mean = [&](int channel, std::int64_t from) {
        return image[channel].narrow(1, from, 20).mean().item<double>();
    };
    EXPECT_GT(mean(0, 0), mean(2, 0) + 0.3);
    EXPECT_GT(mean(2, 32), mean(0, 32) + 0.3);
}

TEST(Stylizer, LumaKeepsTheContentsColourDifferences) {
    StyleOptions options = quick_options();
    options.color = StyleColor::Luma;
    const StyleJob job = job_of(40, 52);
    const Tensor image = Stylizer(quick_net(), one_style(), options, 0).stylize(job).image;
    const Tensor difference = (image - luma_of(image)) - (job.content - luma_of(job.content));
    EXPECT_LT(difference.abs().max().item<double>(), 1.0 / 255);
    EXPECT_GT((luma_of(image) - luma_of(job.content)).abs().mean().item<double>(), 0.01);
}

TEST(Stylizer, BlendsCoarseAndFineStylesByLayer) {
    const Tensor a = picture(50, 64, "style");
    const Tensor b = 1.0 - picture(64, 50, "other");
    const StyleJob job = job_of(40, 52);
    const auto styled = [&](StyleBand first, StyleBand second) {
        return Stylizer(quick_net(), {{{a}, 1.0, first}, {{b}, 1.0, second}}, quick_options(), 0).stylize(job).image;
    };
    const Tensor one = styled(StyleBand::Coarse, StyleBand::Fine);
    const Tensor other = styled(StyleBand::Fine, StyleBand::Coarse);
    EXPECT_GT((one - other).abs().mean().item<double>(), 0.01);
    EXPECT_FALSE(at::equal(one, styled(StyleBand::All, StyleBand::All)));
}

TEST(Stylizer, AFolderCountsAsTheMeanOfItsPictures) {
    const Tensor a = picture(50, 64, "style");
    const StyleJob job = job_of(40, 52);
    const Tensor once = Stylizer(quick_net(), {{{a}}}, quick_options(), 0).stylize(job).image;
    const Tensor twice = Stylizer(quick_net(), {{{a, a}}}, quick_options(), 0).stylize(job).image;
    EXPECT_LT((once - twice).abs().max().item<double>(), 1e-4);
}

TEST(Stylizer, StartsWhereItIsTold) {
    StyleOptions options = quick_options();
    options.steps = 1;
    options.min_size = 64;
    options.step_size = 1e-4;
    const StyleJob content = job_of(40, 52);
    StyleJob file = content;
    file.init = at::full({3, 20, 26}, 0.25);
    EXPECT_NEAR(Stylizer(quick_net(), one_style(), options, 0).stylize(file).image.mean().item<double>(), 0.25, 1e-3);
    options.init = StyleInit::Noise;
    const auto noisy = [&](std::uint64_t seed) {
        options.seed = seed;
        return Stylizer(quick_net(), one_style(), options, 0).stylize(content).image;
    };
    EXPECT_GT(noisy(1).std().item<double>(), 0.25);
    EXPECT_GT((noisy(1) - noisy(2)).abs().mean().item<double>(), 0.2);
    options.init = StyleInit::Style;
    const Tensor style = Stylizer(quick_net(), one_style(), options, 0).stylize(content).image;
    EXPECT_GT((style - content.content).abs().mean().item<double>(), 0.01);
}

TEST(StylePlan, GrowsBySquareRootsOfTwoToTheSizeAskedFor) {
    const StyleOptions options = style_recipe(StylePreset::Reverie);
    const StylePlan plan = plan_style({384, 512}, quick_net(), options, 0);
    const std::vector<Size> wanted = {{96, 128}, {136, 181}, {192, 256}, {272, 362}, {384, 512}};
    EXPECT_EQ(plan.scales, wanted);
    EXPECT_EQ(plan.tile, 0);
    for (std::size_t k = 1; k < plan.steps.size(); ++k) {
        EXPECT_LE(plan.steps[k], plan.steps[k - 1]);
    }
}

TEST(StylePlan, TakesTilesToStayWithinTheLimit) {
    const StyleOptions options = style_recipe(StylePreset::Reverie);
    const StylePlan whole = plan_style({1500, 2000}, quick_net(), options, 0);
    const StylePlan tiled = plan_style({1500, 2000}, quick_net(), options, whole.peak_bytes / 4);
    EXPECT_GT(tiled.tile, 0);
    EXPECT_LE(tiled.peak_bytes, whole.peak_bytes / 4);
    EXPECT_GT(tiled.pixel_steps, whole.pixel_steps);
    expect_fault(ErrorKind::Device, "at least", [&] { plan_style({1500, 2000}, quick_net(), options, 300'000'000); });
}

TEST(StylePlan, CountsWhatLbfgsRemembers) {
    StyleOptions options = style_recipe(StylePreset::Reverie);
    const std::int64_t adam = plan_style({400, 600}, quick_net(), options, 0).peak_bytes;
    options.optimizer = StyleOptimizer::Lbfgs;
    EXPECT_EQ(plan_style({400, 600}, quick_net(), options, 0).peak_bytes, adam + 200 * 400 * 600 * 12);
}

TEST(StylePlan, CountsALargeStyleBesideANarrowContent) {
    StyleOptions options = style_recipe(StylePreset::Reverie);
    const std::int64_t small = plan_style({26, 512}, quick_net(), options, 0).peak_bytes;
    options.style_scale = 0.25;
    EXPECT_LT(plan_style({26, 512}, quick_net(), options, 0).peak_bytes, small);
}

TEST(StylePlan, SaysTheSmallestLimitThatWorks) {
    const StyleOptions options = style_recipe(StylePreset::Reverie);
    std::string sentence;
    try {
        plan_style({1500, 2000}, quick_net(), options, 300'000'000);
    } catch (const Error& error) {
        sentence = error.what();
    }
    const std::size_t at = sentence.find("at least ");
    ASSERT_NE(at, std::string::npos) << sentence;
    const double megabytes = std::stod(sentence.substr(at + 9)) * (sentence.find("GB") != std::string::npos ? 1000 : 1);
    EXPECT_GT(plan_style({1500, 2000}, quick_net(), options, static_cast<std::int64_t>(megabytes * 1.06e6)).tile, 0);
}

TEST(StylePlan, NamesASizeThatFitsAndElseWhatTheSmallestTakes) {
    const StyleOptions options = style_recipe(StylePreset::Reverie);
    const auto refused = [&](std::int64_t limit) -> std::string {
        try {
            plan_style({1500, 2000}, quick_net(), options, limit);
        } catch (const Error& error) {
            return with_flag_names(error.sentence());
        }
        return "";
    };
    const std::int64_t least = plan_style({48, 64}, quick_net(), options, 0).peak_bytes;
    const std::string nothing = refused(least - 1'000'000);
    EXPECT_NE(nothing.find(", and one of --size 64 "), std::string::npos) << nothing;
    const std::string some = refused(least + 10'000'000);
    const std::size_t at = some.find("make it --size ");
    ASSERT_NE(at, std::string::npos) << some;
    const std::int64_t size = std::stoll(some.substr(at + 15));
    EXPECT_LE(plan_style({size * 3 / 4, size}, quick_net(), options, least + 10'000'000).peak_bytes,
              least + 10'000'000);
}

TEST(StylePlan, RefusesAPictureTooSmall) {
    expect_fault(ErrorKind::Input, "300x15", [&] { plan_style({15, 300}, quick_net(), quick_options(), 0); });
    EXPECT_EQ(plan_style({16, 320}, quick_net(), style_recipe(StylePreset::Reverie), 0).scales.back(), (Size{16, 320}));
}

TEST(Stylizer, RefusesAGraphThatWasNotPreparedForItsOptions) {
    FrozenNet plain = test::formula_net("vgg16", "torchvision");
    expect_fault(ErrorKind::Usage, "prepare_graph", [&] { Stylizer(plain, one_style(), quick_options()); });
    StyleOptions zeros = quick_options();
    zeros.padding = StylePadding::Zero;
    expect_fault(ErrorKind::Usage, "prepare_graph", [&] { Stylizer(quick_net(), one_style(), zeros); });
    StyleOptions strong = quick_options();
    strong.pooling_gain = 3.0;
    expect_fault(ErrorKind::Usage, "prepare_graph", [&] { Stylizer(quick_net(), one_style(), strong); });
    Stylizer stylizer(quick_net(), one_style(), quick_options());
    const StyleJob job{.content = picture(41, 52, "content")};
    expect_fault(ErrorKind::Usage, "prepare_graph", [&] { stylizer.stylize(job, plain, {}); });
    StyleOptions published = zeros;  // what a graph is without being prepared
    published.pooling = Pooling::Max;
    published.pooling_gain = 1.0;
    EXPECT_EQ(Stylizer(plain, one_style(), published).plan(Size{41, 52}).scales.back(), (Size{41, 52}));
}

TEST(Stylizer, RefusesWhatItCannotDo) {
    FrozenNet& net = quick_net();
    expect_fault(ErrorKind::Usage, "--style", [&] { Stylizer(net, {}, quick_options(), 0); });
    StyleOptions deep = quick_options();
    deep.style_layers = {{"relu5_1", 1.0}};
    expect_fault(ErrorKind::Input, "40x12", [&] { Stylizer(net, {{{picture(12, 40, "style")}}}, deep, 0); });
    StyleJob job = job_of(40, 52);
    job.masks = {left_mask(40, 52), left_mask(40, 52)};
    expect_fault(ErrorKind::Usage, "--mask", [&] { Stylizer(net, one_style(), quick_options(), 0).stylize(job); });
    job.masks = {left_mask(41, 52)};
    expect_fault(ErrorKind::Usage, "--style", [&] { Stylizer(net, {{{}}}, quick_options(), 0); });
    expect_fault(ErrorKind::Usage, "52x41", [&] { Stylizer(net, one_style(), quick_options(), 0).stylize(job); });
    StyleOptions two_names = quick_options();
    two_names.style_layers = {{"relu1_1", 1.0}, {"conv1_1", 1.0}};
    expect_fault(ErrorKind::Usage, "relu1_1 and conv1_1", [&] { Stylizer(net, one_style(), two_names, 0); });
    Graph lite = make_graph("efficientnet_lite0", "lite0");
    expect_fault(ErrorKind::Usage, "vgg19", [&] { prepare_graph(lite, quick_options()); });
}

Tensor number(double value) { return at::scalar_tensor(value, at::kDouble); }

TEST(Plateau, IsReachedWhenLossesStopFalling) {
    Plateau plateau(3);
    for (const double loss : {10.0, 9.0, 8.0, 7.0, 6.0}) {
        plateau.add(number(loss));
        EXPECT_FALSE(plateau.reached());
    }
    for (const double loss : {6.0, 6.0, 6.0, 6.0}) {
        plateau.add(number(loss));
    }
    Plateau again(3);
    again.restore(plateau.text());
    EXPECT_EQ(again.text(), plateau.text());
    plateau.add(number(6.0));
    again.add(number(6.0));
    EXPECT_TRUE(plateau.reached());
    EXPECT_TRUE(again.reached());
    Plateau never(0);
    never.add(number(1.0));
    EXPECT_FALSE(never.reached());
}

TEST(RunningMean, StartsAtTheFirstImage) {
    RunningMean mean(0.9);
    const Tensor image = at::full({3, 2, 2}, 0.5);
    mean.add(image);
    EXPECT_TRUE(at::allclose(mean.value(image), image));
    mean.add(at::zeros({3, 2, 2}));
    EXPECT_NEAR(mean.value(image).mean().item<double>(), 0.5 * 0.09 / 0.19, 1e-6);
    EXPECT_TRUE(at::equal(RunningMean(0.0).value(image), image));
}

}  // namespace
}  // namespace reverie
