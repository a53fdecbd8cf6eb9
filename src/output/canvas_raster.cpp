// A canvas of pixels, by OpenCV: drawn several times as large, then averaged, which makes its letters fine as well.
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "output/canvas.h"

namespace reverie::output {
namespace {

constexpr int kFold = 4;
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontHeight = 32;  // of the font at scale 1, in the sense of TextStyle::size
constexpr Color kInk = {33, 37, 45};

cv::Scalar mixed(const Paint& paint) {
    const Color& color = paint.color != nullptr ? *paint.color : kInk;
    const auto mix = [&](int level) { return 255 + paint.strength * (level - 255); };
    return {mix(color.red), mix(color.green), mix(color.blue)};
}

constexpr int kShift = 4;  // OpenCV's coordinates are whole numbers of 1/2^shift pixels

cv::Point scaled(Point point) {
    const auto unit = [](double value) { return static_cast<int>(std::lround((value * kFold - 0.5) * (1 << kShift))); };
    return {unit(point.x), unit(point.y)};
}

int whole(double value) { return std::max(1, static_cast<int>(std::lround(value * kFold))); }

double scale_of(const TextStyle& style) { return style.size * kFold / kFontHeight; }

int thickness_of(const TextStyle& style) { return whole(style.size * (style.bold ? 0.125 : 0.085)); }

}  // namespace

struct RasterCanvas::State {
    cv::Mat pixels;  // 8-bit RGB
};

RasterCanvas::RasterCanvas(Size size) : state_(std::make_unique<State>()) {
    state_->pixels = cv::Mat(static_cast<int>(size.height) * kFold, static_cast<int>(size.width) * kFold, CV_8UC3,
                             cv::Scalar(255, 255, 255));
}

RasterCanvas::~RasterCanvas() = default;

double RasterCanvas::text_width(const std::string& text, const TextStyle& style) const {
    int below = 0;
    return static_cast<double>(cv::getTextSize(text, kFont, scale_of(style), thickness_of(style), &below).width) /
           kFold;
}

void RasterCanvas::text(Point at, const std::string& text, const TextStyle& style) {
    const double width = text_width(text, style);
    const double left = at.x - (style.anchor == Anchor::Start ? 0 : style.anchor == Anchor::Middle ? width / 2 : width);
    cv::putText(state_->pixels, text, {static_cast<int>(left * kFold), static_cast<int>(at.y * kFold)}, kFont,
                scale_of(style), mixed(style.paint), thickness_of(style), cv::LINE_AA);
}

void RasterCanvas::line(const std::vector<Point>& points, double width, const Paint& paint) {
    std::vector<cv::Point> corners;
    std::transform(points.begin(), points.end(), std::back_inserter(corners), scaled);
    cv::polylines(state_->pixels, corners, false, mixed(paint), whole(width), cv::LINE_AA, kShift);
}

void RasterCanvas::dot(Point at, double radius, const Paint& paint) {
    cv::circle(state_->pixels, scaled(at), whole(radius) << kShift, mixed(paint), cv::FILLED, cv::LINE_AA, kShift);
}

Tensor RasterCanvas::image() const {
    const cv::Mat& pixels = state_->pixels;
    const Tensor large = at::from_blob(pixels.data, {pixels.rows, pixels.cols, 3}, at::kByte);
    return large.to(at::kFloat)
        .reshape({pixels.rows / kFold, kFold, pixels.cols / kFold, kFold, 3})
        .mean({1, 3})
        .permute({2, 0, 1})
        .div(255)
        .contiguous();
}

}  // namespace reverie::output
