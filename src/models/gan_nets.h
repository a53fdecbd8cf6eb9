// The kinds of GAN nets; options are valid and resolved.
#pragma once

#include <cstdint>
#include <memory>

#include "reverie/models/gan.h"

namespace reverie {

std::shared_ptr<GanGenerator> make_reverie_generator(const GanNetOptions& options, std::uint64_t seed);
std::shared_ptr<GanDiscriminator> make_reverie_discriminator(const GanNetOptions& options, std::uint64_t seed);

std::shared_ptr<GanGenerator> make_fastgan_generator(const GanNetOptions& options, std::uint64_t seed);
std::shared_ptr<GanDiscriminator> make_projected_discriminator(const GanNetOptions& options, std::uint64_t seed);

/// Pytorch, PytorchCpp, KobaJon.
std::shared_ptr<GanGenerator> make_dcgan_generator(const GanNetOptions& options, std::uint64_t seed);
std::shared_ptr<GanDiscriminator> make_dcgan_discriminator(const GanNetOptions& options, std::uint64_t seed);

/// Chollet1, Chollet2.
std::shared_ptr<GanGenerator> make_chollet_generator(const GanNetOptions& options, std::uint64_t seed);
std::shared_ptr<GanDiscriminator> make_chollet_discriminator(const GanNetOptions& options, std::uint64_t seed);

}  // namespace reverie
