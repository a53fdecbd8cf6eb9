// A canvas of SVG elements.
#include <array>
#include <cstdio>

#include "output/canvas.h"
#include "output/escape.h"

namespace reverie::output {
namespace {

/// A coordinate or length: a twentieth of a pixel is finer than any screen.
std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    std::string result = text.data();
    if (result.ends_with(".0")) {
        result.resize(result.size() - 2);
    }
    return result;
}

std::string attribute(const char* name, const std::string& value) {
    return " " + std::string(name) + "=\"" + value + "\"";
}

std::string painted(const char* what, const Paint& paint) {
    std::string attributes;
    if (paint.color != nullptr) {
        std::array<char, 8> text{};
        std::snprintf(text.data(), text.size(), "#%02x%02x%02x", static_cast<unsigned>(paint.color->red) & 0xff,
                      static_cast<unsigned>(paint.color->green) & 0xff,
                      static_cast<unsigned>(paint.color->blue) & 0xff);
        attributes = attribute(what, text.data());
    } else {
        attributes = attribute(what, "currentColor");
    }
    if (paint.strength < 1) {
        std::array<char, 8> text{};
        std::snprintf(text.data(), text.size(), "%.2f", paint.strength);
        attributes += attribute((std::string(what) + "-opacity").c_str(), text.data());
    }
    return attributes;
}

const char* name_of(Anchor anchor) {
    return anchor == Anchor::Start ? "start" : anchor == Anchor::Middle ? "middle" : "end";
}

}  // namespace

SvgCanvas::SvgCanvas(Size size, const std::string& label)
    : text_("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + std::to_string(size.width) + " " +
            std::to_string(size.height) + "\" role=\"img\"" + attribute("aria-label", escaped(label)) +
            " font-family=\"system-ui,sans-serif\" fill=\"none\">") {}

double SvgCanvas::text_width(const std::string& text, const TextStyle& style) const {
    constexpr double kMeanLetter = 0.56;  // of the size, in the usual sans-serif fonts; some room for the others
    return kMeanLetter * style.size * static_cast<double>(text.size());
}

void SvgCanvas::text(Point at, const std::string& text, const TextStyle& style) {
    text_ += "<text" + attribute("x", number(at.x)) + attribute("y", number(at.y)) +
             attribute("font-size", number(style.size)) + painted("fill", style.paint);
    if (style.anchor != Anchor::Start) {
        text_ += attribute("text-anchor", name_of(style.anchor));
    }
    if (style.bold) {
        text_ += attribute("font-weight", "600");
    }
    text_ += ">" + escaped(text) + "</text>";
}

void SvgCanvas::line(const std::vector<Point>& points, double width, const Paint& paint) {
    std::string path;
    for (const Point& point : points) {
        path += (path.empty() ? "M" : " ") + number(point.x) + " " + number(point.y);
    }
    text_ += "<path" + attribute("d", path) + painted("stroke", paint) + attribute("stroke-width", number(width)) +
             " stroke-linejoin=\"round\" stroke-linecap=\"round\"/>";
}

void SvgCanvas::dot(Point at, double radius, const Paint& paint) {
    text_ += "<circle" + attribute("cx", number(at.x)) + attribute("cy", number(at.y)) +
             attribute("r", number(radius)) + painted("fill", paint) + "/>";
}

}  // namespace reverie::output
