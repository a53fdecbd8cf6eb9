#include "nn/frozen/walk.h"

#include "nn/window_geometry.h"

namespace reverie::frozen {

Walk forward_walk(const Window& window, Size input, Size output) {
    const Margins margins = window_margins(window, input);
    Walk walk{.rows = output.height,
              .columns = output.width,
              .source_step = window.stride,
              .replicate = window.padding == Padding::Replicate,
              .taps = {}};
    for (std::int64_t i = 0; i < window.kernel_h; ++i) {
        for (std::int64_t j = 0; j < window.kernel_w; ++j) {
            walk.taps.push_back({static_cast<int>(i * window.kernel_w + j), i - margins.top, j - margins.left});
        }
    }
    return walk;
}

std::vector<Walk> backward_walks(const Window& window, Size input) {
    const Margins margins = window_margins(window, input);
    std::vector<Walk> walks;
    for (std::int64_t y = 0; y < std::min(window.stride, input.height); ++y) {
        for (std::int64_t x = 0; x < std::min(window.stride, input.width); ++x) {
            Walk walk{.y0 = y,
                      .x0 = x,
                      .step = window.stride,
                      .rows = (input.height - y + window.stride - 1) / window.stride,
                      .columns = (input.width - x + window.stride - 1) / window.stride,
                      .taps = {}};
            // A window at stride * a sees input cell stride * a - margin + tap.
            for (std::int64_t i = 0; i < window.kernel_h; ++i) {
                for (std::int64_t j = 0; j < window.kernel_w; ++j) {
                    const std::int64_t dy = y + margins.top - i;
                    const std::int64_t dx = x + margins.left - j;
                    if (dy % window.stride == 0 && dx % window.stride == 0) {
                        walk.taps.push_back(
                            {static_cast<int>(i * window.kernel_w + j), dy / window.stride, dx / window.stride});
                    }
                }
            }
            walks.push_back(std::move(walk));
        }
    }
    return walks;
}

TapAddresses::TapAddresses(const Walk& walk, const Map& source) : walk_(walk), source_(source) {}

void TapAddresses::fill(std::int64_t image, std::int64_t a, std::int64_t b, std::int64_t run, const float* zeros,
                        const float** table, std::int64_t step) const {
    const std::int64_t each = walk_.source_step * source_.stride;
    for (const Walk::Tap& tap : walk_.taps) {
        std::int64_t y = walk_.source_step * a + tap.dy;
        if (walk_.replicate) {
            y = std::clamp<std::int64_t>(y, 0, source_.height - 1);
        }
        if (y < 0 || y >= source_.height) {
            std::fill_n(table, run, zeros);
        } else {
            const float* const row = source_.at((image * source_.height + y) * source_.width);
            const std::int64_t x0 = walk_.source_step * b + tap.dx;
            const float* const first = walk_.replicate ? row : zeros;
            const float* const last = walk_.replicate ? row + (source_.width - 1) * source_.stride : zeros;
            std::int64_t k = 0;
            for (; k < run && x0 + k * walk_.source_step < 0; ++k) {
                table[k] = first;
            }
            for (; k < run && x0 + k * walk_.source_step < source_.width; ++k) {
                table[k] = row + x0 * source_.stride + k * each;
            }
            std::fill(table + k, table + run, last);
        }
        table += step;
    }
}

}  // namespace reverie::frozen
