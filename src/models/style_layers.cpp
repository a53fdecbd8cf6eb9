#include "models/style_layers.h"

#include <algorithm>
#include <cmath>

#include "core/ceil_div.h"

namespace reverie {
namespace {

using kernels::Kernels;
using kernels::Scratch;
using kernels::Workspace;

constexpr double kEpsilon = 1e-5;  // of the norms
// A map whose deviation is no more than what rounding makes of one number is flat. Norm after norm would make that
// noise as strong as a picture otherwise: on a photo of one colour.
constexpr double kFlat = 1e-9;  // of 1 + mean^2

}  // namespace

void BlockSums::take(std::int64_t block, const float* map, std::int64_t pixels, const Kernels& kernels) {
    float* const part = parts_.data() + block * 3 * channels_;
    std::copy_n(map, channels_, part);  // sums are counted from the first pixel, so that they lose no digits
    kernels.norm_moments(
        {.in = map, .pixels = pixels, .channels = channels_, .origin = part, .sums = part + channels_});
    counts_[static_cast<std::size_t>(block)] = pixels;
}

MapNorm BlockSums::norm(const std::vector<double>& scale, const std::vector<double>& shift, bool relu) const {
    const auto channels = static_cast<std::size_t>(channels_);
    std::vector<double> sums(channels);
    std::vector<double> squares(channels);
    double count = 0.0;
    for (std::size_t block = 0; block < counts_.size(); ++block) {
        const float* const part = parts_.data() + block * 3 * channels;
        const auto pixels = static_cast<double>(counts_[block]);
        for (std::size_t c = 0; c < channels; ++c) {
            const double origin = part[c];
            const double sum = part[channels + c];
            sums[c] += sum + pixels * origin;
            squares[c] += static_cast<double>(part[2 * channels + c]) + origin * (2.0 * sum + pixels * origin);
        }
        count += pixels;
    }
    MapNorm norm{std::vector<float>(channels), std::vector<float>(channels), relu};
    for (std::size_t c = 0; c < scale.size(); ++c) {
        const double mean = sums[c] / count;
        const double variance = std::max(0.0, squares[c] / count - mean * mean);
        const bool flat = variance < kFlat * (1.0 + mean * mean);
        const double factor = flat ? 0.0 : scale[c] / std::sqrt(variance + kEpsilon);
        norm.scale[c] = static_cast<float>(factor);
        norm.shift[c] = static_cast<float>(shift[c] - mean * factor);
    }
    return norm;
}

BlockSums StyleLayer::sums(Size output) const {
    return {ceil_div(output.height, block_.height) * ceil_div(output.width, block_.width), channels_};
}

void StyleLayer::run(const MapRows& from, const MapNorm* norm, Span rows, const MapRows* to, BlockSums* sums,
                     Workspace& work) const {
    const Size output = size(from.size);
    const std::int64_t across = ceil_div(output.width, block_.width);
    const std::int64_t first = rows.begin / block_.height;
    const std::int64_t down = ceil_div(rows.end, block_.height) - first;
    const std::int64_t out_floats = block_.height * block_.width * channels_;
    work.for_each(down * across, [&](std::int64_t item, Scratch& tables) {
        const std::int64_t y = (first + item / across) * block_.height;
        const std::int64_t x = item % across * block_.width;
        const Span here = {std::max(y, rows.begin), std::min(y + block_.height, rows.end)};
        const Span columns = {x, std::min(x + block_.width, output.width)};
        float* const out = tables.floats(out_floats + scratch_floats());
        block(from, norm, here, columns, out, out + out_floats, tables);
        if (sums != nullptr) {
            sums->take(first * across + item, out, here.count() * columns.count(), kernels_);
        }
        if (to != nullptr) {
            const std::int64_t floats = columns.count() * channels_;
            for (std::int64_t row = here.begin; row < here.end; ++row) {
                std::copy_n(out + (row - here.begin) * floats, floats, to->row(row) + x * channels_);
            }
        }
    });
}

int filled_channels(std::int64_t channels, const Kernels& kernels) {
    return static_cast<int>(ceil_div(channels, kernels.width) * kernels.width);
}

}  // namespace reverie
