#include "kernels/phase_map.h"

#include <algorithm>
#include <cstdint>

#include "core/ceil_div.h"

namespace reverie::kernels {
namespace {

constexpr std::int64_t kPhases = 4;

/// Column j of a map by phases holds columns 2j-1 and 2j of a row side by side, as they lie there: so many numbers go
/// together, fewer at the border, where some of them are missing.
struct Pair {
    std::int64_t first, last;  // numbers of it that are there

    Pair(std::int64_t column, std::int64_t width, std::int64_t channels)
        : first(column == 0 ? channels : 0),
          last(std::clamp<std::int64_t>(width - (2 * column - 1), 0, 2) * channels) {}
};

/// Where tap (y, x) of a 4x4 window lies among [2][2][phase].
std::int64_t place_of(std::int64_t y, std::int64_t x) { return (y / 2 * 2 + x / 2) * kPhases + y % 2 * 2 + x % 2; }

/// run(from, to): numbers of a tap of an output, as they lie and by phase.
template <typename Run>
void for_each_tap(std::int64_t outputs, std::int64_t channels, std::int64_t phase_channels, const Run& run) {
    for (std::int64_t output = 0; output < outputs; ++output) {
        for (std::int64_t tap = 0; tap < 16; ++tap) {
            const std::int64_t place = place_of(tap / 4, tap % 4);
            run((output * 16 + tap) * channels,
                (output * 4 + place / kPhases) * phase_channels + place % kPhases * channels);
        }
    }
}

}  // namespace

std::int64_t phase_channels(std::int64_t channels, const Kernels& kernels) {
    return ceil_div(kPhases * channels, kernels.width) * kernels.width;
}

Map phase_map(const Map& large, const Map& small, std::int64_t channels, float* memory) {
    return {.data = memory,
            .stride = channels,
            .batch = large.batch,
            .height = small.height + 1,
            .width = small.width + 1,
            .channels = static_cast<int>(channels)};
}

std::int64_t phase_map_floats(const Map& small, std::int64_t channels) {
    return small.batch * (small.height + 1) * (small.width + 1) * channels;
}

void to_phases(const Map& large, const Map& phases, Workspace& work) {
    const std::int64_t channels = large.channels;
    work.for_each(phases.batch * phases.height, [&](std::int64_t item, Scratch&) {
        const std::int64_t image = item / phases.height;
        float* const row = phases.at(item * phases.width);
        std::fill_n(row, phases.width * phases.stride, 0.0F);
        for (std::int64_t below = 0; below < 2; ++below) {
            const std::int64_t y = 2 * (item % phases.height) - 1 + below;
            if (y < 0 || y >= large.height) {
                continue;
            }
            const float* from = large.at((image * large.height + y) * large.width) - channels;
            float* to = row + 2 * below * channels;
            for (std::int64_t j = 0; j < phases.width; ++j, from += 2 * channels, to += phases.stride) {
                const Pair pair(j, large.width, channels);
                for (std::int64_t c = pair.first; c < pair.last; ++c) {
                    to[c] = from[c];
                }
            }
        }
    });
}

void from_phases(const Map& phases, const float* bias, const Map& large, Workspace& work) {
    const std::int64_t channels = large.channels;
    float twice[2 * kMostPhaseChannels] = {};
    for (std::int64_t c = 0; c < 2 * channels && bias != nullptr; ++c) {
        twice[c] = bias[c % channels];
    }
    work.for_each(large.batch * large.height, [&](std::int64_t item, Scratch&) {
        const std::int64_t image = item / large.height;
        const std::int64_t y = item % large.height + 1;
        const float* from = phases.at((image * phases.height + y / 2) * phases.width) + y % 2 * 2 * channels;
        float* to = large.at(item * large.width) - channels;
        for (std::int64_t j = 0; 2 * j <= large.width; ++j, from += phases.stride, to += 2 * channels) {
            const Pair pair(j, large.width, channels);
            for (std::int64_t c = pair.first; c < pair.last; ++c) {
                to[c] = from[c] + twice[c];
            }
        }
    });
}

void weights_to_phases(const float* weights, std::int64_t outputs, std::int64_t channels, std::int64_t phase_channels,
                       float* out) {
    std::fill_n(out, outputs * 4 * phase_channels, 0.0F);
    for_each_tap(outputs, channels, phase_channels,
                 [&](std::int64_t from, std::int64_t to) { std::copy_n(weights + from, channels, out + to); });
}

void weights_from_phases(const float* phases, std::int64_t outputs, std::int64_t channels, std::int64_t phase_channels,
                         float* out) {
    for_each_tap(outputs, channels, phase_channels,
                 [&](std::int64_t to, std::int64_t from) { std::copy_n(phases + from, channels, out + to); });
}

}  // namespace reverie::kernels
