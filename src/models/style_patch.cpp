#include "models/style_patch.h"

#include <algorithm>
#include <cstring>

namespace reverie {
namespace {

std::int64_t inside(std::int64_t at, std::int64_t cells, PatchBorder border) {
    const std::int64_t last = cells - 1;
    if (border == PatchBorder::Mirrored) {
        at = at < 0 ? -at : at > last ? 2 * last - at : at;
    }
    return std::clamp<std::int64_t>(at, 0, last);
}

}  // namespace

void gather(const MapRows& from, const MapNorm* norm, PatchBorder border, Span rows, Span columns, float* patch,
            const kernels::Kernels& kernels) {
    const std::int64_t channels = from.channels;
    const Span there = {std::max<std::int64_t>(columns.begin, 0), std::min(columns.end, from.size.width)};
    const std::int64_t row_floats = columns.count() * channels;
    const auto pixels = static_cast<std::size_t>(channels) * sizeof(float);
    for (std::int64_t y = rows.begin; y < rows.end; ++y, patch += row_floats) {
        const float* const row = from.row(inside(y, from.size.height, border));
        float* const first = patch + (there.begin - columns.begin) * channels;
        if (norm == nullptr) {
            std::memcpy(first, row + there.begin * channels, static_cast<std::size_t>(there.count()) * pixels);
        } else {
            kernels.norm_forward({.in = row + there.begin * channels,
                                  .out = first,
                                  .pixels = there.count(),
                                  .channels = from.channels,
                                  .scale = norm->scale.data(),
                                  .shift = norm->shift.data(),
                                  .sloped = norm->relu});
        }
        const auto copy = [&](std::int64_t x) {
            const std::int64_t source = std::clamp(inside(x, from.size.width, border), there.begin, there.end - 1);
            std::memcpy(patch + (x - columns.begin) * channels, patch + (source - columns.begin) * channels, pixels);
        };
        for (std::int64_t x = columns.begin; x < there.begin; ++x) {
            copy(x);
        }
        for (std::int64_t x = there.end; x < columns.end; ++x) {
            copy(x);
        }
    }
}

}  // namespace reverie
