// Curves: one layout, drawn on pixels or as SVG.
#include "reverie/output/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "output/canvas.h"
#include "output/ticks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

using namespace output;

constexpr std::size_t kBins = 200;  // of consecutive points, of which two each are drawn
constexpr double kLargest = 1e300;  // beyond it differences overflow

bool is_drawn(double x, double y) { return std::abs(x) <= kLargest && std::abs(y) <= kLargest; }

struct Range {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();

    bool empty() const { return low > high; }
    void add(double value) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
};

/// One that has a length: around a single value, or for nothing.
Range widened(Range range) {
    if (range.empty()) {
        return {0, 1};
    }
    const double center = range.low + (range.high - range.low) / 2;
    const double least = std::max(std::abs(center) * 1e-6, std::numeric_limits<double>::min() * 1e6);
    if (range.high - range.low >= least) {
        return range;
    }
    const double half = center == 0 ? 1 : std::abs(center) / 2;
    return {center - half, center + half};
}

/// A stretch of a curve without gaps, thinned to its extremes.
using Stretch = std::vector<Point>;

std::vector<Stretch> stretches_of(const Curve& curve) {
    const std::size_t count = std::min(curve.x.size(), curve.y.size());
    const std::size_t bin = count <= 2 * kBins ? 1 : (count + kBins - 1) / kBins;
    std::vector<Stretch> stretches(1);
    const auto add_extremes = [&](std::size_t from, std::size_t to) {
        const auto [low, high] = std::minmax_element(curve.y.begin() + static_cast<std::ptrdiff_t>(from),
                                                     curve.y.begin() + static_cast<std::ptrdiff_t>(to));
        auto first = static_cast<std::size_t>(low - curve.y.begin());
        auto second = static_cast<std::size_t>(high - curve.y.begin());
        if (first > second) {
            std::swap(first, second);
        }
        stretches.back().push_back({curve.x[first], curve.y[first]});
        if (second != first) {
            stretches.back().push_back({curve.x[second], curve.y[second]});
        }
    };
    for (std::size_t i = 0; i < count;) {
        if (!is_drawn(curve.x[i], curve.y[i])) {
            if (!stretches.back().empty()) {
                stretches.emplace_back();
            }
            ++i;
            continue;
        }
        const std::size_t from = i;
        while (i < count && i < from + bin && is_drawn(curve.x[i], curve.y[i])) {
            ++i;
        }
        add_extremes(from, i);
    }
    if (stretches.back().empty()) {
        stretches.pop_back();
    }
    return stretches;
}

/// Values to pixels along one axis.
struct Axis {
    Range values;
    double from = 0;  ///< the pixel of values.low
    double to = 0;
    bool log = false;

    double at(double value) const {
        const auto place = [this](double v) { return log ? std::log10(v) : v; };
        const double low = place(values.low);
        return from + (to - from) * ((place(value) - low) / (place(values.high) - low));
    }
    std::vector<Tick> ticks(double pixels_each) const {
        const int count = std::max(2, static_cast<int>(std::abs(to - from) / pixels_each));
        return log ? logarithmic_ticks(values.low, values.high, count) : linear_ticks(values.low, values.high, count);
    }
};

constexpr double kMargin = 12;
constexpr double kTextSize = 11;
constexpr double kLine = 16;  // from one line of text to the next
constexpr Paint kQuiet = {nullptr, 0.65};
constexpr Paint kGrid = {nullptr, 0.13};
constexpr Paint kFrame = {nullptr, 0.45};

/// Names with a piece of their curve's colour, in as many lines as they need. Returns where the next thing may begin.
double draw_legend(Canvas& canvas, const std::vector<Curve>& curves, double top, double width) {
    constexpr double kSwatch = 14;
    constexpr double kGap = 5;
    const TextStyle style{.size = kTextSize, .paint = {nullptr, 0.85}};
    double x = kMargin;
    double y = top + kLine - 5;
    for (std::size_t i = 0; i < curves.size(); ++i) {
        const double wide = kSwatch + kGap + canvas.text_width(curves[i].name, style);
        if (x > kMargin && x + wide > width - kMargin) {
            x = kMargin;
            y += kLine;
        }
        canvas.line({{x, y - 4}, {x + kSwatch, y - 4}}, 2.5, {&series_color(i)});
        canvas.text({x + kSwatch + kGap, y}, curves[i].name, style);
        x += wide + 3 * kGap;
    }
    return y + 5;
}

void draw(Canvas& canvas, const std::vector<Curve>& curves, const PlotOptions& options) {
    const auto width = static_cast<double>(options.size.width);
    const auto height = static_cast<double>(options.size.height);

    std::vector<std::vector<Stretch>> drawn;
    Range x_values;
    Range y_values;
    for (const Curve& curve : curves) {
        drawn.push_back(stretches_of(curve));
        for (const Stretch& stretch : drawn.back()) {
            for (const Point& point : stretch) {
                x_values.add(point.x);
                y_values.add(point.y);
            }
        }
    }
    Axis x{.values = widened(x_values)};
    Axis y{.values = widened(y_values)};
    y.log = options.log_y && y.values.low > 0 && !y_values.empty();

    double top = kMargin;
    if (!options.title.empty()) {
        canvas.text({kMargin, top + 11}, options.title, {.size = 13, .bold = true});
        top += kLine + 4;
    }
    const bool name_is_title = curves.size() == 1 && curves[0].name == options.title;
    if (!curves.empty() && !name_is_title) {
        top = draw_legend(canvas, curves, top, width);
    }
    y.from = height - kMargin - kLine - (options.x_label.empty() ? 0 : kLine);
    y.to = top + 8;
    if (y.log) {
        const double pad = std::pow(y.values.high / y.values.low, 0.03);
        y.values = {y.values.low / pad, y.values.high * pad};
    } else {
        const double pad = 0.04 * (y.values.high - y.values.low);
        y.values = {y.values.low - pad, y.values.high + pad};
    }
    const TextStyle tick_style{.size = kTextSize, .paint = kQuiet};
    const std::vector<Tick> y_ticks = y.ticks(40);
    double widest = 0;
    for (const Tick& tick : y_ticks) {
        widest = std::max(widest, canvas.text_width(tick.text, tick_style));
    }
    x.from = kMargin + widest + 7;
    x.to = width - kMargin - 6;

    for (const Tick& tick : y_ticks) {
        const double at = y.at(tick.value);
        canvas.line({{x.from, at}, {x.to, at}}, 1, kGrid);
        canvas.text({x.from - 7, at + 4}, tick.text, {.size = kTextSize, .anchor = Anchor::End, .paint = kQuiet});
    }
    for (const Tick& tick : x.ticks(75)) {
        const double at = x.at(tick.value);
        canvas.line({{at, y.from}, {at, y.from + 4}}, 1, kFrame);
        canvas.text({at, y.from + kLine}, tick.text, {.size = kTextSize, .anchor = Anchor::Middle, .paint = kQuiet});
    }
    canvas.line({{x.from, y.from}, {x.to, y.from}}, 1, kFrame);
    if (!options.x_label.empty()) {
        canvas.text({(x.from + x.to) / 2, height - kMargin + 2}, options.x_label,
                    {.size = kTextSize, .anchor = Anchor::Middle, .paint = kQuiet});
    }
    if (y_values.empty()) {
        canvas.text({(x.from + x.to) / 2, (y.from + y.to) / 2}, "no values yet",
                    {.size = kTextSize, .anchor = Anchor::Middle, .paint = kQuiet});
    }
    // The first curve is drawn last: it is what matters most.
    for (std::size_t i = curves.size(); i-- > 0;) {
        const Paint paint = {&series_color(i)};
        for (const Stretch& stretch : drawn[i]) {
            std::vector<Point> places;
            for (const Point& point : stretch) {
                places.push_back({x.at(point.x), y.at(point.y)});
            }
            if (places.size() == 1) {
                canvas.dot(places[0], 2.2, paint);
            } else {
                canvas.line(places, 1.6, paint);
            }
        }
    }
}

void check(const PlotOptions& options) {
    if (options.size.height < 120 || options.size.width < 160 ||
        std::max(options.size.height, options.size.width) > 4000) {
        throw Error(ErrorKind::Usage,
                    "a plot of " + text_of(options.size) + " pixels cannot be drawn; choose 160x120 to 4000x4000");
    }
}

}  // namespace

Tensor plot(const std::vector<Curve>& curves, const PlotOptions& options) {
    check(options);
    RasterCanvas canvas(options.size);
    draw(canvas, curves, options);
    return canvas.image();
}

std::string plot_svg(const std::vector<Curve>& curves, const PlotOptions& options) {
    check(options);
    SvgCanvas canvas(options.size, options.title.empty() ? "curves over " + options.x_label : options.title);
    draw(canvas, curves, options);
    return canvas.element();
}

}  // namespace reverie
