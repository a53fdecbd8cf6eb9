#include "nn/frozen/gradient_sums.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace reverie::frozen {

void GradientSums::seed(const std::vector<at::Tensor>& gradients) {
    const Plan& plan = maps_.plan();
    sums_.assign(plan.storages.size(), {});
    seeds_.clear();
    for (std::size_t s = 0; s < plan.storages.size(); ++s) {
        if (const Plan::Storage& storage = plan.storages[s]; storage.in_parts) {
            const Map gradient = maps_.whole(storage, reinterpret_cast<float*>(maps_.memory(storage.gradient)));
            std::fill_n(gradient.data, gradient.pixels() * gradient.stride, 0.0F);
            sums_[s].begun = true;
        }
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
        if (!gradients[i].defined()) {
            continue;
        }
        const int value = plan.value_of[static_cast<std::size_t>(plan.wanted[i])];
        const at::Tensor& seed = seeds_.emplace_back(gradients[i].contiguous(at::MemoryFormat::ChannelsLast));
        if (Sum& sum = sum_of(value); sum.begun) {
            add(maps_.view(value, seed.data_ptr<float>()), value);
        } else {
            sum.addend = seed.data_ptr<float>();
            sum.seed = true;
        }
    }
}

Finish GradientSums::contribution(int value) {
    const Map gradient = maps_.gradient_of(value);
    Sum& sum = sum_of(value);
    Finish finish{.keep = maps_.bits_of(value),
                  .keep_stride = maps_.storage_of(value).channels / 8,
                  .out = gradient.data,
                  .out_stride = gradient.stride};
    if (sum.begun) {
        finish.addend = gradient.data;
        finish.addend_stride = gradient.stride;
    } else if (sum.addend != nullptr) {
        finish.addend = sum.addend;
        finish.addend_stride = gradient.stride;
    }
    sum = {.begun = true};
    return finish;
}

void GradientSums::add(const Map& from, int value) {
    const Finish finish = contribution(value);
    finish_map(from, maps_.gradient_of(value), finish, kernels_, work_);
}

void GradientSums::add_later(const Map& from, int value) {
    Sum& sum = sum_of(value);
    if (!sum.begun && sum.addend == nullptr && from.stride == maps_.storage_of(value).channels) {
        sum.addend = from.data;
    } else {
        add(from, value);
    }
}

bool GradientSums::take(int value, Map& gradient) {
    Sum& sum = sum_of(value);
    if (!sum.begun && sum.addend == nullptr) {
        return false;
    }
    if (!sum.begun) {
        auto* const only = const_cast<float*>(sum.addend);  // only read
        if (sum.seed && maps_.bits_of(value) == nullptr) {
            gradient = maps_.view(value, only);
            return true;
        }
        // The whole storage at once: other values may be parts of it.
        const Plan::Storage& storage = maps_.storage_of(value);
        const Map from = maps_.whole(storage, only);
        const Map to = maps_.whole(storage, reinterpret_cast<float*>(maps_.memory(storage.gradient)));
        const Finish finish{.keep = storage.has_bits ? maps_.memory(storage.bits) : nullptr,
                            .keep_stride = storage.channels / 8};
        finish_map(from, to, finish, kernels_, work_);
        sum = {.begun = true};
    }
    gradient = maps_.gradient_of(value);
    return true;
}

}  // namespace reverie::frozen
