// Private to the kernels: norms of maps. Included by kernel_bodies.h alone.

REVERIE_INLINE Vector sloped(Vector v, Vector gradient, float slope) {
    return v > Vector{} ? gradient : slope * gradient;
}

/// sum(pixel's channels [c, c + n)) of two kinds for all pixels of the job.
template <typename Pixel>
REVERIE_INLINE void sum_both(const NormJob& job, int c, int n, const Pixel& pixel) {
    Vector first{};
    Vector second{};
    for (std::int64_t p = 0; p < job.pixels; ++p) {
        pixel(p * job.channels + c, first, second);
    }
    store(job.sums + c, first, n);
    store(job.sums + job.channels + c, second, n);
}

void norm_moments(const NormJob& job) {
    by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
        const Vector origin = load(job.origin + c, n);
        sum_both(job, c, n, [&](std::int64_t at, Vector& first, Vector& second) REVERIE_BODY {
            const Vector x = load(job.in + at, n) - origin;
            first += x;
            second += x * x;
        });
    });
}

void norm_forward(const NormJob& job) {
    by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
        const Vector scale = load(job.scale + c, n);
        const Vector shift = load(job.shift + c, n);
        for (std::int64_t p = 0; p < job.pixels; ++p) {
            const std::int64_t at = p * job.channels + c;
            Vector y = load(job.in + at, n) * scale + shift;
            if (job.addend != nullptr) {
                y += load(job.addend + at, n);
            }
            store(job.out + at, job.sloped ? sloped(y, y, job.slope) : y, n);
        }
    });
}

void norm_back_sums(const NormJob& job) {
    by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
        const Vector scale = load(job.scale + c, n);
        const Vector shift = load(job.shift + c, n);
        const Vector origin = load(job.origin + c, n);
        sum_both(job, c, n, [&](std::int64_t at, Vector& first, Vector& second) REVERIE_BODY {
            const Vector x = load(job.in + at, n);
            const Vector g = load(job.gradient + at, n);
            const Vector here = job.sloped ? sloped(x * scale + shift, g, job.slope) : g;
            first += here;
            second += here * (x - origin);
        });
    });
}

void norm_back(const NormJob& job) {
    by_vectors(job.channels, [&](int c, int n) REVERIE_BODY {
        const Vector scale = load(job.scale + c, n);
        const Vector shift = load(job.shift + c, n);
        const Vector linear = load(job.linear + c, n);
        const Vector constant = load(job.constant + c, n);
        for (std::int64_t p = 0; p < job.pixels; ++p) {
            const std::int64_t at = p * job.channels + c;
            const Vector x = load(job.in + at, n);
            const Vector g = load(job.gradient + at, n);
            const Vector here = job.sloped ? sloped(x * scale + shift, g, job.slope) : g;
            store(job.out + at, scale * here + (linear * x + constant), n);
        }
    });
}
