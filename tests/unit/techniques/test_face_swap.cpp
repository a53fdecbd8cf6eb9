#include "reverie/techniques/face_swap.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "support/closed_formula.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

constexpr SwapBlend kBlends[] = {SwapBlend::Poisson, SwapBlend::MultiBand};

double largest(const Tensor& x) { return x.abs().max().item<double>(); }

Tensor picture(std::int64_t height, std::int64_t width, const std::string& noise) {
    return test::formula_image(height, width, noise)[0];
}

/// 1 in a rectangle, 0 elsewhere.
Tensor box(std::int64_t height, std::int64_t width, std::int64_t top, std::int64_t left, std::int64_t rows,
           std::int64_t columns) {
    Tensor mask = at::zeros({1, height, width});
    mask.narrow(1, top, rows).narrow(2, left, columns).fill_(1.0);
    return mask;
}

TEST(FaceMask, IsAFeatheredOval) {
    for (const auto& [height, width] : std::vector<std::pair<std::int64_t, std::int64_t>>{{64, 64}, {97, 71}}) {
        const Tensor mask = face_mask(height, width);
        ASSERT_EQ(mask.sizes(), (at::IntArrayRef{1, height, width}));
        EXPECT_GE(mask.min().item<float>(), 0.0F);
        EXPECT_LE(mask.max().item<float>(), 1.0F);
        const auto at_share = [&mask](double y, double x) {
            return mask[0][static_cast<std::int64_t>(y * static_cast<double>(mask.size(1)))]
                       [static_cast<std::int64_t>(x * static_cast<double>(mask.size(2)))]
                           .item<float>();
        };
        EXPECT_EQ(at_share(0.5, 0.5), 1.0F);
        EXPECT_GT(at_share(0.22, 0.28), 0.95F);  // the eyes of faces64
        EXPECT_GT(at_share(0.22, 0.72), 0.95F);
        EXPECT_EQ(at_share(0.75, 0.5), 1.0F);  // the mouth
        EXPECT_EQ(at_share(0.02, 0.02), 0.0F);
        EXPECT_EQ(at_share(0.5, 0.02), 0.0F);
        EXPECT_TRUE(at::allclose(mask, mask.flip({1, 2}), 1e-5, 1e-6));
    }
}

TEST(BlendInside, LeavesTheOutsideToTheBit) {
    const Tensor mask = face_mask(67, 53);
    for (const std::int64_t channels : {1, 3}) {
        const Tensor in = picture(67, 53, "in").narrow(0, 0, channels) * 0.5 + 0.5;
        const Tensor out = picture(67, 53, "out").narrow(0, 0, channels) * 0.5;
        for (const SwapBlend blend : kBlends) {
            const Tensor result = blend_inside(in, out, mask, blend);
            ASSERT_EQ(result.sizes(), out.sizes());
            const Tensor beyond = mask.eq(0.0).expand_as(out);
            EXPECT_TRUE(at::equal(result.masked_select(beyond), out.masked_select(beyond)));
            EXPECT_GT(largest(result - out), 0.05);
            EXPECT_GE(result.min().item<float>(), 0.0F);
            EXPECT_LE(result.max().item<float>(), 1.0F);
        }
    }
}

TEST(BlendInside, OfAPictureWithItselfChangesNothing) {
    const Tensor image = picture(45, 61, "image");
    for (const SwapBlend blend : kBlends) {
        EXPECT_LT(largest(blend_inside(image, image, face_mask(45, 61), blend) - image), 1e-6);
    }
}

TEST(BlendInside, HasNoSeam) {
    // The same face in another light: where a plain mixture jumps, neither blend does.
    const Tensor out = at::full({3, 80, 80}, 0.3);
    const Tensor in = at::full({3, 80, 80}, 0.7);
    const Tensor mask = box(80, 80, 20, 16, 40, 44);
    const auto steepest = [](const Tensor& x) { return std::max(largest(x.diff(1, 1)), largest(x.diff(1, 2))); };
    EXPECT_LT(steepest(blend_inside(in, out, mask, SwapBlend::Poisson)), 1e-5);  // all light is taken from around
    const Tensor bands = blend_inside(in, out, mask, SwapBlend::MultiBand);
    EXPECT_LT(steepest(bands), 0.5 * 0.4);
    EXPECT_GT(bands[0][40][38].item<float>(), 0.55F);  // the inner light is kept well within
}

TEST(BlendInside, KeepsTheDetailInside) {
    const Tensor out = at::full({1, 96, 96}, 0.4);
    const Tensor in = picture(96, 96, "in").narrow(0, 0, 1) * 0.5 + 0.2;
    const Tensor mask = face_mask(96, 96);
    const auto detail = [](const Tensor& x) {  // differences of neighbours around the middle
        return x.narrow(1, 38, 20).narrow(2, 38, 20).diff(1, 2);
    };
    EXPECT_LT(largest(detail(blend_inside(in, out, mask, SwapBlend::Poisson)) - detail(in)), 1e-3);
    EXPECT_LT(largest(detail(blend_inside(in, out, mask, SwapBlend::MultiBand)) - detail(in)), 0.02);
    EXPECT_GT(largest(detail(in)), 0.05);
}

TEST(BlendInside, PoissonSolvesItsEquation) {
    // The 7 x 5 unknowns as one dense system: on each pixel the sum over neighbours of f_p - f_q is that of the inner
    // picture, f being the outer picture beyond the mask (Perez et al. 2003, equation 7).
    const Tensor in = picture(12, 11, "in").narrow(0, 0, 1).to(at::kDouble) * 0.1 + 0.5;
    const Tensor out = picture(12, 11, "out").narrow(0, 0, 1).to(at::kDouble) * 0.2 + 0.4;
    constexpr std::int64_t kTop = 3, kLeft = 6, kRows = 7, kColumns = 5;  // touches the picture's right edge
    const Tensor mask = box(12, 11, kTop, kLeft, kRows, kColumns);
    Tensor system = at::zeros({kRows * kColumns, kRows * kColumns}, at::kDouble);
    Tensor right = at::zeros({kRows * kColumns}, at::kDouble);
    for (std::int64_t y = 0; y < kRows; ++y) {
        for (std::int64_t x = 0; x < kColumns; ++x) {
            const std::int64_t i = y * kColumns + x;
            for (const auto& [dy, dx] : std::vector<std::pair<int, int>>{{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
                if (kLeft + x + dx >= 11) {
                    continue;
                }
                const Tensor there = in[0][kTop + y + dy][kLeft + x + dx];
                system[i][i] += 1.0;
                right[i] += in[0][kTop + y][kLeft + x] - there;
                if (y + dy >= 0 && y + dy < kRows && x + dx >= 0) {
                    system[i][i + dy * kColumns + dx] -= 1.0;
                } else {
                    right[i] += out[0][kTop + y + dy][kLeft + x + dx];
                }
            }
        }
    }
    const Tensor wanted = at::linalg_solve(system, right).reshape({kRows, kColumns});
    const Tensor found =
        blend_inside(in, out, mask, SwapBlend::Poisson)[0].narrow(0, kTop, kRows).narrow(1, kLeft, kColumns);
    EXPECT_LT(largest(found - wanted), 1e-5);
}

TEST(BlendInside, TakesAMaskWithoutAnOutside) {
    const Tensor in = picture(40, 40, "in") * 0.2 + 0.3;
    const Tensor out = picture(40, 40, "out") * 0.2 + 0.5;
    const Tensor all = at::ones({1, 40, 40});
    EXPECT_LT(largest(blend_inside(in, out, all, SwapBlend::MultiBand) - in), 1e-5);
    // gradients of the one, mean colour of the other
    const Tensor poisson = blend_inside(in, out, all, SwapBlend::Poisson);
    const Tensor wanted = in - in.mean({1, 2}, true) + out.mean({1, 2}, true);
    EXPECT_LT(largest(poisson - wanted), 1e-4);
}

TEST(BlendInside, TakesTinyPictures) {
    for (const SwapBlend blend : kBlends) {
        const Tensor in = at::full({3, 1, 2}, 0.9);
        const Tensor out = at::full({3, 1, 2}, 0.1);
        const Tensor mask = box(1, 2, 0, 1, 1, 1);
        const Tensor result = blend_inside(in, out, mask, blend);
        EXPECT_EQ(result[0][0][0].item<float>(), 0.1F);
        EXPECT_TRUE(result.isfinite().all().item<bool>());
    }
}

TEST(BlendInside, RefusesWhatDoesNotFit) {
    const Tensor image = picture(20, 30, "image");
    for (const SwapBlend blend : kBlends) {
        const std::string black = test::expect_error(ErrorKind::Usage, [&] {
            blend_inside(image, image, at::zeros({1, 20, 30}), blend);
        });
        EXPECT_NE(black.find("mask"), std::string::npos) << black;
        const std::string other = test::expect_error(
            ErrorKind::Usage, [&] { blend_inside(image, picture(20, 31, "x"), face_mask(20, 30), blend); });
        EXPECT_NE(other.find("3x31x20"), std::string::npos) << other;
        test::expect_error(ErrorKind::Usage, [&] { blend_inside(image, image, face_mask(21, 30), blend); });
        test::expect_error(ErrorKind::Usage,
                           [&] { blend_inside(image, image.narrow(0, 0, 1), face_mask(20, 30), blend); });
    }
}

}  // namespace
}  // namespace reverie
