#include "reverie/models/gan.h"

#include "models/gan_nets.h"
#include "models/initialize.h"
#include "reverie/core/random.h"

namespace reverie {
namespace {

bool of_chollet(GanNetKind kind) { return kind == GanNetKind::Chollet1 || kind == GanNetKind::Chollet2; }

}  // namespace

std::shared_ptr<GanGenerator> make_gan_generator(const GanNetOptions& options, std::uint64_t seed) {
    validate(options);
    const GanNetOptions all = resolved(options);
    if (all.kind == GanNetKind::Reverie) {
        return make_reverie_generator(all, seed);
    }
    return of_chollet(all.kind) ? make_chollet_generator(all, seed) : make_dcgan_generator(all, seed);
}

GanNets make_gan(const GanNetOptions& options, std::uint64_t seed) {
    const auto generator = make_gan_generator(options, seed);
    const GanNetOptions all = resolved(options);
    // A seed of its own: parameters of both nets may have the same name.
    const std::uint64_t own = random_bits(seed, stream_of("discriminator"), 0);
    if (all.kind == GanNetKind::Reverie) {
        return {generator, make_reverie_discriminator(all, own)};
    }
    return {generator,
            of_chollet(all.kind) ? make_chollet_discriminator(all, own) : make_dcgan_discriminator(all, own)};
}

ValueRange value_range(GanNetKind kind) { return of_chollet(kind) ? ValueRange{0.0, 1.0} : ValueRange{}; }

}  // namespace reverie
