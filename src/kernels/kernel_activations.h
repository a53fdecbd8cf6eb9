// Private to the kernels: activations.
// Included by kernel_bodies.h alone.

/// Between -87 and 87, where e^x is an ordinary number; a NaN stays one.
REVERIE_INLINE Vector in_range(Vector x) { return -at_most(-at_most(x, broadcast(87.0F)), broadcast(87.0F)); }

/// e^x to 2 units in the last place, of x held in that range: 2^n e^r with |r| <= ln(2) / 2.
REVERIE_INLINE Vector exp_of(Vector x) {
    constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to whole numbers
    x = in_range(x);
    const Vector n = (x * 1.44269504F + kRound) - kRound;
    const Vector r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    Vector p = broadcast(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    const Vector e = p * (r * r) + r + 1.0F;
    const Integers power = (__builtin_convertvector(n, Integers) + 127) << 23;
    return e * reinterpret_cast<const Vector&>(power);
}

REVERIE_INLINE Vector sigmoid(Vector x) { return 1.0F / (1.0F + exp_of(-x)); }

void silu(const float* in, float* out, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += kWidth) {
        const int n = static_cast<int>(count - i < kWidth ? count - i : kWidth);
        const Vector x = load(in + i, n);
        store(out + i, x * sigmoid(x), n);
    }
}

void silu_back(const float* in, const float* gradient, float* out, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += kWidth) {
        const int n = static_cast<int>(count - i < kWidth ? count - i : kWidth);
        const Vector x = load(in + i, n);
        const Vector s = sigmoid(x);
        store(out + i, load(gradient + i, n) * (s * (1.0F + in_range(x) * (1.0F - s))), n);
    }
}

void glu(const float* in, float* out, std::int64_t pixels, int channels) {
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel, in += 2 * channels, out += channels) {
        by_vectors(channels, [&](int c, int n) REVERIE_BODY {
            store(out + c, load(in + c, n) * sigmoid(load(in + channels + c, n)), n);
        });
    }
}

void glu_back(const float* in, const float* gradient, float* out, std::int64_t pixels, int channels) {
    for (std::int64_t pixel = 0; pixel < pixels;
         ++pixel, in += 2 * channels, gradient += channels, out += 2 * channels) {
        by_vectors(channels, [&](int c, int n) REVERIE_BODY {
            const Vector s = sigmoid(load(in + channels + c, n));
            const Vector passed = load(gradient + c, n) * s;
            store(out + c, passed, n);
            store(out + channels + c, passed * load(in + c, n) * (1.0F - s), n);
        });
    }
}
