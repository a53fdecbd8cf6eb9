#include "reverie/techniques/gan_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <limits>

#include "support/expect_error.h"
#include "support/gan_reference.h"

namespace reverie {
namespace {

using test::expect_error;
using test::formula_uniform;

/// Both sides compute in float64: what is left is the rounding of a few hundred sums and the 12 digits written down.
constexpr double kRounding = 1e-10;

void expect_numbers(const Tensor& found, const nlohmann::json& wanted, const std::string& what) {
    const Tensor flat = found.detach().contiguous().flatten();
    ASSERT_EQ(flat.numel(), static_cast<std::int64_t>(wanted.size())) << what;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_NEAR(flat.const_data_ptr<double>()[i], wanted[i].get<double>(), kRounding) << what << " number " << i;
    }
}

Tensor gradient(const Tensor& value, const Tensor& of) {
    return torch::autograd::grad({value}, {of}, {}, /*retain_graph=*/true).front();
}

/// The small net of the references, smooth so that second derivatives count: 4x4 convolution of stride 2, SiLU, linear.
struct SmallCritic {
    Tensor kernel = formula_uniform("critic kernel", -0.4, 0.4, {3, 2, 4, 4}).requires_grad_();
    Tensor bias = formula_uniform("critic bias", -0.2, 0.2, {3}).requires_grad_();
    Tensor weight = formula_uniform("critic weight", -0.6, 0.6, {1, 36}).requires_grad_();

    Tensor operator()(const Tensor& images) const {
        const Tensor features = at::silu(at::conv2d(images, kernel, bias, /*stride=*/2, /*padding=*/1));
        return features.flatten(1).matmul(weight.t()).squeeze(1);
    }
};

Tensor some_images(const std::string& name) { return formula_uniform(name, -1.0, 1.0, {5, 2, 9, 7}); }

void expect_penalty(const Tensor& penalty, const SmallCritic& critic, const nlohmann::json& wanted) {
    EXPECT_NEAR(penalty.item<double>(), wanted["value"].get<double>(), kRounding);
    expect_numbers(gradient(penalty, critic.kernel), wanted["kernel"], "kernel");
    expect_numbers(gradient(penalty, critic.bias), wanted["bias"], "bias");
    expect_numbers(gradient(penalty, critic.weight), wanted["weight"], "weight");
}

TEST(GanLosses, AgreeWithTheReferencesInValueAndGradient) {
    const nlohmann::json references = test::gan_references("gan_losses");
    const Tensor real_labels = formula_uniform("real labels", 0.8, 1.1, {7});  // noise takes labels beyond 0 and 1
    const Tensor fake_labels = formula_uniform("fake labels", -0.05, 0.3, {7});
    for (const std::string& name : gan_losses()) {
        const GanLoss loss = gan_loss(name);
        const nlohmann::json& wanted = references["losses"][name];
        const auto check = [&](const std::string& part, const auto& of) {
            const Tensor logits = formula_uniform("logits", -3.0, 3.0, {7}).requires_grad_();
            const Tensor value = of(logits);
            EXPECT_NEAR(value.template item<double>(), wanted[part]["value"].get<double>(), kRounding) << name << part;
            expect_numbers(gradient(value, logits), wanted[part]["gradient"], name + " " + part);
        };
        check("real", [&](const Tensor& logits) { return real_loss(loss, logits, real_labels); });
        check("fake", [&](const Tensor& logits) { return fake_loss(loss, logits, fake_labels); });
        check("generator", [&](const Tensor& logits) { return generator_loss(loss, logits); });
        check("generator 0.9", [&](const Tensor& logits) { return generator_loss(loss, logits, 0.9); });
    }
}

TEST(GanLosses, StayFiniteAtLogitsFarAway) {
    const Tensor logits = at::tensor({-1e4F, 1e4F}).requires_grad_();
    const Tensor labels = at::tensor({1.05F, -0.05F});
    for (const std::string& name : gan_losses()) {
        const GanLoss loss = gan_loss(name);
        const Tensor all =
            real_loss(loss, logits, labels) + fake_loss(loss, logits, labels) + generator_loss(loss, logits);
        EXPECT_TRUE(all.isfinite().item<bool>()) << name;
        EXPECT_TRUE(gradient(all, logits).isfinite().all().item<bool>()) << name;
    }
}

TEST(GanLosses, NeedLabelsOnlyWhereTheyMeanSomething) {
    const Tensor logits = at::tensor({-0.5F, 0.25F, 2.0F});
    for (const std::string& name : gan_losses()) {
        const GanLoss loss = gan_loss(name);
        EXPECT_EQ(has_labels(loss), name == "non-saturating" || name == "least-squares") << name;
        if (!has_labels(loss)) {
            EXPECT_TRUE(real_loss(loss, logits, {}).defined());
            EXPECT_TRUE(fake_loss(loss, logits, {}).defined());
        }
    }
}

TEST(GanLosses, AreKnownByName) {
    for (const std::string& name : gan_losses()) {
        EXPECT_EQ(text_of(gan_loss(name)), name);
    }
    const std::string message = expect_error(ErrorKind::Usage, [] { gan_loss("hinges"); });
    EXPECT_NE(message.find("--loss"), std::string::npos) << message;
    EXPECT_NE(message.find("'hinge'"), std::string::npos) << message;
    EXPECT_NE(message.find("least-squares"), std::string::npos) << message;
}

TEST(R1, AgreesWithTheReferenceInValueAndGradient) {
    const SmallCritic critic;
    const Tensor reals = some_images("reals");
    expect_penalty(r1_penalty(critic, reals), critic, test::gan_references("gan_losses")["penalties"]["r1"]);
    EXPECT_FALSE(reals.requires_grad());
}

TEST(R1, LeavesWhatMadeTheImagesAlone) {
    const Tensor source = some_images("reals").requires_grad_();
    const SmallCritic critic;
    const Tensor penalty = r1_penalty(critic, source * 1.0);
    const auto gradients = torch::autograd::grad({penalty}, {critic.kernel, source}, {}, std::nullopt, false, true);
    EXPECT_TRUE(gradients[0].defined());
    EXPECT_FALSE(gradients[1].defined());
}

TEST(GradientPenalty, AgreesWithTheReferenceInValueAndGradient) {
    const SmallCritic critic;
    const Tensor mix = formula_uniform("mix", 0.0, 1.0, {5, 1, 1, 1});
    const Tensor penalty = gradient_penalty(critic, some_images("reals"), some_images("fakes"), mix);
    expect_penalty(penalty, critic, test::gan_references("gan_losses")["penalties"]["gradient penalty"]);
}

TEST(GradientPenalty, MixesAsTheShareOfTheRealSays) {
    Tensor seen;
    const Critic watched = [&](const Tensor& images) {
        seen = images.detach();
        return images.flatten(1).sum(1);
    };
    const Tensor reals = some_images("reals");
    const Tensor fakes = some_images("fakes");
    gradient_penalty(watched, reals, fakes, at::ones({5, 1, 1, 1}, at::kDouble));
    EXPECT_TRUE(at::equal(seen, reals));
    gradient_penalty(watched, reals, fakes, at::zeros({5, 1, 1, 1}, at::kDouble));
    EXPECT_TRUE(at::equal(seen, fakes));
}

TEST(GradientPenalty, HasAGradientWhereTheCriticIsFlat) {
    const Tensor slope = at::zeros({1}, at::kDouble).requires_grad_();
    const Critic flat = [&](const Tensor& images) { return slope * images.flatten(1).sum(1); };
    const Tensor mix = formula_uniform("mix", 0.0, 1.0, {5, 1, 1, 1});
    const Tensor penalty = gradient_penalty(flat, some_images("reals"), some_images("fakes"), mix);
    EXPECT_DOUBLE_EQ(penalty.item<double>(), 1.0);
    EXPECT_TRUE(gradient(penalty, slope).isfinite().all().item<bool>());
}

}  // namespace
}  // namespace reverie
