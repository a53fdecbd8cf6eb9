// Private to the kernels: their bodies, for the vector width and instruction set of the file that includes them.

#include "nn/frozen/simd.h"

constexpr int kRows = REVERIE_ROWS;        // of a product at once
constexpr int kVectors = REVERIE_VECTORS;  // of a packed panel
constexpr int kPanel = kVectors * kWidth;

/// body(channel, channels there) for each vector of channels; the count of all but the last is known when compiling.
template <typename Body>
REVERIE_INLINE void by_vectors(int channels, const Body& body) {
    int c = 0;
    for (; c + kWidth <= channels; c += kWidth) {
        body(c, kWidth);
    }
    if (c < channels) {
        body(c, channels - c);
    }
}
#define REVERIE_BODY __attribute__((always_inline))

/// Where what an activation made of its input has a slope.
REVERIE_INLINE std::uint32_t slope_bits(Vector v, const Finish& f) {
    if (f.activation == Finishing::None) {
        return ~0U;
    }
    const std::uint32_t positive = above(v, Vector{});
    return f.activation == Finishing::Relu6 ? positive & above(spread(6.0F), v) : positive;
}

/// Vector `v` of the output at (pixel, channel), of which n channels exist.
REVERIE_INLINE void finish_vector(Vector v, const Finish& f, std::int64_t pixel, int channel, int n) {
    if (f.bias != nullptr) {
        v += load(f.bias + channel, n);
    }
    if (f.addend != nullptr) {
        v += load(f.addend + pixel * f.addend_stride + channel, n);
    }
    if (f.activation != Finishing::None) {
        v = relu(v);
        if (f.activation == Finishing::Relu6) {
            v = at_most(v, spread(6.0F));
        }
    }
    if (f.bits != nullptr) {
        store_bits(f.bits + pixel * f.bits_stride + channel / 8, slope_bits(v, f), n);
    }
    if (f.keep != nullptr) {
        v = keep(v, load_bits(f.keep + pixel * f.keep_stride + channel / 8, n));
    }
    store(f.out + pixel * f.out_stride + channel, v, n);
}

/// The same, not inlined: for what is left over.
__attribute__((noinline)) void finish_rest(Vector v, const Finish& f, std::int64_t pixel, int channel, int n) {
    finish_vector(v, f, pixel, channel, n);
}

// ------------------------------------------------------------------------------------------------------- products

/// Whole vectors of several pixels: stage after stage for all of them, so that each question is asked once.
template <int rows, int vectors>
REVERIE_INLINE void finish_rows(Vector (&sum)[rows][vectors], const std::int64_t (&pixel)[rows], int channel,
                                const Finish& f) {
#define REVERIE_EACH \
    _Pragma("GCC unroll 16") for (int r = 0; r < rows; ++r) _Pragma("GCC unroll 4") for (int v = 0; v < vectors; ++v)
    if (f.bias != nullptr) {
        REVERIE_EACH { sum[r][v] += load(f.bias + channel + v * kWidth); }
    }
    if (f.addend != nullptr) {
        REVERIE_EACH { sum[r][v] += load(f.addend + pixel[r] * f.addend_stride + channel + v * kWidth); }
    }
    if (f.activation != Finishing::None) {
        REVERIE_EACH { sum[r][v] = relu(sum[r][v]); }
        if (f.activation == Finishing::Relu6) {
            REVERIE_EACH { sum[r][v] = at_most(sum[r][v], spread(6.0F)); }
        }
    }
    if (f.bits != nullptr) {
        REVERIE_EACH {
            store_bits(f.bits + pixel[r] * f.bits_stride + channel / 8 + v * (kWidth / 8), slope_bits(sum[r][v], f),
                       kWidth);
        }
    }
    if (f.keep != nullptr) {
        REVERIE_EACH {
            const std::uint8_t* const bits = f.keep + pixel[r] * f.keep_stride + channel / 8 + v * (kWidth / 8);
            sum[r][v] = keep(sum[r][v], load_bits(bits, kWidth));
        }
    }
    REVERIE_EACH { store(f.out + pixel[r] * f.out_stride + channel + v * kWidth, sum[r][v]); }
#undef REVERIE_EACH
}

template <int vectors>
REVERIE_INLINE void product_rows(const Product& job, int first, const float* b, int channel, const Finish& finish) {
    Vector sum[kRows][vectors];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[r][v] = Vector{};
        }
    }
    const float* const* table = job.rows + first;
    const float* const panel = b;
    for (int tap = 0; tap < job.taps; ++tap, table += job.row_capacity) {
        if (job.tap_index != nullptr) {
            b = panel + static_cast<std::int64_t>(job.tap_index[tap]) * job.depth * (vectors * kWidth);
        }
        const float* row[kRows];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
            row[r] = table[r];
        }
        for (int d = 0; d < job.depth; ++d, b += vectors * kWidth) {
            Vector column[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                column[v] = load(b + v * kWidth);
            }
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
                const Vector x = spread(row[r][d]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; ++v) {
                    sum[r][v] += x * column[v];
                }
            }
        }
    }
    const int count = job.count - first < kRows ? job.count - first : kRows;
    std::int64_t pixel[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
        const int at = first + (r < count ? r : count - 1);
        pixel[r] = job.pixels != nullptr ? job.pixels[at] : at;
    }
    if (count == kRows && channel + vectors * kWidth <= job.channels) {
        finish_rows(sum, pixel, channel, finish);
        return;
    }
    // Unrolled, so that the sums need no place in memory.
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            const int at = channel + v * kWidth;
            const int n = job.channels - at;
            if (r < count && n > 0) {
                finish_rest(sum[r][v], finish, pixel[r], at, n < kWidth ? n : kWidth);
            }
        }
    }
}

void product(const Product& job, const Finish& finish) {
    const std::int64_t length = static_cast<std::int64_t>(job.packed_taps) * job.depth;
    const auto rows_by_panel = [&](int first, int panel) REVERIE_BODY {
        const float* const b = job.packed + panel * kPanel * length;
        if (kVectors > 1 && job.channels - panel * kPanel <= kWidth) {
            product_rows<1>(job, first, b, panel * kPanel, finish);
        } else {
            product_rows<kVectors>(job, first, b, panel * kPanel, finish);
        }
    };
    // A matrix that stays in the cache next to the core is read for each few rows, which writes each pixel's channels
    // in one go; of a larger one each panel is read once for all rows.
    constexpr std::int64_t kNear = 128 * 1024 / 4;
    if (length * job.channels <= kNear) {
        for (int first = 0; first < job.count; first += kRows) {
            for (int panel = job.first_panel; panel < job.last_panel; ++panel) {
                rows_by_panel(first, panel);
            }
        }
        return;
    }
    for (int panel = job.first_panel; panel < job.last_panel; ++panel) {
        for (int first = 0; first < job.count; first += kRows) {
            rows_by_panel(first, panel);
        }
    }
}

/// One panel of columns. Sums of so many rows are taken in float and added up in double.
template <int vectors>
REVERIE_INLINE void cross_panel(const Cross& job, int column, int count) {
    constexpr std::int64_t kBlock = 256;
    for (std::int64_t begin = 0; begin < job.rows; begin += kBlock) {
        const std::int64_t end = begin + kBlock < job.rows ? begin + kBlock : job.rows;
        Vector sum[kRows][vectors];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                sum[r][v] = Vector{};
            }
        }
        for (std::int64_t row = begin; row < end; ++row) {
            const float* const left = job.left + row * job.stride + job.column;
            const float* const right = job.right + row * job.stride + column;
            Vector here[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                const int n = job.channels - column - v * kWidth;
                here[v] = kWidth <= 8 ? load(right + v * kWidth) : load(right + v * kWidth, n);
            }
#pragma GCC unroll 16
            for (int r = 0; r < kRows; ++r) {
                const Vector x = spread(left[r < count ? r : 0]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; ++v) {
                    sum[r][v] += x * here[v];
                }
            }
        }
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
            if (r < count) {
                double* const sums = job.sums + static_cast<std::int64_t>(job.column + r) * job.channels + column;
#pragma GCC unroll 4
                for (int v = 0; v < vectors; ++v) {
                    const Vector one = sum[r][v];
                    const int n = job.channels - column - v * kWidth;
                    for (int i = 0; i < kWidth && i < n; ++i) {
                        sums[v * kWidth + i] += static_cast<double>(one[i]);
                    }
                }
            }
        }
    }
}

void cross(const Cross& job) {
    const int count = job.channels - job.column < kRows ? job.channels - job.column : kRows;
    for (int column = job.first; column < job.channels; column += kPanel) {
        const bool narrow = kVectors > 1 && job.channels - column <= kWidth;
        if (count == kRows) {
            narrow ? cross_panel<1>(job, column, kRows) : cross_panel<kVectors>(job, column, kRows);
        } else {
            narrow ? cross_panel<1>(job, column, count) : cross_panel<kVectors>(job, column, count);
        }
    }
}

// ------------------------------------------------------------------------------------------------------- Winograd

// One-dimensional transforms of the inputs of a tile and of its sums: B^T and A^T (Lavin, Gray 2016). F(4,3) has the
// points 0, 1, -1, 2, -2 and infinity, F(6,3) 1/2 and -1/2 too.

REVERIE_INLINE void tile_in(const Vector (&d)[6], Vector (&t)[6]) {
    const Vector a = d[4] - 4.0F * d[2];
    const Vector b = d[3] - 4.0F * d[1];
    const Vector c = d[4] - d[2];
    const Vector e = 2.0F * (d[3] - d[1]);
    t[0] = 4.0F * d[0] - 5.0F * d[2] + d[4];
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4.0F * d[1] - 5.0F * d[3] + d[5];
}

REVERIE_INLINE void tile_out(const Vector (&m)[6], Vector (&y)[4]) {
    const Vector a = m[1] + m[2];
    const Vector b = m[1] - m[2];
    const Vector c = m[3] + m[4];
    const Vector e = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[1] = b + 2.0F * e;
    y[2] = a + 4.0F * c;
    y[3] = b + 8.0F * e + m[5];
}

REVERIE_INLINE void tile_in(const Vector (&d)[8], Vector (&t)[8]) {
    const Vector a = d[6] - 4.25F * d[4] + d[2];
    const Vector b = d[5] - 4.25F * d[3] + d[1];
    const Vector c = d[6] - 1.25F * d[4] + 0.25F * d[2];
    const Vector e = 2.0F * d[5] - 2.5F * d[3] + 0.5F * d[1];
    const Vector f = d[6] - 5.0F * d[4] + 4.0F * d[2];
    const Vector g = 0.5F * d[5] - 2.5F * d[3] + 2.0F * d[1];
    t[0] = d[6] - d[0] + 5.25F * (d[2] - d[4]);
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = f + g;
    t[6] = f - g;
    t[7] = d[7] - d[1] + 5.25F * (d[3] - d[5]);
}

REVERIE_INLINE void tile_out(const Vector (&m)[8], Vector (&y)[6]) {
    const Vector a = m[1] + m[2];
    const Vector b = m[1] - m[2];
    const Vector c = m[3] + m[4];
    const Vector e = m[3] - m[4];
    const Vector f = m[5] + m[6];
    const Vector g = m[5] - m[6];
    y[0] = m[0] + a + c + f;
    y[1] = b + 2.0F * e + 0.5F * g;
    y[2] = a + 4.0F * c + 0.25F * f;
    y[3] = b + 8.0F * e + 0.125F * g;
    y[4] = a + 16.0F * c + 0.0625F * f;
    y[5] = b + 32.0F * e + 0.03125F * g + m[7];
}

/// Tiles of side x side inputs.
template <int side>
REVERIE_INLINE void square_in(const TilesIn& job) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* const* pixels = job.pixels + tile * side * side;
        float* out = job.out + tile * job.tile_stride;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector t[side][side];  // [row of the transform][column of the tile]
#pragma GCC unroll 8
            for (int j = 0; j < side; ++j) {
                Vector d[side];
                Vector column[side];
#pragma GCC unroll 8
                for (int i = 0; i < side; ++i) {
                    d[i] = load(pixels[i * side + j] + c, n);
                }
                tile_in(d, column);
#pragma GCC unroll 8
                for (int i = 0; i < side; ++i) {
                    t[i][j] = column[i];
                }
            }
#pragma GCC unroll 8
            for (int i = 0; i < side; ++i) {
                Vector row[side];
                tile_in(t[i], row);
#pragma GCC unroll 8
                for (int j = 0; j < side; ++j) {
                    store(out + (i * side + j) * job.position_stride + c, row[j], n);
                }
            }
        });
    }
}

/// Tiles of `side` x `side` sums to those of `step` x `step` outputs.
template <int side, int step>
REVERIE_INLINE void square_out(const TilesOut& job, const Finish& finish) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* sums = job.sums + tile * job.tile_stride;
        const std::int64_t* pixels = job.pixels + tile * step * step;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector t[step][side];
#pragma GCC unroll 8
            for (int j = 0; j < side; ++j) {
                Vector m[side];
                Vector column[step];
#pragma GCC unroll 8
                for (int i = 0; i < side; ++i) {
                    m[i] = load(sums + (i * side + j) * job.position_stride + c, n);
                }
                tile_out(m, column);
#pragma GCC unroll 8
                for (int i = 0; i < step; ++i) {
                    t[i][j] = column[i];
                }
            }
#pragma GCC unroll 8
            for (int i = 0; i < step; ++i) {
                Vector y[step];
                tile_out(t[i], y);
#pragma GCC unroll 8
                for (int j = 0; j < step; ++j) {
                    if (const std::int64_t pixel = pixels[i * step + j]; pixel >= 0) {
                        finish_vector(y[j], finish, pixel, c, n);
                    }
                }
            }
        });
    }
}

void square4_in(const TilesIn& job) { square_in<6>(job); }
void square4_out(const TilesOut& job, const Finish& finish) { square_out<6, 4>(job, finish); }
void square6_in(const TilesIn& job) { square_in<8>(job); }
void square6_out(const TilesOut& job, const Finish& finish) { square_out<8, 6>(job, finish); }

// B^T and A^T of F(4,4) with the points 0, 1, -1, 2, -2, 1/2 and infinity.
constexpr float kLineIn[7][7] = {{-2, 4, 2.5F, -5, -0.5F, 1, 0}, {0, 2, -2, -4.5F, 0.5F, 1, 0},
                                 {0, -2, 6, -3.5F, -1.5F, 1, 0}, {0, 1, -1.5F, -2, 1.5F, 1, 0},
                                 {0, -1, 2.5F, 0, -2.5F, 1, 0},  {0, 4, 0, -5, 0, 1, 0},
                                 {0, -2, 4, 2.5F, -5, -0.5F, 1}};
constexpr float kLineOut[4][7] = {
    {1, 1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0.5F, 0}, {0, 1, 1, 4, 4, 0.25F, 0}, {0, 1, -1, 8, -8, 0.125F, 1}};

/// y = matrix x; the matrix is known, so its zeros cost nothing.
template <int outputs>
REVERIE_INLINE void multiply(const float (&matrix)[outputs][7], const Vector (&x)[7], Vector (&y)[outputs]) {
#pragma GCC unroll 8
    for (int i = 0; i < outputs; ++i) {
        y[i] = Vector{};
#pragma GCC unroll 8
        for (int j = 0; j < 7; ++j) {
            if (matrix[i][j] != 0.0F) {
                y[i] += matrix[i][j] * x[j];
            }
        }
    }
}

void line_in(const TilesIn& job) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* const* pixels = job.pixels + tile * 7;
        float* out = job.out + tile * job.tile_stride;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector d[7];
            Vector t[7];
#pragma GCC unroll 8
            for (int i = 0; i < 7; ++i) {
                d[i] = load(pixels[i] + c, n);
            }
            multiply(kLineIn, d, t);
#pragma GCC unroll 8
            for (int i = 0; i < 7; ++i) {
                store(out + i * job.position_stride + c, t[i], n);
            }
        });
    }
}

void line_out(const TilesOut& job, const Finish& finish) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* sums = job.sums + tile * job.tile_stride;
        const std::int64_t* pixels = job.pixels + tile * 4;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector m[7];
            Vector y[4];
#pragma GCC unroll 8
            for (int i = 0; i < 7; ++i) {
                m[i] = load(sums + i * job.position_stride + c, n);
            }
            multiply(kLineOut, m, y);
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) {
                if (pixels[i] >= 0) {
                    finish_vector(y[i], finish, pixels[i], c, n);
                }
            }
        });
    }
}

// -------------------------------------------------------------------------------------------------------- windows

REVERIE_INLINE std::int64_t pixel_of(const Windows& job, int window) {
    return job.pixels != nullptr ? job.pixels[window] : window;
}

/// So many vectors of channels of several windows: weights are loaded once for all windows, addresses once for all
/// vectors.
template <int together, int vectors>
REVERIE_INLINE void depthwise_windows(const Windows& job, int first, const float* weights, int c, int n,
                                      const Finish& finish) {
    Vector sum[together][vectors];
#pragma GCC unroll 8
    for (int w = 0; w < together; ++w) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[w][v] = Vector{};
        }
    }
    // The pixels that the next windows see first, and no window before: the others are in the cache.
    if (first + 2 * together <= job.capacity && job.taps > 0) {
        const float* const* next = job.inputs + (job.taps - 1) * job.capacity + first + together;
#pragma GCC unroll 8
        for (int w = 0; w < together; ++w) {
            __builtin_prefetch(next[w] + c);
        }
    }
    for (int tap = 0; tap < job.taps; ++tap) {
        const float* const* inputs = job.inputs + tap * job.capacity + first;
        Vector weight[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            weight[v] = load(weights + tap * job.channels + c + v * kWidth, n);
        }
#pragma GCC unroll 8
        for (int w = 0; w < together; ++w) {
            const float* const input = inputs[w] + c;
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                sum[w][v] += weight[v] * load(input + v * kWidth, n);
            }
        }
    }
    std::int64_t pixel[together];
#pragma GCC unroll 8
    for (int w = 0; w < together; ++w) {
        pixel[w] = pixel_of(job, first + w);
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
REVERIE_INLINE void depthwise_channels(const Windows& job, int first, const float* weights, const Finish& finish) {
    int c = 0;
    for (; c + 2 * kWidth <= job.channels; c += 2 * kWidth) {
        depthwise_windows<together, 2>(job, first, weights, c, kWidth, finish);
    }
    for (; c + kWidth <= job.channels; c += kWidth) {
        depthwise_windows<together, 1>(job, first, weights, c, kWidth, finish);
    }
    if (c < job.channels) {
        depthwise_windows<together, 1>(job, first, weights, c, job.channels - c, finish);
    }
}

void depthwise(const Windows& job, const float* weights, const Finish& finish) {
    constexpr int kTogether = 4;
    int window = 0;
    for (; window + kTogether <= job.count; window += kTogether) {
        depthwise_channels<kTogether>(job, window, weights, finish);
    }
    for (; window < job.count; ++window) {
        depthwise_channels<1>(job, window, weights, finish);
    }
}

void weighted_sum(const Windows& job, const float* factors, bool squares, const Finish& finish) {
    for (int window = 0; window < job.count; ++window) {
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector sum{};
            for (int tap = 0; tap < job.taps; ++tap) {
                const Vector x = load(job.inputs[tap * job.capacity + window] + c, n);
                sum += spread(factors[tap * job.capacity + window]) * (squares ? x * x : x);
            }
            finish_vector(sum, finish, pixel_of(job, window), c, n);
        });
    }
}

void maximum(const Windows& job, float gain, std::uint8_t* chosen, const Finish& finish) {
    for (int window = 0; window < job.count; ++window) {
        const std::int64_t pixel = pixel_of(job, window);
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector most = spread(-__builtin_inff());
            Integers which{};
            for (int tap = 0; tap < job.taps; ++tap) {
                const Vector x = load(job.inputs[tap * job.capacity + window] + c, n);
                const Integers better = (x > most) | (x != x);  // a NaN is passed on
                most = better ? x : most;
                which = better ? Integers{} + tap : which;
            }
            if (chosen != nullptr) {
                std::uint8_t* to = chosen + pixel * job.channels + c;
                for (int i = 0; i < n; ++i) {
                    to[i] = static_cast<std::uint8_t>(which[i]);
                }
            }
            finish_vector(most * gain, finish, pixel, c, n);
        });
    }
}

void maximum_back(const Windows& job, const MaximumSources& sources, float gain, const Finish& finish) {
    for (int window = 0; window < job.count; ++window) {
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector sum{};
            for (int tap = 0; tap < job.taps; ++tap) {
                const std::int64_t at = tap * job.capacity + window;
                const std::uint8_t* indices = sources.indices[at] + c;
                Integers which{};
                for (int i = 0; i < n; ++i) {
                    which[i] = indices[i];
                }
                const Integers mine = which == Integers{} + static_cast<std::int32_t>(sources.places[at]);
                sum += mine ? load(job.inputs[at] + c, n) : Vector{};
            }
            finish_vector(sum * gain, finish, pixel_of(job, window), c, n);
        });
    }
}

void finish_map(const float* input, std::int64_t stride, std::int64_t count, int channels, const Finish& finish) {
    for (std::int64_t pixel = 0; pixel < count; ++pixel) {
        by_vectors(channels, [&](int c, int n) REVERIE_BODY {
            finish_vector(load(input + pixel * stride + c, n), finish, pixel, c, n);
        });
    }
}

constexpr Kernels kKernels = {REVERIE_KERNELS_NAME,
                              kWidth,
                              kPanel,
                              kRows,
                              product,
                              cross,
                              {36, 16, square4_in, square4_out},
                              {64, 36, square6_in, square6_out},
                              {7, 4, line_in, line_out},
                              depthwise,
                              weighted_sum,
                              maximum,
                              maximum_back,
                              finish_map};
