#include "reverie/techniques/augment.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "reverie/core/noise.h"
#include "support/expect_error.h"
#include "support/gan_reference.h"

namespace reverie {
namespace {

using test::expect_error;
using test::formula_uniform;

constexpr std::uint64_t kSeed = 11;
constexpr std::uint64_t kStream = 0x617567;
constexpr AugmentKinds kColor{.color = true};
constexpr AugmentKinds kTranslation{.translation = true};
constexpr AugmentKinds kCutout{.cutout = true};
constexpr AugmentKinds kAll{.color = true, .translation = true, .cutout = true};

Tensor always() { return at::scalar_tensor(1.0F); }
Tensor never() { return at::scalar_tensor(0.0F); }
Tensor some_images(std::int64_t count, std::int64_t channels = 3) {
    return formula_uniform("augmented", -1.0, 1.0, {count, channels, 19, 26}).to(at::kFloat);
}
Tensor changed(const Tensor& images, const AugmentKinds& kinds, std::int64_t first = 0) {
    return augmented(images, kinds, always(), kSeed, kStream, first);
}

/// What a shift by whole pixels makes of an image, written as loops.
Tensor shifted(const Tensor& image, std::int64_t dy, std::int64_t dx) {
    Tensor moved = at::zeros_like(image);
    for (std::int64_t y = 0; y < image.size(1); ++y) {
        for (std::int64_t x = 0; x < image.size(2); ++x) {
            if (y - dy >= 0 && y - dy < image.size(1) && x - dx >= 0 && x - dx < image.size(2)) {
                moved.select(1, y).select(1, x).copy_(image.select(1, y - dy).select(1, x - dx));
            }
        }
    }
    return moved;
}

TEST(AugmentKinds, AreReadInAnyOrder) {
    EXPECT_EQ(augment_kinds("cutout,color"), (AugmentKinds{.color = true, .cutout = true}));
    EXPECT_EQ(augment_kinds("translation"), kTranslation);
    EXPECT_EQ(augment_kinds(text_of(kAll)), kAll);
    EXPECT_EQ(text_of(kAll), "color,translation,cutout");
    for (const char* wrong : {"", "color,", "colour", "color cutout", "Color"}) {
        const std::string message = expect_error(ErrorKind::Usage, [&] { augment_kinds(wrong); });
        EXPECT_NE(message.find("--augment"), std::string::npos) << message;
    }
}

TEST(Augment, GivesWhatItGotWithoutKindsOrChance) {
    for (const std::int64_t channels : {1, 3, 4}) {
        const Tensor images = some_images(5, channels);
        EXPECT_TRUE(at::equal(changed(images, {}), images));
        EXPECT_TRUE(at::equal(augmented(images, kAll, never(), kSeed, kStream, 0), images)) << channels;
    }
}

TEST(Augment, ChangesEveryImageThatIsSureToBeChosen) {
    for (const std::int64_t channels : {1, 3, 4}) {
        const Tensor images = some_images(40, channels);
        for (const AugmentKinds& kinds : {kColor, kCutout, kAll}) {
            const Tensor differs = (changed(images, kinds) != images).flatten(1).any(1);
            EXPECT_TRUE(differs.all().item<bool>()) << channels << " " << text_of(kinds);
        }
        // one of 5 * 7 shifts is none at all
        EXPECT_GT((changed(images, kTranslation) != images).flatten(1).any(1).sum().item<int>(), 30) << channels;
    }
}

TEST(Augment, ChoosesTheShareOfImagesAskedForByEachKindAlone) {
    const Tensor images = some_images(2000, 1);
    const Tensor chance = at::scalar_tensor(0.3F);
    const auto chosen = [&](const AugmentKinds& kinds) {
        return (augmented(images, kinds, chance, kSeed, kStream, 0) != images).flatten(1).any(1);
    };
    const Tensor colored = chosen(kColor);
    const Tensor cut = chosen(kCutout);
    // the deviation of such a share is 0.01: five of them
    EXPECT_NEAR(colored.to(at::kFloat).mean().item<double>(), 0.3, 0.05);
    EXPECT_NEAR(cut.to(at::kFloat).mean().item<double>(), 0.3, 0.05);
    EXPECT_NEAR((colored & cut).to(at::kFloat).mean().item<double>(), 0.09, 0.035);
}

TEST(Augment, DoesToAnImageTheSameInWhateverBatch) {
    const Tensor images = some_images(9);
    const Tensor chance = at::scalar_tensor(0.5F);
    const Tensor all = augmented(images, kAll, chance, kSeed, kStream, 100);
    EXPECT_TRUE(at::equal(augmented(images, kAll, chance, kSeed, kStream, 100), all));
    EXPECT_TRUE(at::equal(augmented(images.narrow(0, 4, 3), kAll, chance, kSeed, kStream, 104), all.narrow(0, 4, 3)));
    EXPECT_FALSE(at::equal(augmented(images, kAll, chance, kSeed, kStream, 101), all));
    EXPECT_FALSE(at::equal(augmented(images, kAll, chance, kSeed, kStream + 1, 100), all));
    EXPECT_FALSE(at::equal(augmented(images, kAll, chance, kSeed + 1, kStream, 100), all));
}

TEST(AugmentTranslation, MovesByWholePixelsUpToAnEighthAndFillsWithZero) {
    const std::int64_t count = 400;
    const Tensor images = some_images(1).expand({count, -1, -1, -1});
    const Tensor moved = changed(images, kTranslation);
    // sides 19 and 26: up to round(2.375) = 2 and round(3.25) = 3
    std::vector<int> found(5 * 7, 0);
    std::vector<Tensor> candidates;
    for (std::int64_t dy = -2; dy <= 2; ++dy) {
        for (std::int64_t dx = -3; dx <= 3; ++dx) {
            candidates.push_back(shifted(images[0], dy, dx));
        }
    }
    for (std::int64_t i = 0; i < count; ++i) {
        int fits = 0;
        for (std::size_t k = 0; k < candidates.size(); ++k) {
            if (at::equal(moved[i], candidates[k])) {
                ++found[k];
                ++fits;
            }
        }
        EXPECT_EQ(fits, 1) << i;
    }
    for (const int times : found) {  // 11.4 on average: none at all is one in 90,000
        EXPECT_GT(times, 0);
        EXPECT_LT(times, 40);
    }
}

TEST(AugmentCutout, ClearsARectangleOfHalfTheSidesClippedAtTheBorders) {
    const std::int64_t count = 300;
    const Tensor images = at::ones({count, 2, 19, 26});
    const Tensor cleared = changed(images, kCutout).eq(0.0);
    EXPECT_TRUE(at::equal(cleared.select(1, 0), cleared.select(1, 1)));
    const auto length_of = [](const Tensor& line) {  // of the run of cleared places, which must be one
        const Tensor places = line.nonzero().flatten();
        const std::int64_t length = places.size(0);
        EXPECT_EQ(places[length - 1].item<std::int64_t>() - places[0].item<std::int64_t>(), length - 1);
        return length;
    };
    bool clipped = false;
    double middle = 0.0;
    for (std::int64_t i = 0; i < count; ++i) {
        const Tensor mask = cleared[i][0];
        const Tensor rows = mask.any(1);
        const Tensor columns = mask.any(0);
        EXPECT_TRUE(at::equal(mask, rows.unsqueeze(1) & columns.unsqueeze(0)));
        const std::int64_t height = length_of(rows);
        const std::int64_t width = length_of(columns);
        EXPECT_GE(height, 5);  // half of round(9.5) = 10, at a border
        EXPECT_LE(height, 10);
        EXPECT_GE(width, 6);
        EXPECT_LE(width, 13);
        const bool touches = rows[0].item<bool>() || rows[18].item<bool>();
        EXPECT_TRUE(touches || height == 10);
        clipped = clipped || height < 10;
        middle += columns.nonzero().to(at::kDouble).mean().item<double>() / static_cast<double>(count);
    }
    EXPECT_TRUE(clipped);
    EXPECT_NEAR(middle, 12.5, 1.5);  // the deviation of the mean of 300 uniform centres of 26 is 0.4
}

/// The changes as published, one after the other, from the image's own numbers.
Tensor colored_slowly(const Tensor& image, double brightness, double saturation, double contrast) {
    Tensor x = image.to(at::kDouble) + brightness;
    x = (x - x.mean(0, true)) * saturation + x.mean(0, true);
    return (x - x.mean()) * contrast + x.mean();
}

TEST(AugmentColor, ShiftsAndStretchesAboutTheMeansWithinThePublishedAmounts) {
    const std::int64_t count = 200;
    const Tensor images = some_images(count);
    const Tensor result = changed(images, kColor).to(at::kDouble);
    double least_b = 1.0, most_b = -1.0, least_s = 9.0, most_s = -1.0, least_k = 9.0, most_k = -1.0;
    for (std::int64_t i = 0; i < count; ++i) {
        const Tensor before = images[i].to(at::kDouble);
        // the amounts out of the result: means move by the brightness alone, pixel means spread by the contrast alone,
        // the colours about them by both
        const auto b = (result[i].mean() - before.mean()).item<double>();
        const auto spread = [](const Tensor& x) { return (x.mean(0) - x.mean()).flatten(); };
        const Tensor grey = spread(before);
        const auto k = (spread(result[i]).dot(grey) / grey.dot(grey)).item<double>();
        const auto colors = [](const Tensor& x) { return (x - x.mean(0, true)).flatten(); };
        const Tensor tint = colors(before);
        const double s = (colors(result[i]).dot(tint) / tint.dot(tint)).item<double>() / k;
        // float32 of values up to 4
        EXPECT_LT((result[i] - colored_slowly(images[i], b, s, k)).abs().max().item<double>(), 2e-6) << i;
        least_b = std::min(least_b, b), most_b = std::max(most_b, b);
        least_s = std::min(least_s, s), most_s = std::max(most_s, s);
        least_k = std::min(least_k, k), most_k = std::max(most_k, k);
    }
    // of 200 uniform numbers the least is within 5 % of the range from its end but for one case in 28,000
    EXPECT_GE(least_b, -0.5 - 1e-5);
    EXPECT_LT(least_b, -0.45);
    EXPECT_GT(most_b, 0.45);
    EXPECT_LE(most_b, 0.5 + 1e-5);
    EXPECT_GE(least_s, -1e-5);
    EXPECT_LT(least_s, 0.1);
    EXPECT_GT(most_s, 1.9);
    EXPECT_LE(most_s, 2.0 + 1e-5);
    EXPECT_GE(least_k, 0.5 - 1e-5);
    EXPECT_LT(least_k, 0.55);
    EXPECT_GT(most_k, 1.45);
    EXPECT_LE(most_k, 1.5 + 1e-5);
}

TEST(AugmentColor, OfGreyIsThatOfThreeEqualChannels) {
    const Tensor grey = some_images(6, 1);
    const Tensor three = changed(grey.expand({-1, 3, -1, -1}), kColor);
    EXPECT_LT((three - changed(grey, kColor)).abs().max().item<double>(), 1e-6);  // saturation cancels but for rounding
}

TEST(AugmentColor, LeavesAlphaAlone) {
    const Tensor images = some_images(6, 4);
    const Tensor colors = images.narrow(1, 0, 3);
    const Tensor result = changed(images, kColor);
    EXPECT_TRUE(at::equal(result.select(1, 3), images.select(1, 3)));
    EXPECT_TRUE(at::equal(result.narrow(1, 0, 3), changed(colors, kColor)));
    const AugmentKinds places{.translation = true, .cutout = true};
    EXPECT_TRUE(at::equal(changed(images, places).narrow(1, 0, 3), changed(colors, places)));
    EXPECT_FALSE(at::equal(changed(images, places).select(1, 3), images.select(1, 3)));
}

TEST(Augment, IsTheSameForAnImageWhereverAKindIsLeftOut) {
    const Tensor images = some_images(5);
    const Tensor steps = changed(changed(changed(images, kColor), kTranslation), kCutout);
    EXPECT_TRUE(at::equal(changed(images, kAll), steps));
}

TEST(Augment, HasTheGradientOfTheAffineMapThatItIs) {
    // A(x + d) - A(x) is linear in d, so with its transpose A' (the gradient): <A(d) - A(0), g> = <d, A' g>.
    for (const std::int64_t channels : {1, 3, 4}) {
        for (const AugmentKinds& kinds : {kColor, kTranslation, kCutout, kAll}) {
            const std::vector<std::int64_t> shape = {6, channels, 19, 26};
            const Tensor direction = formula_uniform("direction", -1.0, 1.0, shape);
            const Tensor back = formula_uniform("back", -1.0, 1.0, shape);
            const Tensor images = formula_uniform("augmented", -1.0, 1.0, shape).requires_grad_();
            const Tensor result = changed(images, kinds);
            const Tensor gradient = torch::autograd::grad({(result * back).sum()}, {images}).front();
            const Tensor along = changed(direction, kinds) - changed(at::zeros_like(direction), kinds);
            const auto wanted = (along * back).sum().item<double>();
            // a few thousand float64 products
            EXPECT_NEAR((gradient * direction).sum().item<double>(), wanted, 1e-9) << channels << " " << text_of(kinds);
            EXPECT_GT(std::abs(wanted), 1e-3);
        }
    }
}

TEST(Augment, CanBeDifferentiatedTwice) {
    const Tensor images = formula_uniform("augmented", -1.0, 1.0, {2, 3, 19, 26}).requires_grad_();
    const Tensor value = changed(images, kAll).pow(3).sum();
    const Tensor gradient = torch::autograd::grad({value}, {images}, {}, std::nullopt, /*create_graph=*/true).front();
    const Tensor second = torch::autograd::grad({gradient.square().sum()}, {images}).front();
    EXPECT_GT(second.abs().sum().item<double>(), 0.0);
}

TEST(Augment, CutoutIsAsLargeAsAskedFor) {
    const Tensor white = at::ones({40, 1, 20, 30});
    for (const auto& [share, pixels] : {std::pair{0.2, 4 * 6}, {0.5, 10 * 15}, {1.0, 20 * 30}}) {
        const AugmentKinds kinds{.cutout = true, .cutout_side = share};
        const Tensor gone = (augmented(white, kinds, at::ones({}), 1, 2, 0) == 0).sum({1, 2, 3});
        EXPECT_LE(gone.max().item<std::int64_t>(), pixels) << share;
        EXPECT_GE(gone.max().item<std::int64_t>(), pixels / 2) << share;
    }
}

}  // namespace
}  // namespace reverie
