#include "techniques/dream/film_motion.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace reverie {
namespace {

using Complex = std::complex<double>;

/// Seconds of full motion in the first `u` of a second whose speed rises from 0 to 1 as 3u^2 - 2u^3.
double eased(double u) { return u * u * u * (1.0 - 0.5 * u); }

/// (e^z - 1) / z.
Complex mean_growth(Complex z) {
    constexpr double kSmall = 1e-4;
    return std::abs(z) < kSmall ? 1.0 + z * 0.5 + z * z / 6.0 : (std::exp(z) - 1.0) / z;
}

}  // namespace

FilmMotion::FilmMotion(const DreamFilmOptions& film, Size frame)
    : frame_(frame),
      seconds_(film.seconds),
      ease_(film.ease),
      growth_(std::log(film.zoom), film.rotate * std::numbers::pi / 180.0),
      drift_(-film.pan.x * static_cast<double>(frame.width), -film.pan.y * static_cast<double>(frame.height)) {}

double FilmMotion::passed(double time) const {
    if (ease_ <= 0.0) {
        return time;
    }
    const double now = std::clamp(time, 0.0, seconds_);
    double passed = now < ease_ ? ease_ * eased(now / ease_) : now - 0.5 * ease_;
    if (const double left = seconds_ - now; left < ease_) {
        passed -= ease_ - left - (0.5 * ease_ - ease_ * eased(left / ease_));
    }
    return passed;
}

Similarity FilmMotion::before(double seconds) const {
    // All places move by growth * place + drift a second; this is where that leads, backwards in time.
    const Complex z = -growth_ * seconds;
    return {.factor = std::exp(z), .shift = -drift_ * seconds * mean_growth(z)};
}

Size FilmMotion::margin(double dreams_per_second) const {
    constexpr int kParts = 16;     // of the time between two key dreams: turning, a corner may reach further on the way
    constexpr double kTaps = 2.0;  // pixels beyond a place that its value is made of
    const double right = 0.5 * static_cast<double>(frame_.width);
    const double bottom = 0.5 * static_cast<double>(frame_.height);
    double x = 0.0;
    double y = 0.0;
    for (int part = -kParts; part <= kParts; ++part) {
        const Similarity moved = before(static_cast<double>(part) / kParts / dreams_per_second);
        for (const Complex corner :
             {Complex(right, bottom), Complex(-right, bottom), Complex(right, -bottom), Complex(-right, -bottom)}) {
            const Complex place = moved(corner);
            x = std::max(x, std::abs(place.real()) - right);
            y = std::max(y, std::abs(place.imag()) - bottom);
        }
    }
    constexpr double kStill = 1e-9;
    const auto pixels = [&](double reach) {
        return x + y < kStill ? 0 : static_cast<std::int64_t>(std::ceil(reach + kTaps));
    };
    return {pixels(y), pixels(x)};
}

}  // namespace reverie
