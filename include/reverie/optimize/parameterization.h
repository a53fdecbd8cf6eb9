// What is stored of an image that is optimised, where that is not its pixels, and how the pixels follow from it.
#pragma once

#include <cstdint>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/optimize/gradient_transform.h"
#include "reverie/optimize/image_loop.h"

namespace reverie {

/// Images are [3,H,W] in [0,1]; they, gradients and what is stored have one type, float32 or float64, and one device;
/// Usage is thrown for others. All bits are the same with any number of threads.
class Parameterization {
  public:
    virtual ~Parameterization() = default;
    /// What to store for an image: image_of() gives it back within 1/255.
    virtual Tensor stored_of(const Tensor& image) const = 0;
    virtual Tensor image_of(const Tensor& stored) const = 0;
    /// The gradient with respect to what is stored of a function whose gradient with respect to image_of(stored) is
    /// given.
    virtual Tensor pull_back(const Tensor& gradient, const Tensor& stored) const = 0;
};

/// What spectra have in common: pixels are the sigmoid of colours mixed from three planes, and of each plane its
/// Fourier transform is what counts. Black and white would lie at infinity: an image is taken as if it kept half a
/// level of 8 bits away from them.
class SpectralImage : public Parameterization {
  protected:
    /// For images of the size, type and device of `like`. `colors` has an inverse; its columns are the planes' colours.
    SpectralImage(const Tensor& like, const ColorMatrix& colors);

    Size size() const { return size_; }
    Tensor spectrum_of(const Tensor& image) const;           // [3,H,W] -> complex [3,H,W/2+1]
    Tensor image_of_spectrum(const Tensor& spectrum) const;  // and back
    /// The gradient with respect to the real and the imaginary part, as a complex number.
    Tensor spectral_gradient(const Tensor& gradient, const Tensor& spectrum) const;

  private:
    void require_planes(const Tensor& x, const char* what) const;

    Size size_;
    Tensor colors_, inverse_;  // [3,3]
    Tensor columns_;           // [W/2+1]: how many frequencies of the whole plane a column stands for
};

/// Olah, Mordvintsev, Schubert: Feature Visualization (Distill, 2017): the spectrum is stored, each frequency f divided
/// by f^-1.5: somewhat more than natural images fall (the publication: f^-1), which leaves less fine grain. So a step
/// changes large shapes as readily as fine ones, and no frequency that strides and pools favour wins. Stored:
/// [3,H,W/2+1,2].
class FourierImage final : public SpectralImage {
  public:
    FourierImage(const Tensor& like, const ColorMatrix& colors);
    Tensor stored_of(const Tensor& image) const override;
    Tensor image_of(const Tensor& stored) const override;
    Tensor pull_back(const Tensor& gradient, const Tensor& stored) const override;

  private:
    Tensor scale_;  // [H,W/2+1]
};

/// Fel et al.: Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization (2023): the
/// magnitude of every frequency is held, and only its phase moves, so that what comes out has the texture of the image
/// whose magnitudes they are. Stored: the phases, [3,H,W/2+1]. The mean and the few other frequencies that are real
/// stay. An image without contrast has magnitudes of 0, and does not move.
class PhaseImage final : public SpectralImage {
  public:
    /// Holds the magnitudes of `model`. An image given to stored_of() comes back if they are its own.
    PhaseImage(const Tensor& model, const ColorMatrix& colors);
    Tensor stored_of(const Tensor& image) const override;
    Tensor image_of(const Tensor& stored) const override;
    Tensor pull_back(const Tensor& gradient, const Tensor& stored) const override;

  private:
    Tensor magnitude_;  // [3,H,W/2+1]
};

/// Another parameterization's image where `free` [1,H,W] is 1, `still` [3,H,W] where it is 0, and in between as much of
/// each. `inner` must outlive it.
class PartlyStill final : public Parameterization {
  public:
    PartlyStill(const Parameterization& inner, Tensor still, Tensor free);
    Tensor stored_of(const Tensor& image) const override;
    Tensor image_of(const Tensor& stored) const override;
    Tensor pull_back(const Tensor& gradient, const Tensor& stored) const override;

  private:
    const Parameterization& inner_;
    Tensor still_, free_;
};

/// Steps of another rule, taken in what is stored of the image it begins with. Whoever changes the image between two
/// steps is not heard.
class StoredStep final : public StepRule {
  public:
    /// Both must outlive it.
    StoredStep(const Parameterization& parameterization, StepRule& rule)
        : parameterization_(parameterization), rule_(rule) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;

  private:
    const Parameterization& parameterization_;
    StepRule& rule_;
    Tensor stored_;  // undefined before the first step
};

}  // namespace reverie
