// Private to the kernels: windows whose channels stay apart: depthwise convolutions and poolings.
// Included by kernel_bodies.h alone.

REVERIE_INLINE std::int64_t pixel_of(const Windows& job, int window) {
    return job.pixels != nullptr ? job.pixels[window] : window;
}

/// So many vectors of channels of several windows: weights are loaded once for all of them.
template <int together, int vectors>
REVERIE_INLINE void depthwise_windows(const WindowRow& job, int first, int c, int n, const Finish& finish) {
    Vector sum[together][vectors];
#pragma GCC unroll 8
    for (int w = 0; w < together; ++w) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[w][v] = Vector{};
        }
    }
    const std::int64_t from = first * job.advance + c;
    for (int tap = 0; tap < job.tap_count; ++tap) {
        const float* const input = job.taps[tap].input + from;
        const float* const weights = job.taps[tap].weights + c;
        Vector weight[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            weight[v] = load(weights + v * kWidth, n);
        }
#pragma GCC unroll 8
        for (int w = 0; w < together; ++w) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                sum[w][v] += weight[v] * load(input + w * job.advance + v * kWidth, n);
            }
        }
    }
    std::int64_t pixel[together];
#pragma GCC unroll 8
    for (int w = 0; w < together; ++w) {
        pixel[w] = job.pixel + (first + w) * job.pixel_step;
    }
    if (n == kWidth) {
        finish_rows(sum, pixel, c, finish);
        return;
    }
#pragma GCC unroll 8
    for (int w = 0; w < together; ++w) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            finish_rest(sum[w][v], finish, pixel[w], c + v * kWidth, n);
        }
    }
}

template <int together>
REVERIE_INLINE void depthwise_channels(const WindowRow& job, int first, int c, int end, const Finish& finish) {
    for (; c + 2 * kWidth <= end; c += 2 * kWidth) {
        depthwise_windows<together, 2>(job, first, c, kWidth, finish);
    }
    for (; c + kWidth <= end; c += kWidth) {
        depthwise_windows<together, 1>(job, first, c, kWidth, finish);
    }
    if (c < end) {
        depthwise_windows<together, 1>(job, first, c, end - c, finish);
    }
}

void depthwise(const WindowRow& job, const Finish& finish) {
    constexpr int kTogether = 4;
    // Of so many channels the weights and what neighbouring windows see stay in the cache next to the core.
    constexpr int kChannels = 128;
    for (int c = 0; c < job.channels; c += kChannels) {
        const int end = c + kChannels < job.channels ? c + kChannels : job.channels;
        int window = 0;
        for (; window + kTogether <= job.count; window += kTogether) {
            depthwise_channels<kTogether>(job, window, c, end, finish);
        }
        for (; window < job.count; ++window) {
            depthwise_channels<1>(job, window, c, end, finish);
        }
    }
}

/// Each vector of channels of each window becomes reduce(window, pixel, channel, channels there).
template <typename Reduce>
REVERIE_INLINE void reduce_windows(const Windows& job, const Finish& finish, const Reduce& reduce) {
    for (int window = 0; window < job.count; ++window) {
        const std::int64_t pixel = pixel_of(job, window);
        by_vectors(job.channels,
                   [&](int c, int n) REVERIE_BODY { finish_vector(reduce(window, pixel, c, n), finish, pixel, c, n); });
    }
}

/// visit(tap, its place in the tables, its input) for each tap of a window.
template <typename Visit>
REVERIE_INLINE void by_taps(const Windows& job, int window, int c, int n, const Visit& visit) {
    for (int tap = 0; tap < job.taps; ++tap) {
        const std::int64_t at = tap * job.capacity + window;
        visit(tap, at, load(job.inputs[at] + c, n));
    }
}

void weighted_sum(const Windows& job, const float* factors, bool squares, const Finish& finish) {
    reduce_windows(job, finish, [&](int window, std::int64_t, int c, int n) REVERIE_BODY {
        Vector sum{};
        by_taps(job, window, c, n, [&](int, std::int64_t at, Vector x) REVERIE_BODY {
            sum += broadcast(factors[at]) * (squares ? x * x : x);
        });
        return sum;
    });
}

void maximum(const Windows& job, float gain, std::uint8_t* chosen, const Finish& finish) {
    reduce_windows(job, finish, [&](int window, std::int64_t pixel, int c, int n) REVERIE_BODY {
        Vector most = broadcast(-__builtin_inff());
        Integers which{};
        by_taps(job, window, c, n, [&](int tap, std::int64_t, Vector x) REVERIE_BODY {
            const Integers better = (x > most) | (x != x);  // a NaN is passed on
            most = better ? x : most;
            which = better ? Integers{} + tap : which;
        });
        if (chosen != nullptr) {
            std::uint8_t* to = chosen + pixel * job.channels + c;
            for (int i = 0; i < n; ++i) {
                to[i] = static_cast<std::uint8_t>(which[i]);
            }
        }
        return most * gain;
    });
}

void maximum_back(const Windows& job, const MaximumSources& sources, float gain, const Finish& finish) {
    reduce_windows(job, finish, [&](int window, std::int64_t, int c, int n) REVERIE_BODY {
        Vector sum{};
        by_taps(job, window, c, n, [&](int, std::int64_t at, Vector x) REVERIE_BODY {
            const std::uint8_t* indices = sources.indices[at] + c;
            Integers which{};
            for (int i = 0; i < n; ++i) {
                which[i] = indices[i];
            }
            const Integers mine = which == Integers{} + static_cast<std::int32_t>(sources.places[at]);
            sum += mine ? x : Vector{};
        });
        return sum * gain;
    });
}
