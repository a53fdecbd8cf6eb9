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
            // A window at stride * a sees input cell stride * a - margin + tap. From the last tap on, so that sources
            // are read in the order they lie in: the other way round took depthwise windows twice the time.
            for (std::int64_t i = window.kernel_h - 1; i >= 0; --i) {
                for (std::int64_t j = window.kernel_w - 1; j >= 0; --j) {
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

}  // namespace reverie::frozen
