#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "reverie/image/color.h"
#include "support/closed_formula.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

Tensor picture(const std::string& name, std::int64_t height = 47, std::int64_t width = 61) {
    return test::formula_image(height, width, name).squeeze(0);
}
Tensor one_color(const std::vector<float>& rgb, std::int64_t height, std::int64_t width) {
    return at::tensor(rgb).view({3, 1, 1}).expand({3, height, width}).contiguous();
}
double largest(const Tensor& difference) { return difference.abs().max().item<double>(); }

/// Colours that lie around `mean` along correlated directions, within the middle of the cube.
Tensor correlated(const std::string& name, double mean, bool swapped) {
    const Tensor noise = picture(name) - 0.5;
    const Tensor first = noise[swapped ? 2 : 0];
    return at::stack({first * 0.4 + mean, first * 0.2 + noise[1] * 0.25 + mean, noise[2] * 0.1 + first * 0.1 + 0.45});
}

struct Moments {
    Tensor mean;
    Tensor covariance;
};

/// In float64, of `weights` [1,H,W] where given.
Moments moments(const Tensor& image, const Tensor& weights = {}) {
    const Tensor x = image.to(at::kDouble).flatten(1);
    Tensor w = weights.defined() ? weights.to(at::kDouble).flatten() : at::ones({x.size(1)}, at::kDouble);
    w = w / w.sum();
    const Tensor mean = (x * w).sum(1, true);
    return {mean, ((x - mean) * w).mm((x - mean).t())};
}

void expect_moments(const Tensor& image, const Moments& wanted, double tolerance) {
    const Moments got = moments(image);
    EXPECT_LE(largest(got.mean - wanted.mean), tolerance);
    EXPECT_LE(largest(got.covariance - wanted.covariance), tolerance);
}

void expect_picture(const Tensor& image, at::IntArrayRef sizes) {
    EXPECT_EQ(image.sizes(), sizes);
    EXPECT_TRUE(image.isfinite().all().item<bool>());
    EXPECT_GE(image.min().item<double>(), 0.0);
    EXPECT_LE(image.max().item<double>(), 1.0);
}

TEST(MatchMeanCovariance, GivesTheReferencesMoments) {
    const Tensor image = correlated("image", 0.4, false);
    const Tensor reference = correlated("reference", 0.55, true);
    EXPECT_GT(largest(moments(image).covariance - moments(reference).covariance), 2e-3) << "else this says nothing";
    const Tensor result = match_mean_covariance(image, reference);
    ASSERT_GT(result.min().item<double>(), 0.0) << "clamping would change the moments";
    ASSERT_LT(result.max().item<double>(), 1.0);
    expect_moments(result, moments(reference), 2e-5);  // the variance of 8-bit rounding, 1e-6, a few times
}

TEST(MatchMeanCovariance, MapsByASymmetricMatrix) {
    const Tensor image = correlated("image", 0.4, false);
    const Tensor result = match_mean_covariance(image, correlated("reference", 0.55, true));
    const Tensor x = image.to(at::kDouble).flatten(1) - moments(image).mean;
    const Tensor y = result.to(at::kDouble).flatten(1) - moments(result).mean;
    const Tensor map = y.mm(x.t()).mm(at::linalg_inv(x.mm(x.t())));
    EXPECT_LE(largest(map.mm(x) - y), 1e-5) << "one affine map for all pixels";
    EXPECT_LE(largest(map - map.t()), 1e-5);
    EXPECT_GT(at::linalg_eigvalsh(map).min().item<double>(), 0.0);
}

TEST(MatchMeanCovariance, LeavesAMatchingImageAlone) {
    const Tensor image = picture("self");
    EXPECT_LE(largest(match_mean_covariance(image, image) - image), 1e-5);
}

TEST(MatchMeanCovariance, OneColourOnlyChangesItsMean) {
    const Tensor reference = correlated("reference", 0.5, true);
    const Tensor result = match_mean_covariance(one_color({0.9F, 0.1F, 0.3F}, 5, 9), reference);
    EXPECT_LE(largest(result - moments(reference).mean.unsqueeze(2)), 1e-4);
    // The other way round the colours fall together: to the half of an 8-bit step that the covariances are given.
    const Tensor flat = match_mean_covariance(picture("image"), one_color({0.9F, 0.1F, 0.3F}, 1, 1));
    EXPECT_LE(largest(flat - one_color({0.9F, 0.1F, 0.3F}, 1, 1)), 2.0 / 255.0);
}

TEST(MatchMeanCovariance, SingularCovariancesStayFinite) {
    const Tensor grey = picture("grey")[0].expand({3, 47, 61}).contiguous();
    const Tensor colors = correlated("colours", 0.5, false);
    expect_picture(match_mean_covariance(grey, colors), grey.sizes());
    const Tensor without_color = match_mean_covariance(colors, grey);
    expect_picture(without_color, grey.sizes());
    EXPECT_LE(largest(without_color[0] - without_color[1]), 4.0 / 255.0);
    for (const Tensor& pixel : {at::zeros({3, 1, 1}), at::ones({3, 1, 1})}) {
        expect_picture(match_mean_covariance(pixel, colors), pixel.sizes());
        expect_picture(match_mean_covariance(colors, pixel), colors.sizes());
    }
}

/// Left third: `reference`; the rest counts for nothing.
struct Weighted {
    Tensor reference;
    Tensor weights;
    Tensor counted;
};
Weighted weighted(const Tensor& counted) {
    const Tensor rest = at::full({3, 47, 122}, 0.95);
    return {at::cat({counted, rest}, 2), at::cat({at::full({1, 47, 61}, 0.5), at::zeros({1, 47, 122})}, 2), counted};
}

TEST(ColorMatch, OnlyWeightedPixelsCount) {
    const Tensor image = correlated("image", 0.4, false);
    const Weighted w = weighted(correlated("reference", 0.55, true));
    EXPECT_LE(largest(match_mean_covariance(image, w.reference, w.weights) - match_mean_covariance(image, w.counted)),
              1e-5);
    EXPECT_LE(largest(match_histogram(image, w.reference, w.weights) - match_histogram(image, w.counted)), 1e-6);
    const Tensor part = transfer_color(w.reference, image, w.weights).narrow(2, 0, 61);
    EXPECT_LE(largest(part - transfer_color(w.counted, image)), 1e-5);
    // Weights between: half as much twice.
    const Tensor twice = at::cat({w.counted, w.counted}, 1);
    const Tensor halves = at::cat({at::full({1, 47, 61}, 0.25), at::full({1, 47, 61}, 0.75)}, 1);
    EXPECT_LE(largest(match_histogram(image, twice, halves) - match_histogram(image, w.counted)), 1e-6);
}

TEST(ColorMatch, WhereNothingCountsNothingChanges) {
    const Tensor image = picture("image");
    const Tensor none = at::zeros({1, 47, 61});
    EXPECT_TRUE(at::equal(match_mean_covariance(image, picture("other"), none), image));
    EXPECT_TRUE(at::equal(match_histogram(image, picture("other"), none), image));
    EXPECT_TRUE(at::equal(transfer_color(image, picture("other"), none), image));
    test::expect_error(ErrorKind::Usage, [&] { match_histogram(image, image, at::ones({1, 3, 3})); });
}

/// A ramp of `count` values from 0 to 1 in all channels.
Tensor ramp(std::int64_t count) { return at::linspace(0, 1, count, at::kFloat).expand({3, 1, count}).contiguous(); }
Tensor in_8_bits(const Tensor& image) { return (image * 255.0).round() / 255.0; }

TEST(MatchHistogram, GivesTheReferencesDistribution) {
    const Tensor image = picture("image");
    const Tensor reference = (picture("reference", 61, 47) * 0.6).square();
    const Tensor result = match_histogram(image, reference);
    // As many pixels: sorted, they are the reference's, up to the bins and the half gaps between neighbours.
    const Tensor sorted = std::get<0>(result.flatten(1).sort(1));
    const Tensor wanted = std::get<0>(reference.flatten(1).sort(1));
    EXPECT_LE((sorted - wanted).abs().mean().item<double>(), 1e-4);
    EXPECT_LE(largest(sorted - wanted), 2.0 / 255.0);
    // Order is kept.
    for (std::int64_t c = 0; c < 3; ++c) {
        const Tensor by_image = result[c].flatten().index_select(0, image[c].flatten().argsort());
        EXPECT_GE(by_image.diff().min().item<double>(), -1e-6);
    }
}

TEST(MatchHistogram, LeavesAMatchingImageAlone) {
    for (const Tensor& image : {picture("self"), in_8_bits(picture("self")), ramp(65536), ramp(2), ramp(1)}) {
        EXPECT_LE(largest(match_histogram(image, image) - image), 1e-5);
    }
}

TEST(MatchHistogram, MakesNoBands) {
    // A ramp with 16 bits, given the levels of a picture with 8: smooth, no step of a whole 8-bit level.
    const Tensor coarse = in_8_bits(ramp(65536) * 0.5 + 0.2);
    const Tensor result = match_histogram(ramp(65536), coarse);
    EXPECT_LE(largest(result.diff(1, 2)), 0.1 / 255.0);
    EXPECT_LE(largest(result - (ramp(65536) * 0.5 + 0.2)), 0.6 / 255.0);
    // A narrow range made wide: between the 16-bit bins too.
    const Tensor narrow = ramp(100001) * 0.01 + 0.5;
    EXPECT_LE(largest(match_histogram(narrow, ramp(100001)) - ramp(100001)), 2e-3);
    EXPECT_LE(largest(match_histogram(narrow, ramp(100001)).diff(1, 2)), 2e-4);
}

TEST(MatchHistogram, InventsNoColoursBetweenFarOnes) {
    const Tensor black_and_white = (ramp(1000) > 0.3).to(at::kFloat);
    const Tensor result = match_histogram(ramp(1000), black_and_white);
    EXPECT_LE(largest(at::minimum(result, 1.0 - result)), 2.01 / 255.0);
    EXPECT_NEAR((result > 0.5).to(at::kFloat).mean().item<double>(), 0.7, 2e-3);
}

TEST(MatchHistogram, TiesShareTheirRank) {
    const Tensor steps = at::tensor({0.2F, 0.2F, 0.2F, 0.2F, 0.6F, 0.6F, 0.6F, 0.6F}).expand({3, 2, 8}).contiguous();
    const Tensor result = match_histogram(steps, ramp(10001));
    // The lower half's ranks are around a quarter, the upper half's around three.
    EXPECT_LE(largest(result - at::where(steps < 0.4, 0.25, 0.75)), 1e-3);
    const Tensor flat = match_histogram(one_color({0.9F, 0.1F, 0.3F}, 5, 9), ramp(10001));
    EXPECT_LE(largest(flat - 0.5), 1e-3) << "one colour becomes the median";
    const Tensor one = one_color({0.9F, 0.1F, 0.3F}, 1, 1);
    EXPECT_LE(largest(match_histogram(picture("image"), one) - one), 1e-5);
}

TEST(TransferColor, GivesTheStylesLabMoments) {
    // Mild colours, which sRGB holds after the transfer too.
    const Tensor content = correlated("content", 0.45, false) * 0.3 + 0.3;
    const Tensor style = correlated("style", 0.5, true) * 0.3 + 0.35;
    const Moments before = moments(rgb_to_lab(content));
    const Moments wanted = moments(rgb_to_lab(style));
    EXPECT_GT(largest(before.covariance - wanted.covariance), 2.0) << "else this says nothing";
    const Tensor result = transfer_color(content, style);
    ASSERT_GT(result.min().item<double>(), 0.0);
    ASSERT_LT(result.max().item<double>(), 1.0);
    // Lab's unit is 100 times RGB's; the covariances are given the variance of 8-bit rounding.
    expect_moments(rgb_to_lab(result), wanted, 0.1);
    EXPECT_LE(largest(transfer_color(content, content) - content), 1e-4);
}

TEST(TransferColor, HoldsForGreyAndOneColour) {
    const Tensor grey = picture("grey")[0].expand({3, 47, 61}).contiguous();
    const Tensor colors = ((picture("colours") - 0.5) * 3.0 + 0.5).clamp(0.0, 1.0);
    expect_picture(transfer_color(grey, colors), grey.sizes());
    expect_picture(transfer_color(colors, grey), grey.sizes());
    expect_picture(transfer_color(colors, picture("other")), grey.sizes());
    expect_picture(transfer_color(at::ones({3, 1, 1}), colors), at::IntArrayRef{3, 1, 1});
    const Tensor sepia = one_color({0.6F, 0.5F, 0.3F}, 3, 2);
    EXPECT_LE(
        largest(transfer_color(one_color({0.1F, 0.2F, 0.9F}, 4, 4), sepia) - sepia.narrow(1, 0, 1).narrow(2, 0, 1)),
        1e-4);
}

TEST(ColorMatch, GreyStaysGrey) {
    const Tensor grey = picture("grey")[0].expand({3, 47, 61}).contiguous();
    const Tensor other = (picture("other")[1] * 0.5).expand({3, 47, 61}).contiguous();
    EXPECT_TRUE(at::equal(match_histogram(grey, other)[0], match_histogram(grey, other)[2]));
    for (const Tensor& result : {match_mean_covariance(grey, other), transfer_color(grey, other)}) {
        EXPECT_LE(largest(result[0] - result[1]), 1e-5);
        EXPECT_LE(largest(result[2] - result[1]), 1e-5);
    }
}

TEST(ColorMatch, SixteenBitLevelsStayApart) {
    const Tensor levels = ramp(65536);
    const Tensor reference = picture("reference")[0].expand({3, 47, 61}) * 0.9 + 0.05;
    for (const Tensor& result :
         {match_mean_covariance(levels * 0.5 + 0.25, levels * 0.6 + 0.2), match_histogram(levels, in_8_bits(reference)),
          transfer_color(levels * 0.5 + 0.25, levels * 0.4 + 0.2)}) {
        EXPECT_GE(result[1].diff().min().item<double>(), -1e-6) << "no level passes another";
        EXPECT_GE(std::get<0>(at::_unique(result[1])).numel(), 60000);
    }
}

TEST(ColorMatch, OnePixelTakesTheOthersColour) {
    const Tensor red = one_color({0.8F, 0.1F, 0.2F}, 1, 1);
    const Tensor blue = one_color({0.1F, 0.2F, 0.9F}, 1, 1);
    EXPECT_LE(largest(match_mean_covariance(red, blue) - blue), 1e-6);
    EXPECT_LE(largest(match_histogram(red, blue) - blue), 1e-5);
    EXPECT_LE(largest(transfer_color(red, blue) - blue), 1e-5);
}

TEST(ColorMatch, BandsDoNotShow) {
    // 1.6 bands: the moments and the table are the whole picture's, wherever a pixel lies.
    const Tensor image = picture("large", 701, 602);
    const Tensor turned = image.flip({1, 2}).contiguous();
    const Tensor reference = correlated("reference", 0.5, true);
    EXPECT_LE(largest(match_mean_covariance(turned, reference) - match_mean_covariance(image, reference).flip({1, 2})),
              1e-6);
    EXPECT_TRUE(at::equal(match_histogram(turned, reference), match_histogram(image, reference).flip({1, 2})));
    EXPECT_LE(largest(transfer_color(turned, reference) - transfer_color(image, reference).flip({1, 2})), 1e-5);
}

}  // namespace
}  // namespace reverie
