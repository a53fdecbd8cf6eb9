// GAN nets that tests can afford, and what goes into them.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "reverie/models/gan.h"
#include "support/net_reference.h"

namespace reverie::test {

/// A published net at its smallest size.
inline GanNetOptions of_kind(GanNetKind kind) {
    switch (kind) {
        case GanNetKind::PytorchCpp:
            return {.kind = kind, .size = {28, 28}, .channels = 1};
        case GanNetKind::Chollet1:
            return {.kind = kind, .size = {32, 32}};
        default:
            return {.kind = kind, .size = {64, 64}};
    }
}

/// Cheap, and with all there is.
inline GanNetOptions small(Size size, std::int64_t channels) {
    return {.size = size,
            .channels = channels,
            .latent = 6,
            .generator_width = 8,
            .discriminator_width = 8,
            .classes = 3,
            .attention = 12,
            .minibatch_deviation = true};
}

inline Tensor labels_of(std::int64_t count) { return at::arange(count, at::kLong).remainder(3); }

inline Tensor pictures(std::int64_t count, const GanNetOptions& options) {
    const Size size = options.size;
    const Tensor images = reference_images(count, std::min<std::int64_t>(options.channels, 3), size.height, size.width);
    return options.channels == 4 ? at::cat({images, images.narrow(1, 0, 1)}, 1) : images;
}

inline Tensor latents_of(std::int64_t count, const GanNetOptions& options) {
    return reference_latents({count, resolved(options).latent});
}

/// With a graph of its own.
inline Tensor slope_of(const Tensor& outputs, const Tensor& inputs) {
    return torch::autograd::grad({outputs}, {inputs}, {}, std::nullopt, /*create_graph=*/true)[0];
}

/// A published net whose widths are to be chosen.
inline GanNetOptions narrow(GanNetKind kind) {
    GanNetOptions options = of_kind(kind);
    options.latent = 100;
    options.generator_width = 8;
    options.discriminator_width = 8;
    return options;
}

}  // namespace reverie::test
