// Curves as a picture and as SVG.
#pragma once

#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

struct Curve {
    std::string name;
    std::vector<double> x;
    std::vector<double> y;  ///< values that are no number leave a gap
};

struct PlotOptions {
    std::string title;
    std::string x_label = "step";
    Size size = {360, 560};
    bool log_y = false;  ///< taken only when all values are positive
};

/// [3,H,W]: axes with round tick values, at most a few hundred points a curve (bins keep their extremes), a legend.
Tensor plot(const std::vector<Curve>& curves, const PlotOptions& options = {});

/// The same as an SVG element that scales with its page.
std::string plot_svg(const std::vector<Curve>& curves, const PlotOptions& options = {});

}  // namespace reverie
