#include <ATen/ATen.h>

#include <cstdint>

#include "kernels/strided_convolution.h"

namespace reverie::kernels {
namespace {

Map map_of(const at::Tensor& t) {
    return {.data = t.data_ptr<float>(),
            .stride = t.size(1),
            .batch = t.size(0),
            .height = t.size(2),
            .width = t.size(3),
            .channels = static_cast<int>(t.size(1))};
}

at::Tensor channels_last(const at::Tensor& t) { return t.contiguous(at::MemoryFormat::ChannelsLast); }
at::Tensor empty_map(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    return at::empty({n, c, h, w}, at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast);
}

}  // namespace

at::Tensor convolve_strided(const at::Tensor& large, const at::Tensor& weight, const at::Tensor& bias,
                            const Kernels& kernels, Workspace& work) {
    const at::Tensor from = channels_last(large);
    const at::Tensor w = channels_last(weight);
    const at::Tensor shift = bias.defined() ? bias.contiguous() : bias;
    at::Tensor to = empty_map(large.size(0), weight.size(0), large.size(2) / 2, large.size(3) / 2);
    convolve_strided(map_of(from), w.data_ptr<float>(), map_of(to),
                     {.bias = shift.defined() ? shift.data_ptr<float>() : nullptr}, kernels, work);
    return to;
}

at::Tensor spread_strided(const at::Tensor& small, const at::Tensor& weight, const at::Tensor& bias,
                          std::int64_t height, std::int64_t width, const Kernels& kernels, Workspace& work) {
    const at::Tensor from = channels_last(small);
    const at::Tensor w = channels_last(weight);
    const at::Tensor shift = bias.defined() ? bias.contiguous() : bias;
    at::Tensor to = empty_map(small.size(0), weight.size(1), height, width);
    spread_strided(map_of(from), w.data_ptr<float>(), map_of(to), shift.defined() ? shift.data_ptr<float>() : nullptr,
                   kernels, work);
    return to;
}

at::Tensor correlate_strided(const at::Tensor& large, const at::Tensor& small, const Kernels& kernels,
                             Workspace& work) {
    const at::Tensor from = channels_last(large);
    const at::Tensor with = channels_last(small);
    at::Tensor to = empty_map(small.size(1), large.size(1), 4, 4);
    correlate_strided(map_of(from), map_of(with), to.data_ptr<float>(), kernels, work);
    return to;
}

at::Tensor sum_pixels(const at::Tensor& map, Workspace& work) {
    const at::Tensor from = channels_last(map);
    at::Tensor sums = at::empty({map.size(1)}, at::kFloat);
    sum_pixels(map_of(from), sums.data_ptr<float>(), work);
    return sums;
}

}  // namespace reverie::kernels
