#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/engine.h"
#include "reverie/core/parallel.h"
#include "reverie/models/parameters.h"
#include "reverie/models/style_net.h"
#include "support/expect_error.h"
#include "support/net_reference.h"
#include "support/relative_error.h"

namespace reverie {
namespace {

using test::expect_error;

StyleNetOptions small(std::vector<std::string> styles = {"night", "wave"}) {
    return {.channels = {8, 16, 24}, .ends = 5, .blocks = 2, .styles = std::move(styles)};
}

/// A net all of whose numbers matter.
std::shared_ptr<StyleNet> filled(const StyleNetOptions& options) {
    auto net = make_style_net(options, 1);
    test::fill_with_formula(*net, 0.5);
    const c10::NoGradGuard no_grad;
    for (const auto& item : net->named_parameters()) {
        if (item.key().ends_with(".scale")) {
            item.value().add_(1.0);
        }
    }
    return net;
}

Tensor photos(std::int64_t count, std::int64_t height, std::int64_t width) {
    return test::reference_images(count, 3, height, width);
}
Tensor styles(std::vector<std::int64_t> numbers) { return at::tensor(numbers, at::kLong); }

/// The net as the header describes it, in float64 and by LibTorch alone.
class Described {
  public:
    explicit Described(const StyleNet& net) : options_(net.options()) {
        for (const auto& item : net.named_parameters()) {
            weights_[item.key()] = item.value().detach().to(at::kDouble).requires_grad_();
        }
    }
    Tensor forward(const Tensor& photos, std::int64_t style) {
        const Tensor input = photos.to(at::kDouble);
        Tensor x = normed("down.0", convolved("down.0", input, 1), style).relu();
        x = normed("down.1", convolved("down.1", x, 2), style).relu();
        x = normed("down.2", convolved("down.2", x, 2), style).relu();
        for (std::int64_t i = 0; i < options_.blocks; ++i) {
            const std::string block = "blocks." + std::to_string(i);
            const Tensor inner = normed(block + ".conv1", convolved(block + ".conv1", x, 1), style).relu();
            x = x + normed(block + ".conv2", convolved(block + ".conv2", inner, 1), style);
        }
        for (const char* name : {"up.0", "up.1"}) {
            x = at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
            x = normed(name, convolved(name, x, 1), style).relu();
        }
        const Tensor y = (convolved("out", x, 1) + weights_.at("out.bias").view({1, 3, 1, 1}))
                             .narrow(2, 0, photos.size(2))
                             .narrow(3, 0, photos.size(3));
        return options_.adds_input ? input + y : y;
    }
    const Tensor& weight(const std::string& name) const { return weights_.at(name); }

  private:
    Tensor convolved(const std::string& name, const Tensor& x, std::int64_t stride) const {
        const Tensor& weight = weights_.at(name + ".weight");
        const std::int64_t reach = weight.size(2) / 2;
        return at::conv2d(at::reflection_pad2d(x, {reach, reach, reach, reach}), weight, {}, stride);
    }
    Tensor normed(const std::string& name, const Tensor& x, std::int64_t style) const {
        const auto row = [&](const char* what) { return weights_.at(name + what)[style]; };
        return at::instance_norm(x, row(".scale"), row(".shift"), {}, {}, true, 0.0, 1e-5, false);
    }

    StyleNetOptions options_;
    std::map<std::string, Tensor> weights_;
};

TEST(StyleNet, ComputesAsDescribed) {
    for (const bool adds_input : {true, false}) {
        StyleNetOptions options = small();
        options.adds_input = adds_input;
        options.ends = adds_input ? 5 : 9;
        const auto net = filled(options);
        Described described(*net);
        const Tensor images = photos(2, 29, 38);
        const Tensor found = net->forward(images, styles({1, 0}));
        const Tensor wanted =
            at::cat({described.forward(images.narrow(0, 0, 1), 1), described.forward(images.narrow(0, 1, 1), 0)});
        // Rounding of float32 through fifteen layers.
        EXPECT_LE(test::relative_error(found.detach(), wanted.detach()), 1e-4);
        const Tensor behind = photos(2, 38, 29).transpose(2, 3) - 0.5;
        found.backward(behind);
        wanted.backward(behind.to(at::kDouble));
        for (const auto& item : net->named_parameters()) {
            // Constants that end a block are taken away by the norms behind it, so that their gradient is rounding. Of
            // the others some is lost where float32 and float64 see other sides of a ReLU's kink.
            const Tensor difference = item.value().grad().to(at::kDouble) - described.weight(item.key()).grad();
            const std::string beside = item.key().ends_with(".conv2.shift")
                                           ? item.key().substr(0, item.key().size() - 5) + "scale"
                                           : item.key();
            EXPECT_LE(difference.norm().item<double>(), 0.02 * described.weight(beside).grad().norm().item<double>())
                << item.key();
        }
    }
}

TEST(StyleNet, HasTheSizesItIsKnownFor) {
    EXPECT_EQ(parameter_count(*make_style_net({.styles = {"one"}}, 1)), 418'723);
    EXPECT_EQ(parameter_count(*make_style_net({.styles = {"one", "two"}}, 1)) - 418'723, 1600);
    EXPECT_EQ(parameter_count(*make_style_net({.channels = {32, 64, 128}, .ends = 9, .styles = {"one"}}, 1)),
              1'677'635);
}

TEST(StyleNet, BeginsByGivingThePhotoBack) {
    const c10::NoGradGuard no_grad;
    const auto net = make_style_net(small(), 3);
    const Tensor images = photos(1, 21, 18);
    EXPECT_TRUE(at::equal(net->forward(images, styles({1})), images));
}

TEST(StyleNet, ReturnsEverySizeExactly) {
    const c10::NoGradGuard no_grad;
    const auto net = filled(small());
    for (const Size size : {Size{8, 8}, Size{8, 9}, Size{10, 11}, Size{13, 8}, Size{160, 8}, Size{33, 47}}) {
        const Tensor pictures = net->forward(photos(1, size.height, size.width), styles({0}));
        EXPECT_EQ(pictures.sizes().vec(), (std::vector<std::int64_t>{1, 3, size.height, size.width}));
        EXPECT_TRUE(pictures.isfinite().all().item<bool>());
    }
}

TEST(StyleNet, PicturesDependOnTheirPhotoAndStyleAlone) {
    const c10::NoGradGuard no_grad;
    const auto net = filled(small());
    const Tensor images = photos(3, 24, 17);
    const Tensor together = net->forward(images, styles({0, 1, 1}));
    for (std::int64_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(at::equal(net->forward(images.narrow(0, i, 1), styles({i > 0})), together.narrow(0, i, 1)));
    }
    EXPECT_FALSE(at::allclose(net->forward(images, styles({1, 1, 1}))[0], together[0]));
}

TEST(StyleNet, OnlyRowsOfStylesInUseHaveGradients) {
    const auto net = filled(small());
    net->forward(photos(1, 20, 20), styles({1})).square().sum().backward();
    for (const char* name : {"down.1.scale", "blocks.1.conv2.shift", "up.0.scale"}) {
        const Tensor gradient = net->named_parameters()[name].grad();
        EXPECT_EQ(gradient[0].abs().max().item<double>(), 0.0) << name;
        EXPECT_GT(gradient[1].abs().max().item<double>(), 0.0) << name;
    }
}

TEST(StyleNet, GivesTheSameBitsWithAnyNumberOfThreads) {
    std::vector<std::vector<Tensor>> all;
    for (const int threads : {1, 3}) {
        const ThreadShare share(threads);
        const TrainingEngine engine(true);
        const auto net = filled(small());
        const Tensor y = net->forward(photos(2, 45, 50), styles({0, 1}));
        y.square().sum().backward();
        std::vector<Tensor> found = {y.detach()};
        for (const Tensor& parameter : net->parameters()) {
            found.push_back(parameter.grad());
        }
        all.push_back(std::move(found));
    }
    for (std::size_t i = 0; i < all[0].size(); ++i) {
        EXPECT_TRUE(at::equal(all[0][i], all[1][i])) << "tensor " << i;
    }
}

TEST(StyleNet, WeightsAreAFunctionOfTheSeed) {
    const auto one = make_style_net(small(), 5)->named_parameters();
    const auto same = make_style_net(small(), 5)->named_parameters();
    const auto other = make_style_net(small(), 6)->named_parameters();
    for (const auto& item : one) {
        EXPECT_TRUE(at::equal(item.value(), same[item.key()])) << item.key();
    }
    EXPECT_FALSE(at::equal(one["down.0.weight"], other["down.0.weight"]));
}

TEST(StyleNet, RefusesWhatItCannotPaint) {
    const auto net = make_style_net(small(), 1);
    const auto refused = [&](const Tensor& images, const Tensor& numbers) {
        return expect_error(ErrorKind::Usage, [&] { net->forward(images, numbers); });
    };
    EXPECT_NE(refused(photos(1, 7, 20), styles({0})).find("at least 8 pixels"), std::string::npos);
    EXPECT_NE(refused(photos(1, 20, 20)[0], styles({0})).find("[N,3,H,W]"), std::string::npos);
    EXPECT_NE(refused(photos(1, 20, 20), styles({2})).find("0 to 1"), std::string::npos);
    EXPECT_NE(refused(photos(2, 20, 20), styles({1})).find("int64 [2]"), std::string::npos);
    EXPECT_NE(refused(photos(1, 20, 20), {}).find("one for each photo"), std::string::npos);
}

}  // namespace
}  // namespace reverie
