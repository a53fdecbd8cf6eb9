// Private to the kernels: matrix products.
// Included by kernel_bodies.h alone.
// NOLINTBEGIN(modernize-loop-convert): the pragmas unroll counted loops only

template <int vectors>
REVERIE_INLINE void clear(Vector (&sum)[kRows][vectors]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[r][v] = Vector{};
        }
    }
}

/// One number of each row times a few columns.
template <int vectors, typename Number>
REVERIE_INLINE void add_products(Vector (&sum)[kRows][vectors], const float* columns, const Number& number) {
    Vector column[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
        column[v] = load(columns + v * kWidth);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
        const Vector x = broadcast(number(r));
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            sum[r][v] += x * column[v];
        }
    }
}

template <int vectors>
REVERIE_INLINE void product_rows(const Product& job, int first, const float* b, int channel, const Finish& finish) {
    Vector sum[kRows][vectors];
    clear(sum);
    // Rows are read once a panel and are too short to be foreseen by the processor: those that come next are asked for.
    constexpr int kLine = 64 / sizeof(float);
    const int ahead = first + kRows < job.row_capacity ? kRows : 0;
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
        for (int begin = 0; begin < job.depth; begin += kLine) {
            const int end = begin + kLine < job.depth ? begin + kLine : job.depth;
            for (int r = 0; r < kRows; ++r) {
                __builtin_prefetch(table[ahead + r] + begin);
            }
            for (int d = begin; d < end; ++d, b += vectors * kWidth) {
                add_products(sum, b, [&](int r) REVERIE_BODY { return row[r][d]; });
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
    const int panels = (job.channels + kPanel - 1) / kPanel;
    if (length * job.channels <= kNear) {
        for (int first = 0; first < job.count; first += kRows) {
            for (int panel = 0; panel < panels; ++panel) {
                rows_by_panel(first, panel);
            }
        }
        return;
    }
    for (int panel = 0; panel < panels; ++panel) {
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
        clear(sum);
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
                const Vector x = broadcast(left[r < count ? r : 0]);
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

// NOLINTEND(modernize-loop-convert)
