// Work on a device: how tensors get there, when it is done, and how exactly it computes.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "reverie/core/tensor.h"

namespace reverie {

/// The tensor on the device. Towards CUDA it goes by way of pinned memory, so that neither the program nor the work
/// already given to the device waits for the copy.
Tensor on_device(const Tensor& tensor, c10::Device device);

/// Waits until the device has done all it was given; on the CPU nothing is left to do.
void synchronize(c10::Device device);

/// Whether convolutions and matrix products of float32 on CUDA go by TF32, whose factors have 10 bits of mantissa: a
/// setting of the whole process. LibTorch's own default lets convolutions; setup_runtime does as its options say.
void set_tf32(bool on);

/// TF32, or none, while this lives. One thread at a time changes it.
class Tf32 {
  public:
    explicit Tf32(bool on);
    ~Tf32();
    Tf32(const Tf32&) = delete;
    Tf32& operator=(const Tf32&) = delete;

  private:
    bool convolutions_;
    bool products_;
};

/// float32 as it is, without autocast and TF32, while this lives: for what is measured inside a training that has them
/// (frozen nets, distances). Inputs may still be bfloat16 and are to be cast.
class FullPrecision {
  public:
    FullPrecision();

  private:
    Tf32 off_;
    c10::impl::ExcludeDispatchKeyGuard no_autocast_;
};

}  // namespace reverie
