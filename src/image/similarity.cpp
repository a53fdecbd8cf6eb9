#include "reverie/image/similarity.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <cmath>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

/// The four pixels around a place on one axis, and what each counts.
struct Taps {
    std::array<std::int64_t, 4> index;
    std::array<float, 4> weight;
};

/// An index beyond the edges, mirrored at them as often as it takes.
std::int64_t mirrored(std::int64_t index, std::int64_t side) {
    const std::int64_t period = 2 * side;
    const std::int64_t within = (index % period + period) % period;
    return within < side ? within : period - 1 - within;
}

/// `place` in pixels, the middle of the first one being 0.
Taps taps_at(double place, std::int64_t side) {
    const double whole = std::floor(place);
    const auto t = static_cast<float>(place - whole);
    const auto first = static_cast<std::int64_t>(whole) - 1;
    Taps taps{.index = {},
              .weight = {((-0.5F * t + 1.0F) * t - 0.5F) * t, (1.5F * t - 2.5F) * t * t + 1.0F,
                         ((-1.5F * t + 2.0F) * t + 0.5F) * t, (0.5F * t - 0.5F) * t * t}};
    const bool inside = first >= 0 && first + 3 < side;
    for (std::int64_t k = 0; k < 4; ++k) {
        taps.index[static_cast<std::size_t>(k)] = inside ? first + k : mirrored(first + k, side);
    }
    return taps;
}

float sample(const float* plane, std::int64_t width, const Taps& rows, const Taps& columns) {
    float sum = 0.0F;
    for (std::size_t r = 0; r < 4; ++r) {
        const float* row = plane + rows.index[r] * width;
        float line = 0.0F;
        for (std::size_t c = 0; c < 4; ++c) {
            line += columns.weight[c] * row[columns.index[c]];
        }
        sum += rows.weight[r] * line;
    }
    return sum;
}

}  // namespace

Tensor seen_through(const Tensor& image, const Similarity& source, Size size) {
    require_image(image, "the picture to look at", {1, 3, 4});
    if (!image.is_cpu() || size.height < 1 || size.width < 1) {
        throw Error(ErrorKind::Usage, "the picture to look at is " + tensor_text(image) + " and is to be seen as " +
                                          text_of(size) + "; wanted one on the CPU and a size of at least 1x1");
    }
    const Tensor in = image.contiguous();
    const Size from = size_of(in);
    const std::int64_t channels = in.size(0);
    Tensor seen = at::empty({channels, size.height, size.width}, in.options());
    const float* planes = in.const_data_ptr<float>();
    auto* out = seen.mutable_data_ptr<float>();
    const auto middle = [](std::int64_t side) { return 0.5 * static_cast<double>(side) - 0.5; };
    at::parallel_for(0, size.height, 4, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t y = first; y < last; ++y) {
            const std::complex<double> begin =
                source({-middle(size.width), static_cast<double>(y) - middle(size.height)});
            for (std::int64_t x = 0; x < size.width; ++x) {
                const std::complex<double> place = begin + source.factor * static_cast<double>(x);
                const Taps columns = taps_at(place.real() + middle(from.width), from.width);
                const Taps rows = taps_at(place.imag() + middle(from.height), from.height);
                for (std::int64_t c = 0; c < channels; ++c) {
                    out[(c * size.height + y) * size.width + x] =
                        sample(planes + c * from.height * from.width, from.width, rows, columns);
                }
            }
        }
    });
    return seen;
}

}  // namespace reverie
