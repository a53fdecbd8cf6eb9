#include "kernels/map.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/workspace.h"

namespace reverie::kernels {

at::Tensor tensor_of(const Map& map) {
    return at::from_blob(map.data, {map.batch, map.channels, map.height, map.width},
                         {map.height * map.width * map.stride, 1, map.width * map.stride, map.stride},
                         at::TensorOptions(at::kFloat));
}

Finish into(Finish finish, const Map& map) {
    finish.out = map.data;
    finish.out_stride = map.stride;
    return finish;
}

Finish from_pixel(Finish finish, std::int64_t pixel) {
    const auto forward = [pixel](auto*& map, std::int64_t stride) {
        if (map != nullptr) {
            map += pixel * stride;
        }
    };
    forward(finish.addend, finish.addend_stride);
    forward(finish.bits, finish.bits_stride);
    forward(finish.keep, finish.keep_stride);
    forward(finish.out, finish.out_stride);
    return finish;
}

Finish from_channel(Finish finish, std::int64_t first) {
    const auto moved = [](auto* of_channel_0, std::int64_t by) {
        return of_channel_0 == nullptr ? nullptr : of_channel_0 + by;
    };
    finish.bias = moved(finish.bias, first);
    finish.addend = moved(finish.addend, first);
    finish.bits = moved(finish.bits, first / 8);
    finish.keep = moved(finish.keep, first / 8);
    finish.out += first;
    return finish;
}

void finish_map(const Map& from, const Map& to, const Finish& finish, const Kernels& kernels, Workspace& work) {
    constexpr std::int64_t kBlock = 256;
    const std::int64_t pixels = from.pixels();
    work.for_each((pixels + kBlock - 1) / kBlock, [&](std::int64_t i, Scratch&) {
        const std::int64_t first = i * kBlock;
        const Finish part = from_pixel(into(finish, to), first);
        kernels.finish_map(from.at(first), from.stride, std::min(kBlock, pixels - first), to.channels, part);
    });
}

}  // namespace reverie::kernels
