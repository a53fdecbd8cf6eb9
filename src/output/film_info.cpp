#include "reverie/output/film_info.h"

#include <cmath>
#include <numeric>

namespace reverie {

Rational reduced(Rational fraction) {
    const std::int64_t common = std::gcd(fraction.numerator, fraction.denominator);
    return common > 1 ? Rational{fraction.numerator / common, fraction.denominator / common} : fraction;
}

Rational fraction_of(double value) {
    constexpr std::int64_t kFinest = 60'000;
    constexpr double kNear = 1e-9;  // of the value: what a double of a few digits is off by
    // Continued fractions: each step is the best of its denominator.
    Rational before{0, 1};
    Rational best{1, 0};
    double rest = value;
    for (;;) {
        const double whole = std::floor(rest);
        const auto times = static_cast<std::int64_t>(whole);
        const Rational next{times * best.numerator + before.numerator, times * best.denominator + before.denominator};
        if (next.denominator > kFinest) {
            return best;
        }
        before = best;
        best = next;
        if (std::abs(best.value() - value) <= kNear * std::abs(value) || rest == whole) {
            return best;
        }
        rest = 1 / (rest - whole);
    }
}

}  // namespace reverie
