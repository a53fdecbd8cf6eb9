#include "kernels/phase_map.h"

#include <algorithm>
#include <cstdint>

namespace reverie::kernels {
namespace {

constexpr std::int64_t kPhases = 4;

/// Whether row or column `at` of a map of `cells` exists.
bool within(std::int64_t at, std::int64_t cells) { return at >= 0 && at < cells; }

/// So few that a call would take longer.
void copy_few(const float* from, std::int64_t count, float* to) {
    for (std::int64_t c = 0; c < count; ++c) {
        to[c] = from[c];
    }
}

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
    return (kPhases * channels + kernels.width - 1) / kernels.width * kernels.width;
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
        for (std::int64_t phase = 0; phase < kPhases; ++phase) {
            const std::int64_t y = 2 * (item % phases.height) - 1 + phase / 2;
            if (!within(y, large.height)) {
                continue;
            }
            const float* const from = large.at((image * large.height + y) * large.width);
            for (std::int64_t j = 0; j < phases.width; ++j) {
                const std::int64_t x = 2 * j - 1 + phase % 2;
                if (within(x, large.width)) {
                    copy_few(from + x * large.stride, channels, row + j * phases.stride + phase * channels);
                }
            }
        }
    });
}

void from_phases(const Map& phases, const float* bias, const Map& large, Workspace& work) {
    const std::int64_t channels = large.channels;
    work.for_each(large.batch * large.height, [&](std::int64_t item, Scratch&) {
        const std::int64_t image = item / large.height;
        const std::int64_t y = item % large.height + 1;
        const float* const row =
            phases.at((image * phases.height + y / 2) * phases.width) + y % 2 * 2 * channels;
        float* out = large.at(item * large.width);
        for (std::int64_t x = 1; x <= large.width; ++x, out += large.stride) {
            const float* const from = row + x / 2 * phases.stride + x % 2 * channels;
            for (std::int64_t c = 0; c < channels; ++c) {
                out[c] = bias != nullptr ? from[c] + bias[c] : from[c];
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
