// A trained VAE for tests: its weights come from the closed formulas.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "reverie/data/image_source.h"
#include "reverie/techniques/vae.h"
#include "support/vae_reference.h"

namespace reverie::test {

/// Of 16x20 pixels with 4 latent dimensions.
inline Vae small_vae(VaeOptions options = {}) {
    const c10::NoGradGuard no_grad;
    options.net = {.size = {16, 20}, .channels = 3, .latent = 4, .width = 8};
    VaeTask task(options, 1, c10::Device(c10::kCPU), nullptr);
    const Phase phase = task.phases().at(0);
    for (const auto& [name, tensor] : phase.parameters) {
        tensor.copy_(formula_tensor(name, tensor.sizes().vec(), false));
    }
    return {options, task.averaged(), c10::Device(c10::kCPU)};
}

inline ImageSource source_of(const Tensor& images) {
    return {.count = images.size(0),
            .images = [images](std::int64_t first, std::int64_t count) { return images.narrow(0, first, count); }};
}

inline ImageSource small_images(std::int64_t count) { return source_of(reference_images(count, 3, 16, 20)); }

}  // namespace reverie::test
