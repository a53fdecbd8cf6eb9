// Private to the kernels: the inner loops of convolutions in training (winograd_kernels.h says what they compute).
// Included by kernel_bodies.h alone.

/// F(4,2) along one axis; the letters are those of winograd_kernels.h. A^T of both is in kernel_tiles.h.
struct Strided {
    static constexpr int kSide = 5;
    static constexpr int kTaps = 2;

    static REVERIE_INLINE void b_t(const Vector (&d)[5], Vector (&t)[5]) {
        const Vector a = d[3] - d[1];
        const Vector b = d[3] - d[2];
        t[0] = 2.0F * (d[0] - d[2]) + a;
        t[1] = b - 2.0F * d[1];
        t[2] = b + 2.0F * (d[1] - d[2]);
        t[3] = a;
        t[4] = (d[4] - d[2]) - 2.0F * a;
    }
    static REVERIE_INLINE void b(const Vector (&z)[5], Vector (&x)[5]) {
        x[0] = 2.0F * z[0];
        x[1] = 2.0F * (z[2] - z[1] + z[4]) - (z[0] + z[3]);
        x[2] = -2.0F * z[0] - z[1] - 3.0F * z[2] - z[4];
        x[3] = z[0] + z[1] + z[2] + z[3] - 2.0F * z[4];
        x[4] = z[4];
    }
    static REVERIE_INLINE void a(const Vector (&g)[4], Vector (&s)[5]) {
        const Vector even = g[0] + g[2];
        const Vector odd = g[1] + g[3];
        s[0] = g[0];
        s[1] = even + odd;
        s[2] = even - odd;
        s[3] = g[0] + 2.0F * g[1] + 4.0F * g[2] + 8.0F * g[3];
        s[4] = g[3];
    }
    static REVERIE_INLINE void g(const Vector (&w)[2], Vector (&q)[5]) {
        q[0] = 0.5F * w[0];
        q[1] = -0.5F * (w[0] + w[1]);
        q[2] = (1.0F / 6) * (w[1] - w[0]);
        q[3] = (1.0F / 6) * w[0] + (1.0F / 3) * w[1];
        q[4] = w[1];
    }
    static REVERIE_INLINE void g_t(const Vector (&q)[5], Vector (&w)[2]) {
        w[0] = 0.5F * (q[0] - q[1]) + (1.0F / 6) * (q[3] - q[2]);
        w[1] = (1.0F / 6) * q[2] - 0.5F * q[1] + (1.0F / 3) * q[3] + q[4];
    }
};

/// F(4,3); its B^T is that of kernel_tiles.h.
struct Square {
    static constexpr int kSide = 6;
    static constexpr int kTaps = 3;

    static REVERIE_INLINE void b_t(const Vector (&d)[6], Vector (&t)[6]) { tile_in(d, t); }
    static REVERIE_INLINE void b(const Vector (&z)[6], Vector (&x)[6]) {
        const Vector even = z[1] + z[2];
        const Vector odd = z[1] - z[2];
        const Vector far_even = z[3] + z[4];
        const Vector far_odd = z[3] - z[4];
        x[0] = 4.0F * z[0];
        x[1] = 4.0F * (z[5] - odd) - 2.0F * far_odd;
        x[2] = -5.0F * z[0] - 4.0F * even - far_even;
        x[3] = odd + 2.0F * far_odd - 5.0F * z[5];
        x[4] = z[0] + even + far_even;
        x[5] = z[5];
    }
    static REVERIE_INLINE void a(const Vector (&g)[4], Vector (&s)[6]) {
        const Vector even = g[0] + g[2];
        const Vector odd = g[1] + g[3];
        const Vector far_even = g[0] + 4.0F * g[2];
        const Vector far_odd = 2.0F * g[1] + 8.0F * g[3];
        s[0] = g[0];
        s[1] = even + odd;
        s[2] = even - odd;
        s[3] = far_even + far_odd;
        s[4] = far_even - far_odd;
        s[5] = g[3];
    }
    static REVERIE_INLINE void g(const Vector (&w)[3], Vector (&q)[6]) {
        const Vector ends = (-1.0F / 6) * (w[0] + w[2]);
        const Vector far_ends = (1.0F / 24) * w[0] + (1.0F / 6) * w[2];
        q[0] = 0.25F * w[0];
        q[1] = ends - (1.0F / 6) * w[1];
        q[2] = ends + (1.0F / 6) * w[1];
        q[3] = far_ends + (1.0F / 12) * w[1];
        q[4] = far_ends - (1.0F / 12) * w[1];
        q[5] = w[2];
    }
    static REVERIE_INLINE void g_t(const Vector (&q)[6], Vector (&w)[3]) {
        const Vector even = (1.0F / 6) * (q[1] + q[2]);
        const Vector odd = (1.0F / 6) * (q[2] - q[1]);
        const Vector far_even = q[3] + q[4];
        w[0] = 0.25F * q[0] - even + (1.0F / 24) * far_even;
        w[1] = odd + (1.0F / 12) * (q[3] - q[4]);
        w[2] = (1.0F / 6) * far_even - even + q[5];
    }
};

/// Both axes of a square one after the other: columns, then rows. transform(from, to) is one-dimensional.
template <int from, int to, typename Transform1>
REVERIE_INLINE void on_square(const Vector (&in)[from][from], Vector (&out)[to][to], const Transform1& transform) {
    Vector half[to][from];
#pragma GCC unroll 8
    for (int j = 0; j < from; ++j) {
        Vector column[from];
        Vector done[to];
#pragma GCC unroll 8
        for (int i = 0; i < from; ++i) {
            column[i] = in[i][j];
        }
        transform(column, done);
#pragma GCC unroll 8
        for (int i = 0; i < to; ++i) {
            half[i][j] = done[i];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < to; ++i) {
        transform(half[i], out[i]);
    }
}

template <int side, int positions, typename Transform1>
REVERIE_INLINE void grouped_in(const GroupedTiles& job, const Transform1& transform) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* const* pixels = job.pixels + tile * side * side;
        float* out = job.out + tile * job.tile_stride;
        for (int first = 0; first < job.channels; first += job.group, out += job.group_stride) {
            const int rest = job.channels - first;
            by_vectors(rest < job.group ? rest : job.group, [&](int c, int n) REVERIE_BODY {
                Vector d[side][side];
                Vector t[positions][positions];
#pragma GCC unroll 8
                for (int i = 0; i < side; ++i) {
#pragma GCC unroll 8
                    for (int j = 0; j < side; ++j) {
                        d[i][j] = load(pixels[i * side + j] + first + c, n);
                    }
                }
                on_square<side, positions>(d, t, transform);
#pragma GCC unroll 8
                for (int i = 0; i < positions; ++i) {
#pragma GCC unroll 8
                    for (int j = 0; j < positions; ++j) {
                        store(out + (i * positions + j) * job.position_stride + c, t[i][j], n);
                    }
                }
            });
        }
    }
}

template <typename F>
void inputs_in(const GroupedTiles& job) {
    constexpr int kSide = F::kSide;
    grouped_in<kSide, kSide>(job, [](const Vector(&d)[kSide], Vector(&t)[kSide]) REVERIE_BODY { F::b_t(d, t); });
}

template <typename F>
void outputs_in(const GroupedTiles& job) {
    constexpr int kSide = F::kSide;
    grouped_in<4, kSide>(job, [](const Vector(&d)[4], Vector(&t)[kSide]) REVERIE_BODY { F::a(d, t); });
}

/// The sums of a tile at channel c.
template <int side>
REVERIE_INLINE void load_sums(const float* sums, std::int64_t stride, int n, Vector (&m)[side][side]) {
#pragma GCC unroll 8
    for (int i = 0; i < side; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < side; ++j) {
            m[i][j] = load(sums + (i * side + j) * stride, n);
        }
    }
}

template <typename F>
void inputs_out(const TilesOut& job, const Finish& finish) {
    constexpr int kSide = F::kSide;
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* sums = job.sums + tile * job.tile_stride;
        const std::int64_t* pixels = job.pixels + tile * kSide * kSide;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector m[kSide][kSide];
            Vector x[kSide][kSide];
            load_sums(sums + c, job.position_stride, n, m);
            on_square<kSide, kSide>(
                m, x, [](const Vector(&from)[kSide], Vector(&to)[kSide]) REVERIE_BODY { F::b(from, to); });
            const Vector bias = finish.bias != nullptr ? load(finish.bias + c, n) : Vector{};
#pragma GCC unroll 8
            for (int i = 0; i < kSide; ++i) {
#pragma GCC unroll 8
                for (int j = 0; j < kSide; ++j) {
                    const std::int64_t pixel = pixels[i * kSide + j];
                    if (pixel >= 0) {
                        store(finish.out + pixel * finish.out_stride + c, x[i][j] + bias, n);
                    } else if (pixel <= -2) {
                        float* const out = finish.out + (-2 - pixel) * finish.out_stride + c;
                        store(out, load(out, n) + x[i][j], n);
                    }
                }
            }
        });
    }
}

template <typename F>
void weights_in(const WeightTiles& job, const float* weights, float* transformed) {
    constexpr int kSide = F::kSide;
    constexpr int kTaps = F::kTaps;
    for (int row = 0; row < job.rows; ++row, weights += job.row_stride, transformed += job.transformed_row) {
        by_vectors(job.columns, [&](int c, int n) REVERIE_BODY {
            Vector w[kTaps][kTaps];
            Vector q[kSide][kSide];
#pragma GCC unroll 9
            for (int i = 0; i < kTaps * kTaps; ++i) {
                w[i / kTaps][i % kTaps] = load(weights + job.taps[i] + c, n);
            }
            on_square<kTaps, kSide>(
                w, q, [](const Vector(&from)[kTaps], Vector(&to)[kSide]) REVERIE_BODY { F::g(from, to); });
#pragma GCC unroll 8
            for (int i = 0; i < kSide; ++i) {
#pragma GCC unroll 8
                for (int j = 0; j < kSide; ++j) {
                    store(transformed + (i * kSide + j) * job.position_stride + c, q[i][j]);
                }
            }
        });
    }
}

template <typename F>
void weights_out(const WeightTiles& job, const float* transformed, float* weights, bool add) {
    constexpr int kSide = F::kSide;
    constexpr int kTaps = F::kTaps;
    for (int row = 0; row < job.rows; ++row, weights += job.row_stride, transformed += job.transformed_row) {
        by_vectors(job.columns, [&](int c, int n) REVERIE_BODY {
            Vector q[kSide][kSide];
            Vector w[kTaps][kTaps];
            load_sums(transformed + c, job.position_stride, kWidth, q);
            on_square<kSide, kTaps>(
                q, w, [](const Vector(&from)[kSide], Vector(&to)[kTaps]) REVERIE_BODY { F::g_t(from, to); });
#pragma GCC unroll 9
            for (int i = 0; i < kTaps * kTaps; ++i) {
                float* const out = weights + job.taps[i] + c;
                store(out, add ? load(out, n) + w[i / kTaps][i % kTaps] : w[i / kTaps][i % kTaps], n);
            }
        });
    }
}

template <typename F>
constexpr WinogradKernels winograd() {
    return {F::kSide,      inputs_in<F>,  outputs_in<F>, square_out<F::kSide, 4>,
            inputs_out<F>, weights_in<F>, weights_out<F>};
}

/// Pairs of lanes `step` apart change places with those of the other vector.
template <int step, int... lane>
REVERIE_INLINE void exchange(Vector& a, Vector& b, std::integer_sequence<int, lane...>) {
    const Vector low = __builtin_shufflevector(a, b, ((lane & step) != 0 ? kWidth + lane - step : lane)...);
    b = __builtin_shufflevector(a, b, ((lane & step) != 0 ? kWidth + lane : lane + step)...);
    a = low;
}

template <int step>
REVERIE_INLINE void exchange_all(Vector (&m)[kWidth]) {
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) {
        if ((i & step) == 0) {
            exchange<step>(m[i], m[i + step], std::make_integer_sequence<int, kWidth>{});
        }
    }
    if constexpr (step > 1) {
        exchange_all<step / 2>(m);
    }
}

void turn(const float* from, std::int64_t from_stride, int rows, int columns, float* to, std::int64_t to_stride) {
    for (int row = 0; row < rows; row += kWidth) {
        for (int column = 0; column < columns; column += kWidth) {
            const float* const in = from + row * from_stride + column;
            float* const out = to + column * to_stride + row;
            if (row + kWidth <= rows && column + kWidth <= columns) {
                Vector m[kWidth];
#pragma GCC unroll 16
                for (int i = 0; i < kWidth; ++i) {
                    m[i] = load(in + i * from_stride);
                }
                exchange_all<kWidth / 2>(m);
#pragma GCC unroll 16
                for (int i = 0; i < kWidth; ++i) {
                    store(out + i * to_stride, m[i]);
                }
            } else {
                for (int i = 0; i < kWidth && row + i < rows; ++i) {
                    for (int j = 0; j < kWidth && column + j < columns; ++j) {
                        out[j * to_stride + i] = in[i * from_stride + j];
                    }
                }
            }
        }
    }
}

template <int vectors, bool fetch>
REVERIE_INLINE void tile_rows(const TileProducts& job, const float* in, const float* b, int first, float* sums) {
    constexpr int kLine = 64 / sizeof(float);
    const int last = job.tiles - 1;
    const float* row[kRows];
    const float* next[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
        row[r] = in + (first + r < last ? first + r : last) * job.tile_stride;
        next[r] = in + (first + kRows + r < last ? first + kRows + r : last) * job.tile_stride;
    }
    Vector sum[kRows][vectors];
    clear(sum);
    for (int begin = 0; begin < job.depth; begin += kLine) {
        const int end = begin + kLine < job.depth ? begin + kLine : job.depth;
        if constexpr (fetch) {
            for (int r = 0; r < kRows; ++r) {
                __builtin_prefetch(next[r] + begin);
            }
        }
        for (int d = begin; d < end; ++d, b += vectors * kWidth) {
            add_products(sum, b, [&](int r) REVERIE_BODY { return row[r][d]; });
        }
    }
    float* out = sums + static_cast<std::int64_t>(first) * job.step;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, out += job.step) {
        if (first + r <= last) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                store(out + v * kWidth, sum[r][v]);
            }
        }
    }
}

template <int vectors, bool fetch>
void tile_positions(const TileProducts& job) {
    for (int position = 0; position < job.positions; ++position) {
        for (int first = 0; first < job.tiles; first += kRows) {
            tile_rows<vectors, fetch>(job, job.in + position * job.in_position,
                                      job.packed + position * job.packed_position, first,
                                      job.sums + position * job.sums_position);
        }
    }
}

void tile_products(const TileProducts& job) {
    if (kVectors > 1 && job.step <= kWidth) {
        job.fetch ? tile_positions<1, true>(job) : tile_positions<1, false>(job);
    } else {
        job.fetch ? tile_positions<kVectors, true>(job) : tile_positions<kVectors, false>(job);
    }
}

template <int vectors>
REVERIE_INLINE void correlate_rows(const Correlation& job, int first) {
    const float* left = job.left + first / kLeftGroup * job.left_group + first % kLeftGroup;
    const float* right = job.right;
    Vector sum[kRows][vectors];
    clear(sum);
    for (int tile = 0; tile < job.tiles; ++tile, left += kLeftGroup, right += job.right_stride) {
        add_products(sum, right, [&](int r) REVERIE_BODY { return left[r]; });
    }
    float* out = job.sums + first * job.sums_stride;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, out += job.sums_stride) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            store(out + v * kWidth, job.add ? load(out + v * kWidth) + sum[r][v] : sum[r][v]);
        }
    }
}

void correlate(const Correlation& job) {
    static_assert(kLeftGroup % kRows == 0 && kLeftGroup % kWidth == 0);
    for (int first = 0; first < job.rows; first += kRows) {
        if (kVectors > 1 && job.columns <= kWidth) {
            correlate_rows<1>(job, first);
        } else {
            correlate_rows<kVectors>(job, first);
        }
    }
}
