// Generative adversarial nets (Goodfellow et al. 2014) of the DCGAN family (Radford, Metz, Chintala 2016): strides
// instead of pooling, kernels divisible by their stride, LeakyReLU in the discriminator, normal latents.
#pragma once

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

enum class GanNetKind {
    Reverie,     ///< ours: any size and channels
    Chollet2,    ///< Deep Learning with Python, 2nd edition, chapter 12: 64x64 RGB
    Chollet1,    ///< the same, 1st edition, chapter 8: 32x32 RGB
    Pytorch,     ///< pytorch/examples dcgan: 64x64; for 32x32 the same without its stage of 512 channels, which is ours
    PytorchCpp,  ///< pytorch/examples cpp/dcgan: 28x28 grey
    KobaJon,     ///< koba-jon/pytorch_cpp DCGAN: squares, powers of two from 64 on
};

enum class GanGeneratorKind {
    Dcgan,    ///< transposed convolutions, batch norm, ReLU
    Fastgan,  ///< the lite generator of Liu et al. (2021) as Sauer et al. (2021) train it, cut to any size
};

enum class GanDiscriminatorKind {
    Own,        ///< looks at the images
    Projected,  ///< looks at projected features of a frozen net (nn/projector.h; Sauer et al. 2021)
};

struct GanNetOptions {
    GanNetKind kind = GanNetKind::Reverie;
    Size size;                             ///< of the images, each side >= 16
    std::int64_t channels = 3;             ///< 1, 3 or 4
    std::int64_t latent = 0;               ///< dimensions; 0: the kind's own choice
    std::int64_t generator_width = 0;      ///< channels at the finest stage; 0: the kind's own choice
    std::int64_t discriminator_width = 0;  ///< the same
    std::int64_t classes = 0;              ///< conditional on that many labels; 0: not
    // Of Reverie's own nets, no published one has any:
    bool spectral_norm = true;   ///< in the discriminator (Miyato et al. 2018)
    std::int64_t attention = 0;  ///< self-attention (Zhang et al. 2019) in both nets at the stage whose shorter
                                 ///< side is nearest to this; 0: none
    /// A channel of deviations (Karras et al. 2018) over groups of at most four neighbours of the batch.
    bool minibatch_deviation = false;
    GanGeneratorKind generator = GanGeneratorKind::Dcgan;
    GanDiscriminatorKind discriminator = GanDiscriminatorKind::Own;
    /// Shorter side of what a projected discriminator's frozen net is shown, in pixels, a multiple of 32; 0: the kind's
    /// own choice, the image's, but no less than 64 and no more than 224.
    std::int64_t projected_side = 0;
    /// One more discriminator beside the projected ones, which looks at the pixels: they were taught not to mind how
    /// light an image is and what its finest texture is like (ours; Kumari et al. 2022 have one too).
    bool pixel_branch = false;
};

/// Throws Usage, speaking in flag names, for what the kind cannot do.
void validate(const GanNetOptions& options);
/// Every "own choice" filled in, and what the kind does not have turned off.
GanNetOptions resolved(const GanNetOptions& options);

/// A map that a projected discriminator sees: its channels, and image pixels from cell to cell.
struct ProjectedMap {
    std::int64_t channels;
    std::int64_t stride;
};
inline constexpr std::array<ProjectedMap, 4> kProjectedMaps = {{{64, 2}, {64, 4}, {128, 8}, {256, 16}}};

/// "dcgan" and "fastgan". Throws Usage for another.
GanGeneratorKind gan_generator_kind(const std::string& name);
std::string text_of(GanGeneratorKind kind);
std::vector<std::string> gan_generator_kinds();

/// What the frozen net of a projected discriminator is shown: the image's proportions, both sides to the nearest
/// multiple of 32.
Size projected_size(const GanNetOptions& options);

/// As the metadata of a weights file, and back. The latter throws Input for notes of something else.
std::map<std::string, std::string> to_metadata(const GanNetOptions& options);
GanNetOptions gan_net_options(const std::map<std::string, std::string>& metadata);

/// Values of images as the nets of this kind know them: [-1,1], or [0,1] for Chollet's.
struct ValueRange {
    double low = -1.0;
    double high = 1.0;
};
ValueRange value_range(GanNetKind kind);

/// Parameters are registered under the names of the exported file, presets with the published net's own. Initial
/// weights are a function of `seed` alone.
class GanGenerator : public torch::nn::Module {
  public:
    /// Latents [N,latent], labels int64 [N] (looked at only when conditional) -> images [N,C,H,W] in the kind's range.
    virtual Tensor forward(const Tensor& latents, const Tensor& labels) = 0;
    /// Lets images begin as these values [C], in the kind's range, instead of grey; published nets do not. What the
    /// outermost pixels show comes from few weights and would stay grey for thousands of steps.
    virtual void begin_as(const Tensor& /*colors*/) {}
    /// As a discriminator's.
    virtual void advance_norms() {}
};

/// A generator whose pass has two halves: the coarsest maps, which lay an image out, and images of them.
class LayoutGenerator : public GanGenerator {
  public:
    Tensor forward(const Tensor& latents, const Tensor& labels) override {
        return images_of(coarsest_maps(latents, labels), labels);
    }
    virtual Tensor coarsest_maps(const Tensor& latents, const Tensor& labels) = 0;  ///< [N,C,h,w], h and w 4 to 7
    virtual Tensor images_of(const Tensor& maps, const Tensor& labels) = 0;
};

/// Where the dropout of a pass draws its numbers from: row i uses (seed, stream, first + i).
struct DropoutNoise {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;
    std::int64_t first = 0;
};

class GanDiscriminator : public torch::nn::Module {
  public:
    /// Logits, larger for what looks real, of what the net sees: images in the kind's range -> [N]; or, projected, the
    /// maps of nn/projector.h, with a pixel branch the images behind them -> [N,places]. `dropout` is looked at in
    /// training mode by the nets that have one.
    virtual Tensor forward(const std::vector<Tensor>& seen, const Tensor& labels, const DropoutNoise& dropout) = 0;
    Tensor forward(const Tensor& images, const Tensor& labels, const DropoutNoise& dropout) {
        return forward(std::vector<Tensor>{images}, labels, dropout);
    }
    /// One power iteration of every spectral norm, whose vectors are buffers; a pass leaves them alone. To be called
    /// once a training step.
    virtual void advance_norms() {}
};

struct GanNets {
    std::shared_ptr<GanGenerator> generator;
    std::shared_ptr<GanDiscriminator> discriminator;
};

GanNets make_gan(const GanNetOptions& options, std::uint64_t seed);
std::shared_ptr<GanGenerator> make_gan_generator(const GanNetOptions& options, std::uint64_t seed);

}  // namespace reverie
