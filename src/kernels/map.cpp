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

void finish_map(const Map& from, const Map& to, const Finish& finish, const Kernels& kernels, Workspace& work) {
    constexpr std::int64_t kBlock = 256;
    const std::int64_t pixels = from.pixels();
    work.for_each((pixels + kBlock - 1) / kBlock, [&](std::int64_t i, Scratch&) {
        const std::int64_t first = i * kBlock;
        Finish part = into(finish, to);
        part.out += first * part.out_stride;
        if (part.addend != nullptr) {
            part.addend += first * part.addend_stride;
        }
        if (part.bits != nullptr) {
            part.bits += first * part.bits_stride;
        }
        if (part.keep != nullptr) {
            part.keep += first * part.keep_stride;
        }
        kernels.finish_map(from.at(first), from.stride, std::min(kBlock, pixels - first), to.channels, part);
    });
}

}  // namespace reverie::kernels
