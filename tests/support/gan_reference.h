// What the tests of GANs share with tests/parity/make_gan_loss_references.py.
#pragma once

#include <ATen/ATen.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/closed_formula.h"

namespace reverie::test {

inline nlohmann::json gan_references(const std::string& name) {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/" + name + ".json");
    return nlohmann::json::parse(file);
}

/// Uniform between two values, float64: the stream called `name`.
inline Tensor formula_uniform(const std::string& name, double low, double high,
                              const std::vector<std::int64_t>& shape) {
    Tensor values = at::empty(shape, at::kDouble);
    const FormulaStream uniform(name);
    for (std::int64_t i = 0; i < values.numel(); ++i) {
        values.data_ptr<double>()[i] = low + (high - low) * uniform(static_cast<std::uint64_t>(i));
    }
    return values;
}

}  // namespace reverie::test
