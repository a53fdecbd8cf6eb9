// What a plot is drawn on: pixels or SVG. Coordinates are pixels of the finished plot, from its top left corner.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie::output {

struct Point {
    double x = 0;
    double y = 0;
};

struct Color {
    int red, green, blue;
};

/// Colours of curves that can be told apart on white and on near black; the ninth curve begins again.
inline constexpr std::array<Color, 8> kSeries = {{{47, 126, 216},
                                                  {233, 114, 46},
                                                  {26, 164, 118},
                                                  {150, 96, 210},
                                                  {226, 64, 112},
                                                  {22, 163, 184},
                                                  {176, 136, 32},
                                                  {118, 134, 150}}};
inline const Color& series_color(std::size_t index) { return kSeries[index % kSeries.size()]; }

/// A curve's colour, or the page's ink, mixed with the background by `strength`.
struct Paint {
    const Color* color = nullptr;  ///< null: ink
    double strength = 1;
};

enum class Anchor { Start, Middle, End };

struct TextStyle {
    double size = 11;  ///< pixels from the top of a capital to the foot of a line's deepest letter, and a bit
    bool bold = false;
    Anchor anchor = Anchor::Start;
    Paint paint;
};

class Canvas {
  public:
    virtual ~Canvas() = default;
    virtual double text_width(const std::string& text, const TextStyle& style) const = 0;
    /// `at` is on the line the letters stand on.
    virtual void text(Point at, const std::string& text, const TextStyle& style) = 0;
    /// A line through all points.
    virtual void line(const std::vector<Point>& points, double width, const Paint& paint) = 0;
    virtual void dot(Point at, double radius, const Paint& paint) = 0;
};

class RasterCanvas : public Canvas {
  public:
    explicit RasterCanvas(Size size);
    ~RasterCanvas() override;
    double text_width(const std::string& text, const TextStyle& style) const override;
    void text(Point at, const std::string& text, const TextStyle& style) override;
    void line(const std::vector<Point>& points, double width, const Paint& paint) override;
    void dot(Point at, double radius, const Paint& paint) override;
    /// [3,H,W], on white.
    Tensor image() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

class SvgCanvas : public Canvas {
  public:
    SvgCanvas(Size size, const std::string& label);
    double text_width(const std::string& text, const TextStyle& style) const override;
    void text(Point at, const std::string& text, const TextStyle& style) override;
    void line(const std::vector<Point>& points, double width, const Paint& paint) override;
    void dot(Point at, double radius, const Paint& paint) override;
    /// One <svg> element without a background; its ink is the text's colour where it stands.
    std::string element() const { return text_ + "</svg>"; }

  private:
    std::string text_;
};

}  // namespace reverie::output
