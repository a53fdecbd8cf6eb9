// Private to the kernels: vectors of REVERIE_WIDTH floats. Included inside the namespace of one instruction set.
// No include guard: every translation unit of the kernels includes it once.

constexpr int kWidth = REVERIE_WIDTH;

using Vector = float __attribute__((vector_size(4 * REVERIE_WIDTH)));
using Integers = std::int32_t __attribute__((vector_size(4 * REVERIE_WIDTH)));
using LooseVector = float __attribute__((vector_size(4 * REVERIE_WIDTH), aligned(4), may_alias));

#define REVERIE_INLINE inline __attribute__((always_inline))

REVERIE_INLINE Vector load(const float* p) { return *reinterpret_cast<const LooseVector*>(p); }
REVERIE_INLINE void store(float* p, Vector v) { *reinterpret_cast<LooseVector*>(p) = v; }
REVERIE_INLINE Vector broadcast(float x) { return x - Vector{}; }

/// The first n of a vector, the rest zero.
REVERIE_INLINE Vector load(const float* p, int n) {
    if (n >= kWidth) {
        return load(p);
    }
    Vector v{};
    for (int i = 0; i < n; ++i) {
        v[i] = p[i];
    }
    return v;
}
REVERIE_INLINE void store(float* p, Vector v, int n) {
    if (n >= kWidth) {
        store(p, v);
        return;
    }
    for (int i = 0; i < n; ++i) {
        p[i] = v[i];
    }
}

#if defined(__AVX512F__) && REVERIE_WIDTH == 16

REVERIE_INLINE Vector relu(Vector v) { return _mm512_max_ps(Vector{}, v); }  // in this order a NaN stays one
REVERIE_INLINE Vector at_most(Vector v, Vector most) { return _mm512_min_ps(most, v); }
REVERIE_INLINE std::uint32_t greater_bits(Vector v, Vector bound) { return _mm512_cmp_ps_mask(v, bound, _CMP_GT_OQ); }
REVERIE_INLINE Vector keep(Vector v, std::uint32_t bits) {
    return _mm512_maskz_mov_ps(static_cast<__mmask16>(bits), v);
}

#elif defined(__AVX2__) && REVERIE_WIDTH == 8

REVERIE_INLINE Vector relu(Vector v) { return _mm256_max_ps(Vector{}, v); }
REVERIE_INLINE Vector at_most(Vector v, Vector most) { return _mm256_min_ps(most, v); }
REVERIE_INLINE std::uint32_t greater_bits(Vector v, Vector bound) {
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(v, bound, _CMP_GT_OQ)));
}
REVERIE_INLINE Vector keep(Vector v, std::uint32_t bits) {
    const __m256i places = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), places);
    return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, places)));
}

#else

REVERIE_INLINE Vector relu(Vector v) { return Vector{} > v ? Vector{} : v; }
REVERIE_INLINE Vector at_most(Vector v, Vector most) { return most < v ? most : v; }
REVERIE_INLINE std::uint32_t greater_bits(Vector v, Vector bound) {
    std::uint32_t bits = 0;
    for (int i = 0; i < kWidth; ++i) {
        bits |= (v[i] > bound[i] ? 1U : 0U) << i;
    }
    return bits;
}
REVERIE_INLINE Vector keep(Vector v, std::uint32_t bits) {
    for (int i = 0; i < kWidth; ++i) {
        v[i] = (bits >> i & 1U) != 0 ? v[i] : 0.0F;
    }
    return v;
}

#endif

/// Bits of `n` channels (a multiple of 8).
REVERIE_INLINE std::uint32_t load_bits(const std::uint8_t* p, int n) {
    std::uint32_t bits = p[0];
    if (kWidth > 8 && n > 8) {
        bits |= static_cast<std::uint32_t>(p[1]) << 8U;
    }
    return bits;
}
REVERIE_INLINE void store_bits(std::uint8_t* p, std::uint32_t bits, int n) {
    p[0] = static_cast<std::uint8_t>(bits);
    if (kWidth > 8 && n > 8) {
        p[1] = static_cast<std::uint8_t>(bits >> 8U);
    }
}
