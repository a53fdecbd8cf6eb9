#include "kernels/kernel_choice.h"

#include <ATen/Version.h>

#include <algorithm>
#include <string>
#include <vector>

namespace reverie::kernels {

std::vector<const Kernels*> runnable_kernels() {
    std::vector<const Kernels*> all = {&plain_kernels()};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        all.push_back(&avx2_kernels());
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        all.push_back(&avx512_kernels());
    }
#endif
    return all;
}

const Kernels& best_kernels() {
    static const Kernels& best = [] -> const Kernels& {
        // ATEN_CPU_CAPABILITY holds LibTorch down, and us with it: for comparison on equal terms.
        const std::string capability = at::get_cpu_capability();
        const int width = capability == "AVX512" ? 16 : capability == "AVX2" ? 8 : 0;
        const std::vector<const Kernels*> all = runnable_kernels();
        const auto held =
            std::find_if(all.rbegin(), all.rend(), [&](const Kernels* one) { return one->width <= width; });
        return held == all.rend() ? *all.front() : **held;
    }();
    return best;
}

}  // namespace reverie::kernels
