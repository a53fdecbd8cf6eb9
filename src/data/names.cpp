#include "data/names.h"

#include <algorithm>
#include <numeric>

namespace reverie::data {

void Names::add(std::string_view name) {
    text_ += name;
    ends_.push_back(text_.size());
}

std::string_view Names::operator[](std::int64_t index) const {
    const auto i = static_cast<std::size_t>(index);
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
}

std::vector<std::int64_t> Names::sort() {
    std::vector<std::int64_t> order(ends_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [this](std::int64_t a, std::int64_t b) { return (*this)[a] < (*this)[b]; });
    Names sorted;
    sorted.text_.reserve(text_.size());
    sorted.ends_.reserve(ends_.size());
    for (const std::int64_t place : order) {
        sorted.add((*this)[place]);
    }
    *this = std::move(sorted);
    return order;
}

void Names::shrink_to_fit() {
    text_.shrink_to_fit();
    ends_.shrink_to_fit();
}

std::int64_t Names::memory() const noexcept {
    return static_cast<std::int64_t>(text_.capacity() + ends_.capacity() * sizeof ends_[0]);
}

}  // namespace reverie::data
