// Private: how a window lies on a map. Shared by shape inference and the executors.
#pragma once

#include <algorithm>

#include "reverie/nn/graph.h"

namespace reverie {

/// Zeros (or replicated cells) added on each side of a map. What windows hang over beyond them is nothing at all.
struct Margins {
    std::int64_t top = 0, bottom = 0, left = 0, right = 0;
    bool symmetric() const { return top == bottom && left == right; }
};

/// Cells of a window's output along one axis; 0 when the window does not fit.
inline std::int64_t window_output(const Window& w, std::int64_t input, std::int64_t kernel, std::int64_t pad) {
    if (input <= 0) {
        return 0;
    }
    if (w.padding == Padding::Same) {
        return (input + w.stride - 1) / w.stride;
    }
    const std::int64_t hang = w.overhang ? w.stride - 1 : 0;  // at most that many cells
    const std::int64_t rest = input + 2 * pad - kernel + hang;
    if (rest < 0) {
        return 0;
    }
    // A window that would begin beyond the map sees nothing of it.
    const std::int64_t last = rest / w.stride;
    return w.overhang && last * w.stride >= input + pad ? last : last + 1;
}

inline Size window_output(const Window& w, Size input) {
    return {window_output(w, input.height, w.kernel_h, w.pad_h), window_output(w, input.width, w.kernel_w, w.pad_w)};
}

inline Margins window_margins(const Window& w, Size input) {
    if (w.padding != Padding::Same) {
        return {w.pad_h, w.pad_h, w.pad_w, w.pad_w};
    }
    const auto total = [&](std::int64_t n, std::int64_t kernel) {
        return std::max<std::int64_t>(0, ((n + w.stride - 1) / w.stride - 1) * w.stride + kernel - n);
    };
    const std::int64_t rows = total(input.height, w.kernel_h);
    const std::int64_t columns = total(input.width, w.kernel_w);
    return {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2};
}

}  // namespace reverie
