#include "reverie/optimize/parameterization.h"

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "optimize/spectrum.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/parallel.h"

namespace reverie {
namespace {

// What LibTorch does in the functions below depends in its last bits on the number of threads: sums by how they are cut
// up, sines by where vectors end. So each is held to one.

constexpr double kLeast = 1.0 / 512;  // as far from 0 as an 8-bit value is still rounded to it

/// A plane is real, so the half of its spectrum that is kept still holds some frequencies twice: the lower rows of the
/// first column, and of the last one where the width is even, are the upper ones' conjugates. And some are real:
/// those of the first row and, where the height is even, of the middle row of these columns.
template <typename Work>
void for_border_columns(const Tensor& half, std::int64_t width, const Work& work) {
    work(half.select(2, 0));
    if (width % 2 == 0) {
        work(half.select(2, width / 2));
    }
}

/// Phases as they are of a real plane: of conjugates the lower row's is minus the upper's.
Tensor with_conjugates(const Tensor& phases, std::int64_t width) {
    Tensor result = phases.clone();
    for_border_columns(result, width, [](const Tensor& column) {
        const std::int64_t height = column.size(1);
        const std::int64_t pairs = (height - 1) / 2;
        column.narrow(1, height - pairs, pairs).copy_(column.narrow(1, 1, pairs).flip(1).neg_());
    });
    return result;
}

/// The gradient through with_conjugates(); that of phases which are real is 0.
void fold_conjugates_(Tensor& gradient, std::int64_t width) {
    for_border_columns(gradient, width, [](const Tensor& column) {
        const std::int64_t height = column.size(1);
        const std::int64_t pairs = (height - 1) / 2;
        Tensor lower = column.narrow(1, height - pairs, pairs);
        column.narrow(1, 1, pairs).sub_(lower.flip(1));
        lower.zero_();
        column.select(1, 0).zero_();
        if (height % 2 == 0) {
            column.select(1, height / 2).zero_();
        }
    });
}

}  // namespace

SpectralImage::SpectralImage(const Tensor& like, const ColorMatrix& colors) {
    if (!like.defined() || like.dim() != 3 || like.size(0) != 3 || like.numel() == 0 || !like.is_floating_point()) {
        throw Error(ErrorKind::Usage, "the image to be stored as a spectrum is " + tensor_text(like) +
                                          "; wanted [3,H,W] with at least one pixel");
    }
    size_ = size_of(like);
    const Tensor matrix = tensor_of(colors);
    colors_ = matrix.to(like.options());
    inverse_ = at::linalg_inv(matrix).to(like.options());
    const std::int64_t half = size_.width / 2 + 1;
    Tensor columns = at::full({half}, 2.0, at::kDouble);
    columns[0] = 1.0;
    if (size_.width % 2 == 0) {
        columns[half - 1] = 1.0;
    }
    columns_ = columns.to(like.options());
}

void SpectralImage::require_planes(const Tensor& x, const char* what) const {
    if (!x.defined() || x.dim() != 3 || x.size(0) != 3 || size_of(x) != size_ ||
        x.scalar_type() != colors_.scalar_type()) {
        throw Error(ErrorKind::Usage, std::string(what) + " is " + tensor_text(x) + " where a spectrum of " +
                                          text_of(size_) + " pixels is stored; wanted that size and its type");
    }
}

Tensor SpectralImage::spectrum_of(const Tensor& image) const {
    require_planes(image, "the image");
    return fourier(mixed(inverse_, at::logit(image.clamp(kLeast, 1.0 - kLeast))));
}

Tensor SpectralImage::image_of_spectrum(const Tensor& spectrum) const {
    return mixed(colors_, inverse_fourier(spectrum, size_)).sigmoid_();
}

Tensor SpectralImage::spectral_gradient(const Tensor& gradient, const Tensor& spectrum) const {
    require_planes(gradient, "the gradient");
    const Tensor image = image_of_spectrum(spectrum);
    const Tensor of_logits = gradient * image * (1.0 - image);
    // What the inverse transform does with the real part of an entry is sum cos, with the imaginary one -sin.
    return fourier(mixed(colors_.t(), of_logits)).mul_(columns_);
}

FourierImage::FourierImage(const Tensor& like, const ColorMatrix& colors) : SpectralImage(like, colors) {
    constexpr double kFall = -1.5;  // the publication's -1 leaves fine grain on nets of depthwise convolutions
    constexpr double kStep = 0.08;
    scale_ = (kStep * frequencies(size(), lowest_frequency(size())).pow_(kFall)).to(like.options());
}

Tensor FourierImage::stored_of(const Tensor& image) const {
    const KernelThreads one;
    return at::view_as_real(spectrum_of(image).div_(scale_)).contiguous();
}

Tensor FourierImage::image_of(const Tensor& stored) const {
    const KernelThreads one;
    return image_of_spectrum(at::view_as_complex(stored) * scale_);
}

Tensor FourierImage::pull_back(const Tensor& gradient, const Tensor& stored) const {
    const KernelThreads one;
    return at::view_as_real(spectral_gradient(gradient, at::view_as_complex(stored) * scale_).mul_(scale_));
}

PhaseImage::PhaseImage(const Tensor& model, const ColorMatrix& colors) : SpectralImage(model, colors) {
    const KernelThreads one;
    magnitude_ = spectrum_of(model).abs();
}

Tensor PhaseImage::stored_of(const Tensor& image) const {
    const KernelThreads one;
    return spectrum_of(image).angle();
}

Tensor PhaseImage::image_of(const Tensor& stored) const {
    const KernelThreads one;
    return image_of_spectrum(at::polar(magnitude_, with_conjugates(stored, size().width)));
}

Tensor PhaseImage::pull_back(const Tensor& gradient, const Tensor& stored) const {
    const KernelThreads one;
    const Tensor spectrum = at::polar(magnitude_, with_conjugates(stored, size().width));
    const Tensor g = spectral_gradient(gradient, spectrum);
    // A turn by a small angle moves an entry by i times itself.
    Tensor of_phases = at::real(spectrum) * at::imag(g) - at::imag(spectrum) * at::real(g);
    fold_conjugates_(of_phases, size().width);
    return of_phases;
}

PartlyStill::PartlyStill(const Parameterization& inner, Tensor still, Tensor free)
    : inner_(inner), still_(std::move(still)), free_(std::move(free)) {}

Tensor PartlyStill::stored_of(const Tensor& image) const { return inner_.stored_of(image); }

Tensor PartlyStill::image_of(const Tensor& stored) const {
    return inner_.image_of(stored).sub_(still_).mul_(free_).add_(still_);  // not at all: to the bit
}

Tensor PartlyStill::pull_back(const Tensor& gradient, const Tensor& stored) const {
    return inner_.pull_back(gradient * free_, stored);
}

Tensor StoredStep::step(const Tensor& image, const Tensor& gradient, std::int64_t step) {
    if (!stored_.defined()) {
        stored_ = parameterization_.stored_of(image);
    }
    stored_ = rule_.step(stored_, parameterization_.pull_back(gradient, stored_), step);
    return parameterization_.image_of(stored_);
}

}  // namespace reverie
