#include <ATen/ATen.h>

#include <algorithm>

#include "core/ceil_div.h"
#include "models/style_layers.h"
#include "models/style_patch.h"

namespace reverie {
namespace {

using kernels::Kernels;
using kernels::Scratch;
using kernels::Workspace;

constexpr Size kBlock = {16, 96};
constexpr int kColors = 3;

}  // namespace

StyleOutput::StyleOutput(const at::Tensor& weight, const at::Tensor& bias, const Kernels& kernels)
    : inputs_(static_cast<int>(weight.size(1))), side_(static_cast<int>(weight.size(2))), kernels_(kernels) {
    // Three outputs would leave most of a vector empty. So each pixel of the map is multiplied by the weights of all
    // places that it can have in a row of the window, and what belongs to an output is added up along the row.
    const at::Tensor rows = weight.permute({2, 1, 3, 0}).contiguous();  // [k,C,k,3]
    const float* const values = rows.const_data_ptr<float>();
    const std::int64_t places = std::int64_t{side_} * kColors;
    packed_ = {kernels, 1, std::int64_t{side_} * inputs_, filled_channels(places, kernels),
               [&](std::int64_t, std::int64_t row, std::int64_t column) {
                   return column < places ? values[row * places + column] : 0.0F;
               }};
    std::copy_n(bias.contiguous().const_data_ptr<float>(), kColors, bias_);
}

Span StyleOutput::seen(Span rows, std::int64_t height) const {
    const std::int64_t reach = side_ / 2;
    return {std::max<std::int64_t>(0, std::min(rows.begin - reach, 2 * height - 1 - (rows.end + reach))),
            std::min(height, std::max(rows.end + reach, 1 - (rows.begin - reach)))};
}

void StyleOutput::run(const MapRows& from, const MapNorm& norm, const at::Tensor& photo, Span rows, bool adds_input,
                      double strength, const at::Tensor& picture, Workspace& work) const {
    const Size size = size_of(picture);
    const std::int64_t plane = size.height * size.width;
    const float* const in = photo.const_data_ptr<float>();
    float* const out = picture.data_ptr<float>();
    const std::int64_t reach = side_ / 2;
    const std::int64_t patch_width = kBlock.width + side_ - 1;
    const int columns = filled_channels(std::int64_t{side_} * kColors, kernels_);
    const std::int64_t across = ceil_div(size.width, kBlock.width);
    const std::int64_t first = rows.begin / kBlock.height;
    const std::int64_t down = ceil_div(rows.end, kBlock.height) - first;
    const auto share = static_cast<float>(strength);
    const float kept = adds_input ? 1.0F : 1.0F - share;
    work.for_each(down * across, [&](std::int64_t item, Scratch& tables) {
        const std::int64_t y0 = std::max((first + item / across) * kBlock.height, rows.begin);
        const std::int64_t y1 = std::min((first + item / across + 1) * kBlock.height, rows.end);
        const std::int64_t x0 = item % across * kBlock.width;
        const std::int64_t x1 = std::min(x0 + kBlock.width, size.width);
        const std::int64_t width = x1 - x0 + side_ - 1;
        float* const patch = tables.floats((kBlock.height + side_ - 1) * patch_width * inputs_ + patch_width * columns);
        float* const parts = patch + (kBlock.height + side_ - 1) * patch_width * inputs_;
        gather(from, &norm, PatchBorder::Mirrored, {y0 - reach, y1 + reach}, {x0 - reach, x1 + reach}, patch, kernels_);
        const std::int64_t capacity = ceil_div(width, kernels_.rows) * kernels_.rows;
        tables.addresses.resize(static_cast<std::size_t>(side_ * capacity));
        for (std::int64_t y = y0; y < y1; ++y) {
            for (int tap = 0; tap < side_; ++tap) {
                const float* const row = patch + (y - y0 + tap) * width * inputs_;
                for (std::int64_t i = 0; i < capacity; ++i) {
                    tables.addresses[static_cast<std::size_t>(tap * capacity + i)] =
                        row + std::min(i, width - 1) * inputs_;
                }
            }
            kernels_.product({.rows = tables.addresses.data(),
                              .row_capacity = capacity,
                              .count = static_cast<int>(width),
                              .taps = side_,
                              .depth = inputs_,
                              .packed = packed_.matrix(0),
                              .packed_taps = side_,
                              .channels = columns},
                             {.out = parts, .out_stride = columns});
            for (std::int64_t x = 0; x < x1 - x0; ++x) {
                float sum[kColors] = {bias_[0], bias_[1], bias_[2]};
                const float* part = parts + x * columns;
                for (int place = 0; place < side_; ++place, part += columns + kColors) {
                    for (int c = 0; c < kColors; ++c) {
                        sum[c] += part[c];
                    }
                }
                const std::int64_t at = y * size.width + x0 + x;
                for (int c = 0; c < kColors; ++c) {
                    out[c * plane + at] = kept * in[c * plane + at] + share * sum[c];
                }
            }
        }
    });
}

void interleave(const at::Tensor& photo, Span rows, const MapRows& to, Workspace& work) {
    const Size size = size_of(photo);
    const std::int64_t plane = size.height * size.width;
    const float* const in = photo.const_data_ptr<float>();
    work.for_each(rows.count(), [&](std::int64_t row, Scratch&) {
        const float* const from = in + (rows.begin + row) * size.width;
        float* out = to.row(rows.begin + row);
        for (std::int64_t x = 0; x < size.width; ++x) {
            for (int c = 0; c < kColors; ++c) {
                *out++ = from[c * plane + x];
            }
        }
    });
}

void normalize_map(const MapRows& map, const MapNorm& norm, const MapRows* addend, const Kernels& kernels,
                   Workspace& work) {
    constexpr std::int64_t kPixels = 256;
    const std::int64_t pixels = map.held.count() * map.size.width;
    work.for_each(ceil_div(pixels, kPixels), [&](std::int64_t item, Scratch&) {
        const std::int64_t first = item * kPixels;
        float* const in = map.data + first * map.channels;
        float* const other = addend == nullptr ? nullptr : addend->data + first * map.channels;
        kernels.norm_forward({.in = in,
                              .addend = other,
                              .out = other == nullptr ? in : other,
                              .pixels = std::min(kPixels, pixels - first),
                              .channels = map.channels,
                              .scale = norm.scale.data(),
                              .shift = norm.shift.data(),
                              .sloped = norm.relu});
    });
}

}  // namespace reverie
