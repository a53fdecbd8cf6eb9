// The formulas that fill every tensor of the parity tests; tests/parity/closed_formula.py says what they are and why.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>

#include "reverie/nn/graph.h"
#include "support/temporary_folder.h"

namespace reverie::test {

/// Number `index` in [0,1) of the stream called `name`.
class FormulaStream {
  public:
    explicit FormulaStream(const std::string& name) {
        for (const char c : name) {
            state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
        }
    }
    double operator()(std::uint64_t index) const {
        std::uint64_t z = state_ + (index + 1) * 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        z ^= z >> 31;
        return static_cast<double>(z >> 11) * 0x1.0p-53;
    }

  private:
    std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

inline bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// One tensor of a checkpoint; `of_norm`: it belongs to a batch norm.
inline Tensor formula_tensor(const std::string& name, const std::vector<std::int64_t>& shape, bool of_norm) {
    Tensor tensor = at::empty(shape, at::kFloat);
    double factor = 2 * 0.1;
    double start = -0.1;
    if (shape.size() >= 2) {
        const double bound = std::sqrt(6.0 / (static_cast<double>(tensor.numel()) / static_cast<double>(shape[0])));
        factor = bound;  // (2u - 1) * bound, in this order, as the reference rounds it
    } else if (of_norm && ends_with(name, ".weight")) {
        factor = 0.5, start = 0.75;
    } else if (ends_with(name, ".running_var")) {
        factor = 1.0, start = 0.5;
    } else if (of_norm) {
        factor = 2 * 0.2, start = -0.2;
    }
    const FormulaStream uniform(name);
    auto* data = tensor.data_ptr<float>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        const double u = uniform(static_cast<std::uint64_t>(i));
        data[i] = static_cast<float>(shape.size() >= 2 ? (2 * u - 1) * factor : u * factor + start);
    }
    return tensor;
}

/// A whole checkpoint for the graph.
inline std::map<std::string, Tensor> formula_weights(const Graph& graph) {
    std::map<std::string, Tensor> tensors;
    for (const Node& node : graph.nodes) {
        for (const WeightShape& weight : weights_of(graph, node)) {
            const bool of_norm = !node.norm_key.empty() && weight.name.rfind(node.norm_key + ".", 0) == 0;
            tensors[weight.name] = formula_tensor(weight.name, weight.shape, of_norm);
        }
    }
    return tensors;
}

/// The input image [1,3,H,W].
inline Tensor formula_image(std::int64_t height, std::int64_t width, const std::string& noise) {
    const FormulaStream uniform(noise);
    Tensor image = at::empty({1, 3, height, width}, at::kFloat);
    auto* data = image.data_ptr<float>();
    for (std::int64_t c = 0, i = 0; c < 3; ++c) {
        for (std::int64_t y = 0; y < height; ++y) {
            for (std::int64_t x = 0; x < width; ++x, ++i) {
                const auto fc = static_cast<double>(c);
                const auto fy = static_cast<double>(y);
                const auto fx = static_cast<double>(x);
                data[i] = static_cast<float>(0.5 + 0.25 * std::sin(0.37 * fx + 0.11 * fy + 1.3 * fc) +
                                             0.15 * std::sin(0.05 * fx - 0.23 * fy + 0.7 * fc) +
                                             0.2 * (uniform(static_cast<std::uint64_t>(i)) - 0.5));
            }
        }
    }
    return image;
}

}  // namespace reverie::test
