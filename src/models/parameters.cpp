#include "reverie/models/parameters.h"

#include "reverie/core/tensor.h"

namespace reverie {

std::int64_t parameter_count(const torch::nn::Module& module) {
    std::int64_t count = 0;
    for (const Tensor& parameter : module.parameters()) {
        count += parameter.numel();
    }
    return count;
}

}  // namespace reverie
