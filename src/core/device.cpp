#include "reverie/core/device.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>

namespace reverie {
namespace {

/// LibTorch 2.9 and 2.10 recommend an interface here that others do not have.
class Silently : public c10::WarningHandler {
    void process(const c10::Warning& /*warning*/) override {}
};

void allow_tf32(bool convolutions, bool products) {
    at::Context& context = at::globalContext();
    if (context.allowTF32CuDNN() == convolutions && context.allowTF32CuBLAS() == products) {
        return;
    }
    Silently silently;
    const c10::WarningUtils::WarningHandlerGuard guard(&silently);
    context.setAllowTF32CuDNN(convolutions);
    context.setAllowTF32CuBLAS(products);
}

}  // namespace

Tensor on_device(const Tensor& tensor, c10::Device device) {
    if (device.is_cuda() && tensor.is_cpu()) {
        return tensor.pin_memory().to(device, /*non_blocking=*/true);
    }
    return tensor.to(device);
}

void synchronize(c10::Device device) {
    if (device.is_cuda()) {
        at::detail::getCUDAHooks().deviceSynchronize(device.has_index() ? device.index() : c10::DeviceIndex(0));
    }
}

void set_tf32(bool on) { allow_tf32(on, on); }

Tf32::Tf32(bool on)
    : convolutions_(at::globalContext().allowTF32CuDNN()), products_(at::globalContext().allowTF32CuBLAS()) {
    allow_tf32(on, on);
}

Tf32::~Tf32() { allow_tf32(convolutions_, products_); }

FullPrecision::FullPrecision() : off_(false), no_autocast_(c10::autocast_dispatch_keyset) {}

}  // namespace reverie
