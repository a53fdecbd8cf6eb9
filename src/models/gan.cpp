#include "reverie/models/gan.h"

#include <utility>

#include "models/convolve.h"
#include "models/gan_nets.h"
#include "reverie/core/noise.h"
#include "reverie/core/random.h"

namespace reverie {
namespace {

bool of_chollet(GanNetKind kind) { return kind == GanNetKind::Chollet1 || kind == GanNetKind::Chollet2; }

std::shared_ptr<GanGenerator> generator_of(const GanNetOptions& all, std::uint64_t seed) {
    if (all.kind == GanNetKind::Reverie) {
        return all.generator == GanGeneratorKind::Fastgan ? make_fastgan_generator(all, seed)
                                                          : make_reverie_generator(all, seed);
    }
    return of_chollet(all.kind) ? make_chollet_generator(all, seed) : make_dcgan_generator(all, seed);
}

std::shared_ptr<GanDiscriminator> discriminator_of(const GanNetOptions& all, std::uint64_t seed) {
    if (all.kind == GanNetKind::Reverie) {
        return all.discriminator == GanDiscriminatorKind::Projected ? make_projected_discriminator(all, seed)
                                                                    : make_reverie_discriminator(all, seed);
    }
    return of_chollet(all.kind) ? make_chollet_discriminator(all, seed) : make_dcgan_discriminator(all, seed);
}

}  // namespace

std::shared_ptr<GanGenerator> make_gan_generator(const GanNetOptions& options, std::uint64_t seed) {
    validate(options);
    auto net = generator_of(resolved(options), seed);
    lay_out_for_kernels(*net);
    return net;
}

GanNets make_gan(const GanNetOptions& options, std::uint64_t seed) {
    const auto generator = make_gan_generator(options, seed);
    // A seed of its own: parameters of both nets may have the same name.
    const std::uint64_t own = random_bits(seed, stream_of("discriminator"), 0);
    auto discriminator = discriminator_of(resolved(options), own);
    lay_out_for_kernels(*discriminator);
    return {generator, std::move(discriminator)};
}

ValueRange value_range(GanNetKind kind) { return of_chollet(kind) ? ValueRange{0.0, 1.0} : ValueRange{}; }

}  // namespace reverie
