#include "reverie/optimize/total_variation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "reverie/image/color.h"

namespace reverie {
namespace {

/// Calls work(first, count) for bands that cover the image's rows, 4 MB each or a row.
template <typename Work>
void for_bands(const Tensor& image, const Work& work) {
    constexpr std::int64_t kBand = 1 << 20;
    const std::int64_t height = image.size(1);
    const std::int64_t rows = std::max<std::int64_t>(1, kBand / (image.size(0) * image.size(2)));
    for (std::int64_t first = 0; first < height; first += rows) {
        work(first, std::min(rows, height - first));
    }
}

/// Each pixel's difference to the one `down` rows below and `right` columns beside it.
struct Offset {
    std::int64_t down;   ///< 0 or 1
    std::int64_t right;  ///< -1, 0 or 1
};

/// Adds `weight` times the energy of the differences of pixels in rows [first, first + count) to `value`, and
/// weight * factor times its gradient to `gradient`. `energy` makes differences [3,h,w] into the energy's gradient
/// and returns the energy. Nothing is done where the image is too small to hold a difference.
template <typename Energy>
void add_differences(const Tensor& image, Offset offset, std::int64_t first, std::int64_t count, double weight,
                     double factor, const Energy& energy, const Tensor& value, const Tensor& gradient) {
    const std::int64_t rows = std::min(count, image.size(1) - offset.down - first);
    const std::int64_t columns = image.size(2) - std::abs(offset.right);
    if (rows <= 0 || columns <= 0) {
        return;
    }
    const auto near = [&](const Tensor& x) {
        return x.narrow(1, first, rows).narrow(2, std::max<std::int64_t>(0, -offset.right), columns);
    };
    const auto far = [&](const Tensor& x) {
        return x.narrow(1, first + offset.down, rows).narrow(2, std::max<std::int64_t>(0, offset.right), columns);
    };
    Tensor differences = far(image) - near(image);
    value.add_(energy(differences), weight);
    far(gradient).add_(differences, weight * factor);
    near(gradient).sub_(differences, weight * factor);
}

/// Variation::Squared with the given energy in place of the sum of squares.
template <typename Energy>
Tensor add_squared(const Tensor& image, double factor, const Energy& energy, const Tensor& gradient) {
    const std::int64_t height = image.size(1);
    const std::int64_t width = image.size(2);
    const double along_axes = 2.0 / 3.0 / static_cast<double>(image.numel());
    // A border replicated all around gives one more diagonal per row and column than there are pixels.
    const double along_diagonals = 1.0 / 6.0 / static_cast<double>(image.size(0) * (height + 1) * (width + 1));
    Tensor value = at::zeros({}, image.options().dtype(at::kDouble));
    const auto add = [&](const Tensor& part, const Tensor& part_gradient, Offset offset, double weight) {
        for_bands(part, [&](std::int64_t first, std::int64_t count) {
            add_differences(part, offset, first, count, weight, factor, energy, value, part_gradient);
        });
    };
    for_bands(image, [&](std::int64_t first, std::int64_t count) {
        for (const Offset offset : {Offset{0, 1}, Offset{1, 0}, Offset{1, 1}, Offset{1, -1}}) {
            const double weight = offset.down != 0 && offset.right != 0 ? along_diagonals : along_axes;
            add_differences(image, offset, first, count, weight, factor, energy, value, gradient);
        }
    });
    // Across the border both diagonals are differences along it.
    for (const std::int64_t row : {std::int64_t{0}, height - 1}) {
        add(image.narrow(1, row, 1), gradient.narrow(1, row, 1), {0, 1}, 2.0 * along_diagonals);
    }
    for (const std::int64_t column : {std::int64_t{0}, width - 1}) {
        add(image.narrow(2, column, 1), gradient.narrow(2, column, 1), {1, 0}, 2.0 * along_diagonals);
    }
    return value;
}

Tensor squares(Tensor& differences) {
    Tensor energy = differences.square().sum(at::kDouble);
    differences.mul_(2.0);
    return energy;
}

Tensor add_absolute(const Tensor& image, double factor, const Tensor& gradient) {
    Tensor value = at::zeros({}, image.options().dtype(at::kDouble));
    const auto magnitudes = [](Tensor& differences) {
        Tensor energy = differences.abs().sum(at::kDouble);
        differences.sign_();
        return energy;
    };
    for_bands(image, [&](std::int64_t first, std::int64_t count) {
        for (const Offset offset : {Offset{0, 1}, Offset{1, 0}}) {
            add_differences(image, offset, first, count, 1.0, factor, magnitudes, value, gradient);
        }
    });
    return value;
}

constexpr double kPower = 1.25;

Tensor add_power(const Tensor& image, double factor, const Tensor& gradient) {
    Tensor value = at::zeros({}, image.options().dtype(at::kDouble));
    const std::int64_t columns = image.size(2) - 1;
    for_bands(image, [&](std::int64_t first, std::int64_t count) {
        const std::int64_t rows = std::min(count, image.size(1) - 1 - first);
        if (rows <= 0 || columns <= 0) {
            return;
        }
        const auto part = [&](const Tensor& x, std::int64_t down, std::int64_t right) {
            return x.narrow(1, first + down, rows).narrow(2, right, columns);
        };
        Tensor down = part(image, 1, 0) - part(image, 0, 0);
        Tensor right = part(image, 0, 1) - part(image, 0, 0);
        const Tensor square = down.square().add_(right.square());
        value.add_(square.pow(kPower).sum(at::kDouble));
        const Tensor slope = square.pow(kPower - 1.0).mul_(2.0 * kPower);
        down.mul_(slope);
        right.mul_(slope);
        part(gradient, 1, 0).add_(down, factor);
        part(gradient, 0, 1).add_(right, factor);
        part(gradient, 0, 0).sub_(down.add_(right), factor);
    });
    return value;
}

}  // namespace

Tensor add_variation_(const Tensor& image, Variation kind, double factor, double pixel_range, Tensor& gradient) {
    // All three are homogeneous: the range comes out as a power.
    switch (kind) {
        case Variation::Squared: {
            const double scale = pixel_range * pixel_range;
            return add_squared(image, factor * scale, squares, gradient) * scale;
        }
        case Variation::Absolute:
            return add_absolute(image, factor * pixel_range, gradient) * pixel_range;
        case Variation::Power: {
            const double scale = std::pow(pixel_range, 2.0 * kPower);
            return add_power(image, factor * scale, gradient) * scale;
        }
    }
    TORCH_CHECK(false, "no such variation: ", static_cast<int>(kind));
}

Tensor add_variation_(const Tensor& image, double luma_factor, double chroma_factor, Tensor& gradient) {
    const Tensor luma_weights = luma_of(at::eye(3, image.options()).unsqueeze(2)).view({3, 1, 1});
    // The lightness counts as a grey picture's three channels, L(d) = w.d; the rest is d - L(d).
    const auto energy = [&](Tensor& differences) {
        const Tensor luma = luma_of(differences);
        const Tensor chroma = differences.sub_(luma);
        Tensor result = luma.square()
                            .sum(at::kDouble)
                            .mul_(3.0 * luma_factor)
                            .add_(chroma.square().sum(at::kDouble), chroma_factor);
        const Tensor through_luma = luma * (3.0 * luma_factor) - chroma.sum(0, true) * chroma_factor;
        differences.mul_(chroma_factor).add_(through_luma * luma_weights).mul_(2.0);
        return result;
    };
    return add_squared(image, 1.0, energy, gradient);
}

}  // namespace reverie
