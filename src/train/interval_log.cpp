#include "train/interval_log.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace reverie {
namespace {

constexpr std::size_t kDigits = 3;  // of the place in the order

std::string place(std::size_t i) {
    std::string digits = std::to_string(i);
    return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

}  // namespace

IntervalLog::IntervalLog(c10::Device device, bool alone)
    : device_(device), alone_(alone), health_(at::zeros({}, at::TensorOptions(device).dtype(at::kDouble))) {}

void IntervalLog::add(const std::string& name, const Tensor& scalar) {
    std::vector<Sum>& sums = alone_ ? folded_ : sums_;
    const auto found = std::ranges::find(sums, name, &Sum::name);
    if (found == sums.end()) {
        sums.push_back({name, scalar.detach().to(device_, at::kDouble, /*non_blocking=*/true, /*copy=*/true), 1});
    } else {
        found->sum.add_(scalar.detach());
        ++found->count;
    }
}

void IntervalLog::fold(const Ranks& ranks) {
    if (sums_.empty()) {
        return;
    }
    std::vector<Tensor> all;
    for (const Sum& sum : sums_) {
        all.push_back(sum.sum);
    }
    const std::vector<Tensor> means = ranks.mean(at::stack(all)).unbind();
    for (std::size_t i = 0; i < sums_.size(); ++i) {
        const auto found = std::ranges::find(folded_, sums_[i].name, &Sum::name);
        if (found == folded_.end()) {
            folded_.push_back({sums_[i].name, means[i].clone(), sums_[i].count});
        } else {
            found->sum.add_(means[i]);
            found->count += sums_[i].count;
        }
    }
    sums_.clear();
}

void IntervalLog::watch(const Tensor& scalar) {
    health_.add_(scalar.detach().to(at::kDouble) * 0.0);  // 0 times infinity is no number
}

bool IntervalLog::healthy() const { return health_.item<double>() == 0.0; }

Scalars IntervalLog::take() {
    Scalars means;
    if (folded_.empty()) {
        return means;
    }
    std::vector<Tensor> sums;
    for (const Sum& sum : folded_) {
        sums.push_back(sum.sum);
    }
    const Tensor values = at::stack(sums).cpu();  // one transfer
    for (std::size_t i = 0; i < folded_.size(); ++i) {
        means.emplace_back(folded_[i].name, values.const_data_ptr<double>()[i] / static_cast<double>(folded_[i].count));
    }
    folded_.clear();
    return means;
}

NamedTensors IntervalLog::state() const {
    NamedTensors state;
    for (std::size_t i = 0; i < folded_.size(); ++i) {
        const Tensor count = at::full_like(folded_[i].sum, static_cast<double>(folded_[i].count));
        state[place(i) + "/" + folded_[i].name] = at::stack({folded_[i].sum, count});
    }
    return state;
}

void IntervalLog::restore(const NamedTensors& state) {
    sums_.clear();
    folded_.clear();
    for (const auto& [name, values] : state) {  // sorted, so in their order
        folded_.push_back({name.substr(kDigits + 1), values[0].to(device_, at::kDouble, false, /*copy=*/true),
                           values[1].item<std::int64_t>()});
    }
    health_.zero_();
}

}  // namespace reverie
