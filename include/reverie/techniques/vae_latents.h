// Images as latents of a trained VAE, and what is learnt from many of them.
#pragma once

#include <cstdint>
#include <string>

#include "reverie/core/hooks.h"
#include "reverie/data/image_source.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/techniques/vae.h"

namespace reverie {

/// The images as the VAE was trained to see them: binarised where it was trained so.
ImageSource as_trained(const Vae& vae, ImageSource images);

/// Posteriors of all of them, [N,D] each. With ranks it is collective, and each encodes its share. Throws Input for
/// none, Cancelled, and what reading throws.
Posterior encode_images(const Vae& vae, const ImageSource& images, const Hooks& hooks = {}, const Ranks& ranks = {});

/// learn_direction of images with an attribute and of images without it. Throws the same, and like encode_images.
Direction learn_direction(const std::string& name, const Vae& vae, const ImageSource& with, const ImageSource& without,
                          DirectionMethod method, std::uint64_t seed, const Hooks& hooks = {});

}  // namespace reverie
