// Private to the kernels: the inner loops of 4x4 convolutions of stride 2 (strided_kernels.h says what they compute).
// Included by kernels/kernel_bodies.h alone.

// One-dimensional transforms; the letters are those of strided_kernels.h.

REVERIE_INLINE void strided_b_t(const Vector (&d)[5], Vector (&t)[5]) {
    const Vector a = d[3] - d[1];
    const Vector b = d[3] - d[2];
    t[0] = 2.0F * (d[0] - d[2]) + a;
    t[1] = b - 2.0F * d[1];
    t[2] = b + 2.0F * (d[1] - d[2]);
    t[3] = a;
    t[4] = (d[4] - d[2]) - 2.0F * a;
}

REVERIE_INLINE void strided_b(const Vector (&z)[5], Vector (&x)[5]) {
    x[0] = 2.0F * z[0];
    x[1] = 2.0F * (z[2] - z[1] + z[4]) - (z[0] + z[3]);
    x[2] = -2.0F * z[0] - z[1] - 3.0F * z[2] - z[4];
    x[3] = z[0] + z[1] + z[2] + z[3] - 2.0F * z[4];
    x[4] = z[4];
}

REVERIE_INLINE void strided_a_t(const Vector (&m)[5], Vector (&y)[4]) {
    const Vector a = m[1] + m[2];
    const Vector b = m[1] - m[2];
    y[0] = m[0] + a + m[3];
    y[1] = b + 2.0F * m[3];
    y[2] = a + 4.0F * m[3];
    y[3] = b + 8.0F * m[3] + m[4];
}

REVERIE_INLINE void strided_a(const Vector (&g)[4], Vector (&s)[5]) {
    const Vector even = g[0] + g[2];
    const Vector odd = g[1] + g[3];
    s[0] = g[0];
    s[1] = even + odd;
    s[2] = even - odd;
    s[3] = g[0] + 2.0F * g[1] + 4.0F * g[2] + 8.0F * g[3];
    s[4] = g[3];
}

REVERIE_INLINE void strided_g(const Vector (&w)[2], Vector (&q)[5]) {
    q[0] = 0.5F * w[0];
    q[1] = -0.5F * (w[0] + w[1]);
    q[2] = (1.0F / 6) * (w[1] - w[0]);
    q[3] = (1.0F / 6) * w[0] + (1.0F / 3) * w[1];
    q[4] = w[1];
}

REVERIE_INLINE void strided_g_t(const Vector (&q)[5], Vector (&w)[2]) {
    w[0] = 0.5F * (q[0] - q[1]) + (1.0F / 6) * (q[3] - q[2]);
    w[1] = (1.0F / 6) * q[2] - 0.5F * q[1] + (1.0F / 3) * q[3] + q[4];
}

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

template <int side, typename Transform1>
REVERIE_INLINE void grouped_in(const GroupedTiles& job, const Transform1& transform) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* const* pixels = job.pixels + tile * side * side;
        float* out = job.out + tile * job.tile_stride;
        for (int first = 0; first < job.channels; first += job.group, out += job.group_stride) {
            const int rest = job.channels - first;
            by_vectors(rest < job.group ? rest : job.group, [&](int c, int n) REVERIE_BODY {
                Vector d[side][side];
                Vector t[5][5];
#pragma GCC unroll 8
                for (int i = 0; i < side; ++i) {
#pragma GCC unroll 8
                    for (int j = 0; j < side; ++j) {
                        d[i][j] = load(pixels[i * side + j] + first + c, n);
                    }
                }
                on_square<side, 5>(d, t, transform);
#pragma GCC unroll 8
                for (int i = 0; i < 5; ++i) {
#pragma GCC unroll 8
                    for (int j = 0; j < 5; ++j) {
                        store(out + (i * 5 + j) * job.position_stride + c, t[i][j], n);
                    }
                }
            });
        }
    }
}

void strided_inputs_in(const GroupedTiles& job) {
    grouped_in<5>(job, [](const Vector(&d)[5], Vector(&t)[5]) REVERIE_BODY { strided_b_t(d, t); });
}

void strided_outputs_in(const GroupedTiles& job) {
    grouped_in<4>(job, [](const Vector(&d)[4], Vector(&t)[5]) REVERIE_BODY { strided_a(d, t); });
}

/// The 25 sums of a tile at channel c.
REVERIE_INLINE void load_sums(const float* sums, std::int64_t stride, int n, Vector (&m)[5][5]) {
#pragma GCC unroll 8
    for (int i = 0; i < 5; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < 5; ++j) {
            m[i][j] = load(sums + (i * 5 + j) * stride, n);
        }
    }
}

void strided_outputs_out(const TilesOut& job, const Finish& finish) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* sums = job.sums + tile * job.tile_stride;
        const std::int64_t* pixels = job.pixels + tile * 16;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector m[5][5];
            Vector y[4][4];
            load_sums(sums + c, job.position_stride, n, m);
            on_square<5, 4>(m, y, [](const Vector(&from)[5], Vector(&to)[4]) REVERIE_BODY { strided_a_t(from, to); });
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 4
                for (int j = 0; j < 4; ++j) {
                    if (const std::int64_t pixel = pixels[i * 4 + j]; pixel >= 0) {
                        finish_vector(y[i][j], finish, pixel, c, n);
                    }
                }
            }
        });
    }
}

void strided_inputs_out(const TilesOut& job, const Finish& finish) {
    for (int tile = 0; tile < job.tiles; ++tile) {
        const float* sums = job.sums + tile * job.tile_stride;
        const std::int64_t* pixels = job.pixels + tile * 25;
        by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
            Vector m[5][5];
            Vector x[5][5];
            load_sums(sums + c, job.position_stride, n, m);
            on_square<5, 5>(m, x, [](const Vector(&from)[5], Vector(&to)[5]) REVERIE_BODY { strided_b(from, to); });
            const Vector bias = finish.bias != nullptr ? load(finish.bias + c, n) : Vector{};
#pragma GCC unroll 8
            for (int i = 0; i < 5; ++i) {
#pragma GCC unroll 8
                for (int j = 0; j < 5; ++j) {
                    const std::int64_t pixel = pixels[i * 5 + j];
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

void strided_weights_in(const WeightTiles& job, const float* weights, float* transformed) {
    for (int row = 0; row < job.rows; ++row, weights += job.row_stride, transformed += job.transformed_row) {
        by_vectors(job.columns, [&](int c, int n) REVERIE_BODY {
            Vector w[2][2];
            Vector q[5][5];
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) {
                w[i / 2][i % 2] = load(weights + job.taps[i] + c, n);
            }
            on_square<2, 5>(w, q, [](const Vector(&from)[2], Vector(&to)[5]) REVERIE_BODY { strided_g(from, to); });
#pragma GCC unroll 8
            for (int i = 0; i < 5; ++i) {
#pragma GCC unroll 8
                for (int j = 0; j < 5; ++j) {
                    store(transformed + (i * 5 + j) * job.position_stride + c, q[i][j]);
                }
            }
        });
    }
}

void strided_weights_out(const WeightTiles& job, const float* transformed, float* weights, bool add) {
    for (int row = 0; row < job.rows; ++row, weights += job.row_stride, transformed += job.transformed_row) {
        by_vectors(job.columns, [&](int c, int n) REVERIE_BODY {
            Vector q[5][5];
            Vector w[2][2];
            load_sums(transformed + c, job.position_stride, kWidth, q);
            on_square<5, 2>(q, w, [](const Vector(&from)[5], Vector(&to)[2]) REVERIE_BODY { strided_g_t(from, to); });
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) {
                float* const out = weights + job.taps[i] + c;
                store(out, add ? load(out, n) + w[i / 2][i % 2] : w[i / 2][i % 2], n);
            }
        });
    }
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

void strided_turn(const float* from, std::int64_t from_stride, int rows, int columns, float* to,
                  std::int64_t to_stride) {
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

template <int vectors>
REVERIE_INLINE void correlate_rows(const Correlation& job, int first) {
    const float* left = job.left + first / kLeftGroup * job.left_group + first % kLeftGroup;
    const float* right = job.right;
    Vector sum[kRows][vectors];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[r][v] = Vector{};
        }
    }
    for (int tile = 0; tile < job.tiles; ++tile, left += kLeftGroup, right += job.right_stride) {
        Vector column[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            column[v] = load(right + v * kWidth);
        }
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
            const Vector x = broadcast(left[r]);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                sum[r][v] += x * column[v];
            }
        }
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

void strided_correlate(const Correlation& job) {
    static_assert(kLeftGroup % kRows == 0 && kLeftGroup % kWidth == 0);
    for (int first = 0; first < job.rows; first += kRows) {
        if (kVectors > 1 && job.columns <= kWidth) {
            correlate_rows<1>(job, first);
        } else {
            correlate_rows<kVectors>(job, first);
        }
    }
}
