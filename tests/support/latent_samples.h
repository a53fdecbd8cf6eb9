// Latents drawn by the closed formulas, so that every machine sees the same.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "support/closed_formula.h"

namespace reverie::test {

/// Standard normal numbers [rows,columns], float32.
inline Tensor formula_normal(std::int64_t rows, std::int64_t columns, const std::string& name) {
    const FormulaStream uniform(name);
    Tensor numbers = at::empty({rows, columns}, at::kFloat);
    auto* data = numbers.data_ptr<float>();
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(static_cast<std::uint64_t>(2 * i))));
        data[i] = static_cast<float>(radius * std::cos(2 * M_PI * uniform(static_cast<std::uint64_t>(2 * i + 1))));
    }
    return numbers;
}

}  // namespace reverie::test
