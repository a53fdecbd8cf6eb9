#include "kernels/kernel_choice.h"

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
    static const Kernels& best = *runnable_kernels().back();
    return best;
}

}  // namespace reverie::kernels
