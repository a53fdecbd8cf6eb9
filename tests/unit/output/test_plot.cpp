// Curves, as pixels and as SVG.
#include "reverie/output/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "output/ticks.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Curve curve_of(const std::string& name, const std::vector<double>& y) {
    Curve curve{name, {}, y};
    for (std::size_t i = 0; i < y.size(); ++i) {
        curve.x.push_back(static_cast<double>(i));
    }
    return curve;
}

std::size_t count_of(const std::string& text, const std::string& piece) {
    std::size_t count = 0;
    for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) {
        ++count;
    }
    return count;
}

const std::string kFirstColor = "stroke=\"#2f7ed8\"";

/// The points of the first curve's lines, in pixels of the plot.
std::vector<std::pair<double, double>> points_of(const std::string& svg) {
    std::vector<std::pair<double, double>> points;
    const std::regex path("<path d=\"([^\"]*)\" " + kFirstColor + " stroke-width=\"1.6\"");
    const std::regex place("([-0-9.]+) ([-0-9.]+)");
    for (std::sregex_iterator line(svg.begin(), svg.end(), path), end; line != end; ++line) {
        const std::string d = (*line)[1];
        for (std::sregex_iterator at(d.begin(), d.end(), place); at != end; ++at) {
            points.emplace_back(std::stod((*at)[1]), std::stod((*at)[2]));
        }
    }
    return points;
}

std::vector<std::string> texts(const std::vector<output::Tick>& ticks) {
    std::vector<std::string> all;
    for (const output::Tick& tick : ticks) {
        all.push_back(tick.text);
    }
    return all;
}

TEST(Ticks, AreRoundValues) {
    EXPECT_THAT(texts(output::linear_ticks(0, 1, 5)), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
    EXPECT_THAT(texts(output::linear_ticks(-3.3, 7.9, 4)), ElementsAre("-2", "0", "2", "4", "6"));
    EXPECT_THAT(texts(output::linear_ticks(0, 20000, 4)), ElementsAre("0", "5k", "10k", "15k", "20k"));
    EXPECT_THAT(texts(output::linear_ticks(100.02, 100.09, 3)), ElementsAre("100.02", "100.04", "100.06", "100.08"));
    EXPECT_THAT(texts(output::linear_ticks(0, 2e-5, 4)), ElementsAre("0", "5e-06", "1e-05", "1.5e-05", "2e-05"));
    EXPECT_THAT(texts(output::linear_ticks(0, 3e20, 3)), ElementsAre("0", "1e+20", "2e+20", "3e+20"));
}

TEST(Ticks, OfALogarithmicAxisArePowersOfTen) {
    EXPECT_THAT(texts(output::logarithmic_ticks(0.05, 2000, 5)), ElementsAre("0.1", "1", "10", "100", "1000"));
    EXPECT_THAT(texts(output::logarithmic_ticks(30, 600, 5)), ElementsAre("50", "100", "200", "500"));
    EXPECT_THAT(texts(output::logarithmic_ticks(1e-12, 1, 4)), ElementsAre("1e-12", "1e-09", "1e-06", "0.001", "1"));
    EXPECT_THAT(texts(output::logarithmic_ticks(90, 140, 5)), ElementsAre("90", "100", "110", "120", "130", "140"));
}

TEST(PlotSvg, PutsPointsInProportion) {
    const auto points = points_of(plot_svg({curve_of("loss", {0, 3, 1, 2})}));
    ASSERT_EQ(points.size(), 4);
    EXPECT_NEAR(points[1].first - points[0].first, (points[3].first - points[0].first) / 3, 0.11);  // 0.1 px is written
    EXPECT_LT(points[1].second, points[3].second);                                                  // up is less
    EXPECT_NEAR((points[0].second - points[2].second) * 3, points[0].second - points[1].second, 0.4);
    const auto log = points_of(plot_svg({curve_of("loss", {1, 10, 100})}, {.log_y = true}));
    EXPECT_NEAR(log[0].second - log[1].second, log[1].second - log[2].second, 0.21);
}

TEST(PlotSvg, TakesALogarithmicAxisForPositiveValuesOnly) {
    const std::vector<Curve> curves = {curve_of("a", {0, 10, 100})};
    EXPECT_EQ(plot_svg(curves, {.log_y = true}), plot_svg(curves));
}

TEST(PlotSvg, LeavesAGapWhereThereIsNoNumber) {
    const std::string whole = plot_svg({curve_of("a", {1, 2, 3, 4, 5})});
    const std::string holed =
        plot_svg({curve_of("a", {1, 2, kNan, 4, 5, std::numeric_limits<double>::infinity(), 3, kNan})});
    EXPECT_EQ(count_of(whole, kFirstColor + " stroke-width=\"1.6\""), 1);
    EXPECT_EQ(count_of(holed, kFirstColor + " stroke-width=\"1.6\""), 2);
    EXPECT_EQ(count_of(holed, "<circle"), 1);  // the lone value
    EXPECT_THAT(holed, Not(HasSubstr("nan")));
    EXPECT_THAT(holed, Not(HasSubstr("inf")));
}

TEST(PlotSvg, ThinsLongCurvesAndKeepsTheirExtremes) {
    std::vector<double> y(100'003, 0.5);
    y[51'234] = 9;
    y[77'777] = -4;
    const auto points = points_of(plot_svg({curve_of("a", y)}));
    EXPECT_GT(points.size(), 200);
    EXPECT_LE(points.size(), 402);
    const auto [top, bottom] = std::minmax_element(points.begin(), points.end(),
                                                   [](const auto& a, const auto& b) { return a.second < b.second; });
    const double zero = points.front().second;
    EXPECT_NEAR((zero - top->second) / 8.5, (bottom->second - zero) / 4.5, 0.1);
    EXPECT_LT(top->first, bottom->first);
}

TEST(PlotSvg, EscapesNamesAndNamesItsCurves) {
    const std::string svg = plot_svg({curve_of("<b>&\"a\"", {1, 2}), curve_of("kl", {2, 1})}, {.title = "A < B"});
    EXPECT_THAT(svg, Not(HasSubstr("<b>")));
    EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&amp;&quot;a&quot;"));
    EXPECT_THAT(svg, HasSubstr(">kl</text>"));
    EXPECT_THAT(svg, HasSubstr(">A &lt; B</text>"));
    EXPECT_THAT(svg, HasSubstr(">step</text>"));
    EXPECT_THAT(svg, HasSubstr("viewBox=\"0 0 560 360\""));
}

TEST(PlotSvg, DrawsWhatHasNoExtent) {
    for (const std::vector<Curve>& curves : {std::vector<Curve>{},
                                             {curve_of("a", {})},
                                             {curve_of("a", {kNan})},
                                             {curve_of("a", {3})},
                                             {curve_of("a", {0, 0, 0})},
                                             {curve_of("a", {1e308, -1e308, 2})},
                                             {curve_of("a", {5e-324, 0})},
                                             {curve_of("a", {1e299, -1e299})},
                                             {curve_of("a", {1, std::nextafter(1, 2)})}}) {
        const std::string svg = plot_svg(curves);
        EXPECT_THAT(svg, Not(HasSubstr("nan")));
        EXPECT_THAT(svg, Not(HasSubstr("inf")));
        EXPECT_EQ(plot(curves).isfinite().all().item<bool>(), true);
    }
    EXPECT_THAT(plot_svg({}), HasSubstr("no values yet"));
}

TEST(Plot, IsAPictureOfTheSizeWithTheCurvesColour) {
    const Tensor image = plot({curve_of("a", {1, 3, 2})}, {.size = {201, 333}});
    ASSERT_EQ(image.sizes(), (std::vector<std::int64_t>{3, 201, 333}));
    EXPECT_EQ(image.max().item<float>(), 1);
    EXPECT_GE(image.min().item<float>(), 0);
    const auto has = [](const Tensor& picture, double r, double g, double b) {
        const Tensor near = (picture[0] - r / 255).abs() + (picture[1] - g / 255).abs() + (picture[2] - b / 255).abs();
        return (near < 0.1).sum().item<std::int64_t>();
    };
    EXPECT_GT(has(image, 47, 126, 216), 100);  // the first curve
    EXPECT_EQ(has(image, 233, 114, 46), 0);    // there is no second
    EXPECT_GT(has(plot({curve_of("a", {1, 3, 2}), curve_of("b", {1, 2, 3})}), 233, 114, 46), 100);
}

TEST(Plot, RefusesSizesItCannotLayOut) {
    test::expect_error(ErrorKind::Usage, [] { plot({}, {.size = {20, 20}}); });
    test::expect_error(ErrorKind::Usage, [] { plot_svg({}, {.size = {100000, 300}}); });
}

}  // namespace
}  // namespace reverie
