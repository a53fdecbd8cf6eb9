#include "techniques/fixed_batches.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace reverie {

std::int64_t fixed_batch(c10::Device device) { return device.is_cpu() ? 32 : 256; }

Tensor padded_rows(const Tensor& tensor, std::int64_t first, std::int64_t batch, c10::Device device) {
    const std::int64_t count = std::min(batch, tensor.size(0) - first);
    Tensor part = tensor.narrow(0, first, count).to(device);
    if (count == batch) {
        return part;
    }
    std::vector<std::int64_t> rest = tensor.sizes().vec();
    rest[0] = batch - count;
    return at::cat({part, at::zeros(rest, part.options())});
}

Tensor in_fixed_batches(std::int64_t count, std::int64_t batch, const std::function<Tensor(std::int64_t first)>& work) {
    std::vector<Tensor> parts;
    for (std::int64_t first = 0; first < count; first += batch) {
        parts.push_back(work(first).narrow(0, 0, std::min(batch, count - first)).to(at::kCPU));
    }
    return at::cat(parts);
}

Tensor labels_or_first(const Tensor& labels, std::int64_t count) {
    return labels.defined() && labels.numel() > 0 ? labels : at::zeros({count}, at::kLong);
}

}  // namespace reverie
