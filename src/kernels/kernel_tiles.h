// Private to the kernels: the transforms of Winograd's minimal filtering.
// Included by kernel_bodies.h alone.

// One-dimensional transforms of the inputs of a tile and of its sums: B^T and A^T (Lavin, Gray 2016). F(4,3) has the
// points 0, 1, -1, 2, -2 and infinity, F(6,3) 1/2 and -1/2 too, F(4,2) 0, 1, -1, 2 and infinity.

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

REVERIE_INLINE void tile_out(const Vector (&m)[5], Vector (&y)[4]) {
    const Vector a = m[1] + m[2];
    const Vector b = m[1] - m[2];
    y[0] = m[0] + a + m[3];
    y[1] = b + 2.0F * m[3];
    y[2] = a + 4.0F * m[3];
    y[3] = b + 8.0F * m[3] + m[4];
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
void square_in(const TilesIn& job) {
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
void square_out(const TilesOut& job, const Finish& finish) {
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
