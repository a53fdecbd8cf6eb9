#include "kernels/workspace.h"

#include <ATen/ATen.h>

namespace reverie::kernels {

float* Scratch::floats(std::int64_t count) {
    if (!memory_.defined() || memory_.numel() < count) {
        memory_.reset();  // first, so that both need not be there at once
        memory_ = at::empty({count}, at::kFloat);
    }
    return memory_.data_ptr<float>();
}

const float* Workspace::zeros(std::int64_t count) {
    if (!zeros_.defined() || zeros_.numel() < count) {
        zeros_ = at::zeros({count}, at::kFloat);
    }
    return zeros_.data_ptr<float>();
}

}  // namespace reverie::kernels
