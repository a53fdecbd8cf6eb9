// The numbers of tests/parity/make_*_references.py of trainable nets, and what they are numbers of.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/closed_formula.h"

namespace reverie::test {

/// Of references/NAME.json.
inline nlohmann::json references(const std::string& name) {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/" + name + ".json");
    return nlohmann::json::parse(file);
}

/// `first` and the following of the reference's 8-bit images, black and white pixels among them: [count,channels,H,W].
inline Tensor reference_images(std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width) {
    std::vector<Tensor> images;
    for (std::int64_t i = 0; i < count; ++i) {
        images.push_back(formula_image(height, width, "vae" + std::to_string(i)).narrow(1, 0, channels));
    }
    const Tensor wide = at::cat(images).to(at::kDouble) * 1.8 - 0.4;
    return (at::round(255.0 * wide.clamp(0.0, 1.0)) / 255.0).to(at::kFloat);
}

inline Tensor reference_latents(const std::vector<std::int64_t>& shape) {
    Tensor latents = at::empty(shape, at::kFloat);
    const FormulaStream uniform("latents");
    for (std::int64_t i = 0; i < latents.numel(); ++i) {
        latents.data_ptr<float>()[i] = static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1);
    }
    return latents;
}

/// Fills every parameter and buffer with its formula; those of several dimensions are `factor` times that.
inline void fill_with_formula(torch::nn::Module& net, double factor) {
    const c10::NoGradGuard no_grad;
    const auto parameters = net.named_parameters();
    for (const auto& item : parameters) {
        const std::string& name = item.key();
        const std::string weight = name.substr(0, name.rfind('.')) + ".weight";
        const bool of_norm = parameters.contains(weight) && parameters[weight].dim() == 1;
        item.value().copy_(formula_tensor(name, item.value().sizes().vec(), of_norm));
        if (item.value().dim() > 1) {
            item.value().mul_(factor);
        }
    }
    for (const auto& item : net.named_buffers()) {
        if (item.value().is_floating_point()) {
            item.value().copy_(formula_tensor(item.key(), item.value().sizes().vec(), true));
        }
    }
}

/// Differences are measured against the tensor's own size.
inline void expect_probes(const Tensor& found, const nlohmann::json& wanted, double tolerance,
                          const std::string& what) {
    ASSERT_EQ(found.sizes().vec(), wanted["shape"].get<std::vector<std::int64_t>>()) << what;
    const Tensor flat = found.detach().contiguous().flatten().to(at::kDouble);
    const std::int64_t count = flat.numel();
    const double norm = wanted["norm"].get<double>();
    const double size = norm / std::sqrt(static_cast<double>(count));
    Tensor signs = at::empty({count}, at::kDouble);
    const FormulaStream uniform("projection");
    for (std::int64_t i = 0; i < count; ++i) {
        signs.data_ptr<double>()[i] = 2 * uniform(static_cast<std::uint64_t>(i)) - 1;
    }
    EXPECT_NEAR(flat.norm().item<double>(), norm, tolerance * norm) << what;
    const double projection = flat.dot(signs).item<double>() / std::sqrt(static_cast<double>(count));
    EXPECT_NEAR(projection, wanted["projection"].get<double>(), tolerance * size) << what;
    const auto& values = wanted["values"];
    for (std::size_t k = 0; k < values.size(); ++k) {
        const std::int64_t i = static_cast<std::int64_t>(k) * count / static_cast<std::int64_t>(values.size());
        EXPECT_NEAR(flat[i].item<double>(), values[k].get<double>(), tolerance * 3 * size) << what << " number " << i;
    }
}

}  // namespace reverie::test
