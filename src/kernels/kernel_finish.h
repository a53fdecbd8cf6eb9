// Private to the kernels: what becomes of sums before they are stored (Finish).
// Included by kernel_bodies.h alone.

/// Where what an activation made of its input has a slope.
REVERIE_INLINE std::uint32_t slope_bits(Vector v, const Finish& f) {
    if (f.activation == Finishing::None) {
        return ~0U;
    }
    const std::uint32_t positive = greater_bits(v, Vector{});
    return f.activation == Finishing::Relu6 ? positive & greater_bits(broadcast(6.0F), v) : positive;
}

/// Exact on both sides of 0, where one of the summands is 0.
REVERIE_INLINE Vector leaky(Vector v, float slope) { return relu(v) + slope * at_most(v, Vector{}); }

/// Vector `v` of the output at (pixel, channel), of which n channels exist.
REVERIE_INLINE void finish_vector(Vector v, const Finish& f, std::int64_t pixel, int channel, int n) {
    if (f.bias != nullptr) {
        v += load(f.bias + channel, n);
    }
    if (f.addend != nullptr) {
        v += load(f.addend + pixel * f.addend_stride + channel, n);
    }
    if (f.activation == Finishing::Leaky) {
        v = leaky(v, f.slope);
    } else if (f.activation != Finishing::None) {
        v = relu(v);
        if (f.activation == Finishing::Relu6) {
            v = at_most(v, broadcast(6.0F));
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
    if (f.activation == Finishing::Leaky) {
        REVERIE_EACH { sum[r][v] = leaky(sum[r][v], f.slope); }
    } else if (f.activation != Finishing::None) {
        REVERIE_EACH { sum[r][v] = relu(sum[r][v]); }
        if (f.activation == Finishing::Relu6) {
            REVERIE_EACH { sum[r][v] = at_most(sum[r][v], broadcast(6.0F)); }
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

void finish_map(const float* input, std::int64_t stride, std::int64_t count, int channels, const Finish& finish) {
    for (std::int64_t pixel = 0; pixel < count; ++pixel) {
        by_vectors(channels, [&](int c, int n) REVERIE_BODY {
            finish_vector(load(input + pixel * stride + c, n), finish, pixel, c, n);
        });
    }
}
