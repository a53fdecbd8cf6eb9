#include "image/bilinear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/relative_error.h"

namespace reverie::image {
namespace {

using test::relative_error;

TEST(Bilinear, IsThatOfLibTorchLargerAndSmallerAndSoIsItsGradient) {
    const Tensor maps = at::cos(at::arange(2 * 3 * 11 * 17, at::kFloat) * 0.7).view({2, 3, 11, 17});
    for (const Size to : {Size{22, 34}, Size{13, 40}, Size{5, 6}, Size{30, 9}, Size{1, 1}}) {
        const std::vector<std::int64_t> size = {to.height, to.width};
        const Tensor gradient =
            at::sin(at::arange(6 * to.height * to.width, at::kFloat)).view({2, 3, to.height, to.width});
        EXPECT_LT(relative_error(bilinear(maps, to, Corners::Aligned), at::upsample_bilinear2d(maps, size, true)),
                  1e-5);
        EXPECT_LT(relative_error(bilinear_back(gradient, Size{11, 17}, Corners::Aligned),
                                 at::upsample_bilinear2d_backward(gradient, size, {2, 3, 11, 17}, true)),
                  1e-5);
        EXPECT_LT(relative_error(bilinear(maps, to, Corners::Centres), at::_upsample_bilinear2d_aa(maps, size, false)),
                  1e-4);
        EXPECT_LT(relative_error(bilinear_back(gradient, Size{11, 17}, Corners::Centres),
                                 at::_upsample_bilinear2d_aa_backward(gradient, size, {2, 3, 11, 17}, false)),
                  1e-4);
    }
}

}  // namespace
}  // namespace reverie::image
