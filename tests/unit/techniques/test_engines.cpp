// Pictures made by the frozen engine against those made by LibTorch's operators.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "reverie/techniques/dream.h"
#include "reverie/techniques/style.h"
#include "support/formula_net.h"

namespace reverie {
namespace {

Tensor picture(std::int64_t height, std::int64_t width, const std::string& noise) {
    return test::formula_image(height, width, noise).squeeze(0);
}

/// In decibels, of images in [0,1].
double peak_signal_to_noise(const Tensor& a, const Tensor& b) {
    return -10.0 * std::log10((a - b).square().mean(at::kDouble).item<double>());
}

/// Content is looked at in a style layer, under another of its names.
TEST(Engines, PaintTheSamePicture) {
    StyleOptions options = style_recipe(StylePreset::Reverie);
    options.style_layers = {{"relu1_1", 4.0}, {"relu2_1", 2.0}, {"relu3_1", 1.0}, {"relu4_1", 1.0}};
    options.content_layers = {{"conv3_1", 1.0}};
    options.min_size = 101;
    options.steps = 10;
    options.first_steps = 0;
    options.patience = 0;
    const StyleJob job{.content = picture(75, 101, "content")};
    struct Painted {
        Tensor image;
        double style_loss = 0.0;
    };
    const auto paint = [&](Engine engine) {
        Graph graph = make_graph("vgg19", "torchvision");
        prepare_graph(graph, options);
        FrozenNet net = test::formula_net(std::move(graph), engine);
        EXPECT_EQ(net.engine(), engine);
        Painted painted;
        StyleHooks hooks;
        hooks.on_trace = [&](const StyleTrace& trace) { painted.style_loss = trace.losses.at("style"); };
        painted.image = Stylizer(net, {{.images = {picture(90, 70, "style")}}}, options, 0).stylize(job, hooks).image;
        return painted;
    };
    const Painted frozen = paint(Engine::Frozen);
    const Painted reference = paint(Engine::Libtorch);
    EXPECT_GT(peak_signal_to_noise(frozen.image, reference.image), 40.0);
    EXPECT_NEAR(frozen.style_loss, reference.style_loss, 0.01 * reference.style_loss);
    EXPECT_LT(peak_signal_to_noise(frozen.image, job.content), 30.0);  // something was painted
}

TEST(Engines, DreamTheSamePicture) {
    DreamOptions options = dream_recipe("efficientnet_lite0");
    options.layers = {{"block5.expand", 1.0}, {"block8", 0.5}};
    options.octaves = 1;
    options.steps = 10;
    const Tensor photo = picture(75, 101, "photo");
    const auto dreamt = [&](Engine engine) {
        FrozenNet net = test::formula_net(make_graph("efficientnet_lite0", "lite0"), engine);
        return dream(photo, net, options, 0).image;
    };
    const Tensor frozen = dreamt(Engine::Frozen);
    EXPECT_GT(peak_signal_to_noise(frozen, dreamt(Engine::Libtorch)), 40.0);
    EXPECT_LT(peak_signal_to_noise(frozen, photo), 35.0);
}

}  // namespace
}  // namespace reverie
