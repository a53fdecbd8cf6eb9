#include "reverie/output/film_info.h"

#include <cmath>
#include <numeric>

#include "reverie/core/option_text.h"

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

bool parse_value(const std::string& text, Rational& value) {
    constexpr std::int64_t kMost = 1'000'000'000;
    const std::size_t slash = text.find('/');
    Rational rate;
    if (slash == std::string::npos) {
        constexpr std::int64_t kParts = 1000;
        double number = 0.0;
        if (!parse_value(text, number) || !(number > 0.0) || number > 1e6) {
            return false;
        }
        rate = {std::llround(number * kParts), kParts};
    } else if (!parse_value(text.substr(0, slash), rate.numerator) ||
               !parse_value(text.substr(slash + 1), rate.denominator)) {
        return false;
    }
    if (rate.numerator < 1 || rate.denominator < 1 || rate.numerator > kMost || rate.denominator > kMost) {
        return false;
    }
    value = reduced(rate);
    return true;
}

std::string value_text(Rational value) {
    return std::to_string(value.numerator) + (value.denominator == 1 ? "" : "/" + std::to_string(value.denominator));
}

}  // namespace reverie
