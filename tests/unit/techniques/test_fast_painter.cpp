#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "models/style_runner.h"
#include "reverie/techniques/fast_painter.h"
#include "support/expect_error.h"
#include "support/style_weights.h"
#include "support/textured_picture.h"

namespace reverie {
namespace {

using test::expect_error;
using test::style_weights;
using test::textured_picture;

double difference(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

Tensor painted(const StyleNetWeights& net, const FastPainterJob& job, FastPainterOptions options = {}) {
    return FastPainter(net, std::move(options)).paint(job);
}

Tensor by_runner(const StyleNetWeights& net, const Tensor& photo, StyleMemory memory) {
    std::vector<double> shares(net.options.styles.size());
    shares.front() = 1.0;
    return *StyleRunner(net).paint(photo, shares, 1.0, memory, {});
}

/// Like the training net's own forward pass by LibTorch, not held to [0,1].
void expect_libtorch(const StyleNetWeights& net, Size size) {
    const Tensor photo = textured_picture(3, size);
    const FastPainterOptions by_libtorch{.engine = Engine::Libtorch};
    const Tensor wanted = painted(net, {.photo = photo}, by_libtorch);
    ASSERT_EQ(size_of(wanted), size);
    const Tensor found = by_runner(net, photo, StyleMemory::Whole).clamp(0.0, 1.0);
    ASSERT_EQ(size_of(found), size);
    EXPECT_LT(difference(found, wanted), 1e-3) << text_of(size);
    EXPECT_GT(difference(found, photo), 0.05) << text_of(size) << ": the net does something";
}

TEST(FastPainter, OwnKernelsPaintWhatLibTorchPaints) {
    for (const Size size :
         {Size{8, 8}, Size{9, 8}, Size{8, 11}, Size{10, 200}, Size{37, 53}, Size{131, 66}, Size{97, 245}}) {
        expect_libtorch(style_weights(test::half_style_net()), size);
    }
    expect_libtorch(style_weights(test::full_style_net()), {61, 77});
}

TEST(FastPainter, TakesChannelsThatFillNoVectors) {
    StyleNetOptions options = test::half_style_net();
    options.channels = {8, 24, 40};
    options.ends = 11;
    options.blocks = 2;
    expect_libtorch(style_weights(options), {41, 50});
    options.ends = 3;
    options.adds_input = false;
    expect_libtorch(style_weights(options), {41, 50});
}

TEST(FastPainter, StripsGiveTheSamePictureToTheBit) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    for (const Size size : {Size{9, 14}, Size{530, 91}, Size{413, 402}, Size{641, 33}}) {
        const Tensor photo = textured_picture(5, size);
        EXPECT_TRUE(at::equal(by_runner(net, photo, StyleMemory::Whole), by_runner(net, photo, StyleMemory::Strips)))
            << text_of(size);
    }
}

TEST(FastPainter, BitsDoNotDependOnThreads) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor photo = textured_picture(6, {301, 207});
    const int before = at::get_num_threads();
    std::vector<Tensor> pictures;
    for (const int threads : {1, 2, 7}) {
        at::set_num_threads(threads);
        pictures.push_back(by_runner(net, photo, StyleMemory::Strips));
    }
    at::set_num_threads(before);
    EXPECT_TRUE(at::equal(pictures[0], pictures[1]));
    EXPECT_TRUE(at::equal(pictures[0], pictures[2]));
}

TEST(FastPainter, FlatPhotosGiveFlatPicturesUpToTheBorder) {
    // Mirrored borders show a net nothing that is not there: every pixel sees the same.
    const Tensor photo = at::full({3, 45, 70}, 0.5);
    const Tensor picture = by_runner(style_weights(test::half_style_net()), photo, StyleMemory::Whole);
    for (int c = 0; c < 3; ++c) {
        EXPECT_LT((picture[c].max() - picture[c].min()).item<double>(), 1e-3);
    }
}

TEST(FastPainter, ShiftedPhotosGiveShiftedPictures) {
    // By 4 pixels, in which the strides of all layers go. Statistics and borders differ, so only about the same.
    const Tensor large = textured_picture(9, {160, 224});
    const StyleNetWeights net = style_weights(test::half_style_net());
    const auto part = [](const Tensor& x, std::int64_t left) { return x.narrow(2, left, 200).contiguous(); };
    const Tensor first = by_runner(net, part(large, 0), StyleMemory::Whole).narrow(2, 64, 96);
    const Tensor moved = by_runner(net, part(large, 4), StyleMemory::Whole).narrow(2, 60, 96);
    const Tensor misplaced = by_runner(net, part(large, 4), StyleMemory::Whole).narrow(2, 62, 96);
    EXPECT_LT(3.0 * (moved - first).abs().mean().item<double>(), (misplaced - first).abs().mean().item<double>());
}

TEST(FastPainter, BlendsMixTheStylesNorms) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor photo = textured_picture(7, {40, 56});
    const auto blend = [&](std::vector<StyleShare> styles) {
        return painted(net, {.photo = photo}, {.styles = std::move(styles)});
    };
    const Tensor wave = blend({{"wave", 1.0}});
    EXPECT_TRUE(at::equal(blend({{"wave", 17.0}}), wave)) << "weights are relative";
    EXPECT_TRUE(at::equal(blend({{"wave", 1.0}, {"wave", 2.0}}), wave));
    EXPECT_TRUE(at::equal(blend({}), blend({{"starry", 1.0}}))) << "the first, where none is named";
    EXPECT_GT(difference(blend({{"starry", 1.0}}), wave), 0.02);

    StyleNetWeights mixed = net;
    mixed.options.styles = {"both"};
    for (auto& [name, array] : mixed.arrays) {
        if (name.ends_with(".scale") || name.ends_with(".shift")) {
            array = (0.25 * array[0] + 0.75 * array[1]).unsqueeze(0);
        }
    }
    EXPECT_LT(difference(blend({{"starry", 1.0}, {"wave", 3.0}}), painted(mixed, {.photo = photo})), 1e-4);
}

TEST(FastPainter, OneStyleOfManyIsItsOwnNetToTheBit) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    StyleNetWeights alone = net;
    alone.options.styles = {"udnie"};
    for (auto& [name, array] : alone.arrays) {
        if (name.ends_with(".scale") || name.ends_with(".shift")) {
            array = array[2].unsqueeze(0).contiguous();
        }
    }
    const FastPainterJob job{.photo = textured_picture(8, {33, 47})};
    EXPECT_TRUE(at::equal(painted(net, job, {.styles = {{"udnie", 3.0}}}), painted(alone, job)));
}

TEST(FastPainter, StrengthGoesFromThePhotoToThePainting) {
    for (const bool adds_input : {true, false}) {
        StyleNetOptions options = test::half_style_net();
        options.adds_input = adds_input;
        const StyleNetWeights net = style_weights(options);
        const Tensor photo = textured_picture(7, {40, 56}) * 0.2 + 0.4;
        const auto at_strength = [&](double strength) {
            return painted(net, {.photo = photo}, {.strength = strength});
        };
        EXPECT_TRUE(at::equal(at_strength(0.0), photo));
        const Tensor full = by_runner(net, photo, StyleMemory::Whole);
        EXPECT_LT(difference(at_strength(0.25), (photo + 0.25 * (full - photo)).clamp(0.0, 1.0)), 1e-5);
        EXPECT_LT(difference(at_strength(1.0), full.clamp(0.0, 1.0)), 1e-6);
    }
}

TEST(FastPainter, ColoursThatAreNotSeenHaveNoInfluence) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor photo = textured_picture(11, {61, 90});
    Tensor alpha = at::ones({1, 61, 90});
    alpha.narrow(1, 5, 40).narrow(2, 20, 50).zero_();
    alpha.narrow(1, 50, 5).fill_(0.3);
    const Tensor other = at::where(alpha > 0.0, photo, 1.0 - photo);
    const Tensor first = painted(net, {.photo = photo, .alpha = alpha});
    const Tensor second = painted(net, {.photo = other, .alpha = alpha});
    const Tensor hidden = (alpha <= 0.0).expand_as(photo);
    EXPECT_TRUE(at::equal(first.masked_fill(hidden, 0.0), second.masked_fill(hidden, 0.0)));
    EXPECT_TRUE(at::equal(first.masked_select(hidden), photo.masked_select(hidden))) << "and stay as they are";
    EXPECT_GT(difference(first, photo), 0.05);
    const Tensor nothing = painted(net, {.photo = photo, .alpha = at::zeros_like(alpha)});
    EXPECT_TRUE(at::equal(nothing, photo));
}

TEST(FastPainter, WhatIsHiddenIsFilledWithoutAnEdge) {
    // A hole in a photo of one colour leaves no trace.
    const Tensor photo = at::tensor({0.2F, 0.5F, 0.8F}).view({3, 1, 1}).expand({3, 50, 75}).contiguous();
    Tensor alpha = at::ones({1, 50, 75});
    alpha.narrow(1, 10, 21).narrow(2, 33, 27).zero_();
    const Tensor holed = at::where(alpha > 0.0, photo, at::zeros_like(photo));
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor whole = painted(net, {.photo = photo});
    const Tensor found = painted(net, {.photo = holed, .alpha = alpha});
    EXPECT_LT(difference(at::where(alpha > 0.0, found, whole), whole), 1e-3);
}

TEST(FastPainter, ProtectedPixelsStayToTheBit) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor photo = textured_picture(12, {30, 45});
    Tensor protect = at::zeros({1, 30, 45});
    protect.narrow(1, 0, 10).fill_(1.0);
    protect.narrow(1, 10, 5).fill_(0.5);
    const Tensor plain = painted(net, {.photo = photo});
    const Tensor found = painted(net, {.photo = photo, .protect = protect});
    EXPECT_TRUE(at::equal(found.narrow(1, 0, 10), photo.narrow(1, 0, 10)));
    EXPECT_LT(difference(found.narrow(1, 10, 5), ((photo + plain) / 2).narrow(1, 10, 5)), 1e-6);
    EXPECT_TRUE(at::equal(found.narrow(1, 15, 15), plain.narrow(1, 15, 15)));
}

TEST(FastPainter, MasksSayWhichStyleIsWhere) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor photo = textured_picture(13, {30, 45});
    const auto alone = [&](const char* style) { return painted(net, {.photo = photo}, {.styles = {{style, 1.0}}}); };
    Tensor top = at::zeros({1, 30, 45});
    top.narrow(1, 0, 12).fill_(1.0);
    Tensor bottom = at::zeros({1, 30, 45});
    bottom.narrow(1, 20, 10).fill_(1.0);
    const Tensor found =
        painted(net, {.photo = photo, .masks = {top, bottom}}, {.styles = {{"wave", 1.0}, {"udnie", 1.0}}});
    EXPECT_LT(difference(found.narrow(1, 0, 12), alone("wave").narrow(1, 0, 12)), 1e-6);
    EXPECT_TRUE(at::equal(found.narrow(1, 12, 8), photo.narrow(1, 12, 8)));
    EXPECT_LT(difference(found.narrow(1, 20, 10), alone("udnie").narrow(1, 20, 10)), 1e-6);
    expect_error(ErrorKind::Usage, [&] { painted(net, {.photo = photo, .masks = {top, bottom}}); });
}

TEST(FastPainter, KeepsThePhotosColoursWhereAsked) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Tensor photo = textured_picture(14, {30, 45}) * 0.5 + 0.25;
    const auto chroma = [](const Tensor& x) { return x[0] - x[2]; };
    const Tensor kept = painted(net, {.photo = photo}, {.color = StyleColor::Luma});
    const Tensor free = painted(net, {.photo = photo});
    EXPECT_LT((chroma(kept) - chroma(photo)).abs().mean().item<double>(),
              0.2 * (chroma(free) - chroma(photo)).abs().mean().item<double>());
    EXPECT_GT(difference(painted(net, {.photo = photo}, {.color = StyleColor::Content}), kept), 0.0);
    expect_error(ErrorKind::Usage, [&] { FastPainter(net, {.color = StyleColor::Match}); });
}

TEST(FastPainter, MakesStripsWhenMemoryIsShortAndSaysWhatItNeeds) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Size large{6000, 8333};
    EXPECT_FALSE(FastPainter(net, {}).plan(large).strips);
    const FastPainterPlan plan = FastPainter(net, {.max_memory = 2'500'000'000}).plan(large);
    EXPECT_TRUE(plan.strips);
    EXPECT_LE(plan.peak_bytes, 2'500'000'000);
    expect_error(ErrorKind::Device, [&] { FastPainter(net, {.max_memory = 1'000'000'000}).plan(large); });
}

TEST(FastPainter, CountsTheCopyThatAlphaTakes) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const Size size{403, 598};
    const FastPainterPlan whole = FastPainter(net, {}).plan(size);
    EXPECT_GE(FastPainter(net, {}).plan(size, /*alpha=*/true).peak_bytes - whole.peak_bytes, 3 * 4 * 403 * 598);
    EXPECT_TRUE(FastPainter(net, {.max_memory = whole.peak_bytes}).plan(size, /*alpha=*/true).strips);

    const FastPainterPlan strips = FastPainter(net, {.max_memory = whole.peak_bytes - 1}).plan(size);
    ASSERT_TRUE(strips.strips);
    const FastPainter scarce(net, {.max_memory = strips.peak_bytes});
    const Tensor photo = textured_picture(1, size);
    EXPECT_TRUE(scarce.paint({.photo = photo}).defined());
    expect_error(ErrorKind::Device, [&] { scarce.paint({.photo = photo, .alpha = at::ones({1, 403, 598})}); });
}

TEST(FastPainter, StopsWhenAsked) {
    CancelToken token;
    Hooks hooks;
    hooks.cancel = &token;
    const FastPainter painter(style_weights(test::half_style_net()), {});
    const Tensor photo = textured_picture(1, {40, 40});
    int reports = 0;
    hooks.on_progress = [&](const Progress& progress) {
        EXPECT_LE(progress.done, progress.total);
        if (++reports == 4) {
            token.request();
        }
    };
    EXPECT_FALSE(painter.paint({.photo = photo}, hooks).defined());
    EXPECT_EQ(reports, 4);
}

TEST(FastPainter, RefusesWhatItCannotPaint) {
    const StyleNetWeights net = style_weights(test::half_style_net());
    const FastPainter painter(net, {});
    const Tensor photo = textured_picture(1, {20, 20});
    expect_error(ErrorKind::Input, [&] { painter.paint({.photo = at::rand({3, 7, 40})}); });
    expect_error(ErrorKind::Usage, [&] { painter.paint({.photo = at::rand({1, 20, 20})}); });
    expect_error(ErrorKind::Usage, [&] { painter.paint({.photo = photo, .alpha = at::ones({1, 20, 21})}); });
    expect_error(ErrorKind::Usage, [&] {
        painter.paint({.photo = at::full({3, 20, 20}, std::numeric_limits<float>::quiet_NaN())});
    });
    expect_error(ErrorKind::Usage, [&] { FastPainter(net, {.styles = {{"nobody", 1.0}}}); });
    expect_error(ErrorKind::Usage, [&] { FastPainter(net, {.styles = {{"wave", 0.0}}}); });
    expect_error(ErrorKind::Usage, [&] { FastPainter(net, {.strength = 1.5}); });
}

}  // namespace
}  // namespace reverie
