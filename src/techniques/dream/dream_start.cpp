#include "techniques/dream/dream_start.h"

#include <ATen/ATen.h>

#include "reverie/image/resample.h"
#include "reverie/optimize/noise_image.h"
#include "techniques/dream/dream_formula.h"

namespace reverie {
namespace {

/// As faint as each way of moving allows: what is there at first is still there in the end where nothing else grows.
Tensor noise_at(Size size, const DreamOptions& options) {
    switch (options.parameterization) {
        case DreamParameterization::Fourier:
            return natural_noise_image(size, 0.05, options.seed);
        case DreamParameterization::Maco:  // its magnitudes are all that there will ever be
            return natural_noise_image(size, 1.0, options.seed);
        case DreamParameterization::Pixels:
            break;
    }
    return white_noise_image(size, 0.2, options.seed);
}

}  // namespace

Tensor start_at(const DreamJob& job, const DreamOptions& options, const Tensor& photo) {
    if (!job.init.defined() && options.init == DreamInit::Content) {
        return photo;
    }
    const Size size = size_of(photo);
    const Tensor start =
        job.init.defined() ? scaled(job.init, size, options.formula.scaling).clamp(0.0, 1.0) : noise_at(size, options);
    const Tensor free = free_of(photo, job.protect, /*calm=*/0.0);
    return free.defined() ? at::lerp(photo, start.to(photo.device()), free) : start.to(photo.device());
}

}  // namespace reverie
