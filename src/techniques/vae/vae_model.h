// A VAE's two halves together: the net, and what its outputs say about images.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

#include "reverie/models/vae.h"
#include "reverie/techniques/likelihood.h"
#include "reverie/techniques/vae.h"
#include "reverie/train/optimizer.h"

namespace reverie {

/// The options with what one part decides for another filled in: whether a net's outputs are logits, and what the
/// likelihood knows of its net.
VaeOptions resolved(const VaeOptions& options);

class VaeModel {
  public:
    /// `options` are valid and resolved.
    VaeModel(const VaeOptions& options, std::uint64_t seed, c10::Device device, std::shared_ptr<FrozenNet> perceptual);

    /// What is trained, by the names of the exported file.
    NamedTensors parameters() const;
    /// parameters() and buffers.
    NamedTensors state() const;
    /// Copies weights into place. Throws Input, naming the first tensor that is missing or has another shape.
    void load(const NamedTensors& weights);

    /// Norms and scales of the batch while training, of running means otherwise.
    void train(bool on);

    VaeNet& net() const { return *net_; }
    Likelihood& likelihood() const { return *likelihood_; }
    c10::Device device() const { return device_; }
    std::int64_t dimensions() const;  ///< numbers in an image's latent

  private:
    c10::Device device_;
    std::shared_ptr<VaeNet> net_;
    std::shared_ptr<Likelihood> likelihood_;
};

}  // namespace reverie
