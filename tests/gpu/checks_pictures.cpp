// What is done to pictures: the loop, its step rules and filters, dreams and styles.
#include "check.h"
#include "reverie/core/device.h"
#include "reverie/optimize/gradient_transform.h"
#include "reverie/optimize/image_loop.h"
#include "reverie/optimize/step_rules.h"
#include "reverie/optimize/total_variation.h"
#include "reverie/techniques/dream.h"
#include "reverie/techniques/style.h"

namespace reverie::test {
namespace {

/// Towards a picture, and smooth.
class Towards : public Objective {
  public:
    explicit Towards(Tensor target) : target_(std::move(target)) {}
    Tensor value_and_gradient(const Tensor& image, std::int64_t /*step*/, Tensor& gradient) override {
        const Tensor difference = image - target_;
        gradient = difference * 2.0;
        return difference.square().sum() + add_variation_(image, Variation::Squared, 0.5, 1.0, gradient);
    }

  private:
    Tensor target_;
};

template <typename Rule>
std::vector<Tensor> approached(const Place& place, typename Rule::Options options) {
    Towards objective(on_device(drawn_picture(33, 47, "target"), place.device));
    Rule rule(options);
    return {minimize_image(on_device(drawn_picture(33, 47, "begin"), place.device), objective, {}, rule, {.steps = 12})
                .image};
}

std::vector<Tensor> filtered(const Place& place) {
    const Tensor image = on_device(drawn_picture(70, 91, "gradient") - 0.5, place.device);
    return {gaussian_blur(image, 1.3),
            normalize_bands(image, {}),
            low_pass(image, 3),
            mix_colors(image, natural_colors(0.9)),
            mix_colors(image, luma_colors()),
            root_mean_square(image)};
}

std::vector<Tensor> dreamt(const Place& place, DreamOptions options, std::int64_t tile_memory) {
    FrozenNet net = formula_net_at(place, make_graph("efficientnet_lite0", "lite0"));
    options.octaves = 2;
    options.steps = 3;
    const Tensor photo = on_device(drawn_picture(96, 128, "photo"), place.device);
    return {dream(photo, net, options, tile_memory).image};
}

StyleOptions quick_style(StylePreset preset) {
    StyleOptions options = style_recipe(preset);
    options.style_layers = {{"relu1_1", 2.0}, {"relu2_1", 1.0}};
    options.content_layers = {{"relu2_2", 1.0}};
    // L-BFGS divides by differences of gradients, so its steps soon enlarge what rounding leaves.
    const bool lbfgs = options.optimizer == StyleOptimizer::Lbfgs;
    options.steps = lbfgs ? 2 : 4;
    options.min_size = lbfgs ? 64 : 24;  // one scale: beginning anew enlarges it again
    options.first_steps = 0;
    options.patience = 0;
    return options;
}

Tensor left_mask(std::int64_t height, std::int64_t width) {
    return (1.5 - at::arange(width, at::kFloat) / (0.5 * static_cast<double>(width)))
        .clamp(0.0, 1.0)
        .expand({1, height, width})
        .contiguous();
}

std::vector<Tensor> styled(const Place& place, const StyleOptions& options, bool masked) {
    constexpr std::int64_t kHeight = 48;
    constexpr std::int64_t kWidth = 64;
    Graph graph = make_graph("vgg16", "torchvision");
    prepare_graph(graph, options);
    FrozenNet net = formula_net_at(place, std::move(graph));
    const auto there = [&](const Tensor& tensor) { return on_device(tensor, place.device); };
    std::vector<StyleSource> styles = {{.images = {there(drawn_picture(40, 52, "one"))}}};
    StyleJob job{.content = there(drawn_picture(kHeight, kWidth, "content"))};
    if (masked) {
        styles.push_back({.images = {there(drawn_picture(44, 40, "two"))}, .weight = 2.0});
        const Tensor left = left_mask(kHeight, kWidth);
        job.masks = {there(left), there(1.0 - left)};
        job.alpha = there(0.5 + 0.5 * left);
        job.protect = there(left.flip(2) * 0.5);
    }
    Stylizer stylizer(net, std::move(styles), options, 0);
    return {stylizer.stylize(job).image};
}

Check style_check(const std::string& name, const StyleOptions& options, bool masked = false) {
    // Of a few steps; each adds its rounding, and where a moment passes a kink the next one another digit.
    return {"style " + name, 3e-2, [=](const Place& place) { return styled(place, options, masked); }};
}

}  // namespace

std::vector<Check> picture_checks() {
    std::vector<Check> checks = {
        {"loop, Adam", 1e-3, [](const Place& place) { return approached<Adam>(place, {}); }},
        {"loop, L-BFGS", 1e-3, [](const Place& place) { return approached<Lbfgs>(place, {}); }},
        {"loop, descent", 1e-3,
         [](const Place& place) { return approached<GradientDescent>(place, {.step_size = 0.1}); }},
        {"filters", 1e-3, filtered},
    };
    DreamOptions dreaming = dream_recipe("efficientnet_lite0");
    checks.push_back({"dream", 3e-2, [=](const Place& place) { return dreamt(place, dreaming, 0); }});
    DreamOptions plain = dreaming;
    plain.laplacian = 0;
    plain.color_basis = ColorBasis::Luma;
    plain.channel_balance = 0.5;
    checks.push_back({"dream, luma", 3e-2, [=](const Place& place) { return dreamt(place, plain, 0); }});

    for (const auto& [name, preset] : {std::pair{"reverie", StylePreset::Reverie},
                                       {"crowsonkb", StylePreset::Crowsonkb},
                                       {"gatys, L-BFGS", StylePreset::Gatys},
                                       {"neural-style", StylePreset::NeuralStyle},
                                       {"chollet2e", StylePreset::Chollet2e}}) {
        checks.push_back(style_check(name, quick_style(preset)));
    }
    checks.push_back(style_check("masks", quick_style(StylePreset::Reverie), /*masked=*/true));
    StyleOptions other = quick_style(StylePreset::Reverie);
    other.statistic = StyleStatistic::MeanStd;
    other.pooling = Pooling::L2;
    other.color = StyleColor::Histogram;
    other.init = StyleInit::Noise;
    checks.push_back(style_check("mean-std, L2, histogram", other));
    other.statistic = StyleStatistic::Gram;
    other.pooling = Pooling::Average;
    other.color = StyleColor::Content;
    other.init = StyleInit::Style;
    other.optimizer = StyleOptimizer::Lbfgs;
    other.steps = 2;
    other.min_size = 64;
    checks.push_back(style_check("gram, average, L-BFGS", other));
    return checks;
}

}  // namespace reverie::test
