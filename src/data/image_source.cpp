#include "reverie/data/image_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "reverie/data/batches.h"

namespace reverie {

Tensor ImageSource::labels_of(std::int64_t first, std::int64_t n) const { return labels ? labels(first, n) : Tensor(); }

Tensor ImageSource::indices_of(std::int64_t first, std::int64_t n) const {
    return indices ? indices(first, n) : at::arange(first, first + n, at::kLong);
}

ImageSource image_source(const Dataset& set, std::vector<std::int64_t> indices) {
    const auto count = static_cast<std::int64_t>(indices.size());
    const auto part = [indices = std::move(indices)](std::int64_t first, std::int64_t n) {
        return std::span(indices).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    };
    ImageSource source;
    source.count = count;
    source.images = [set, part](std::int64_t first, std::int64_t n) { return to_float(set.read(part(first, n))); };
    if (!set.classes().empty()) {
        source.labels = [set, part](std::int64_t first, std::int64_t n) {
            std::vector<std::int64_t> labels;
            for (const std::int64_t index : part(first, n)) {
                labels.push_back(set.label(index));
            }
            return at::tensor(labels, at::kLong);
        };
    }
    source.indices = [part](std::int64_t first, std::int64_t n) {
        const auto numbers = part(first, n);
        return at::tensor(at::ArrayRef<std::int64_t>(numbers.data(), numbers.size()), at::kLong);
    };
    return source;
}

ImageSource image_source(const Dataset& set) { return image_source(set, all_indices(set)); }

std::vector<std::int64_t> sample_indices(std::int64_t count, std::int64_t wanted, std::uint64_t seed) {
    if (wanted <= 0 || wanted >= count) {
        std::vector<std::int64_t> all(static_cast<std::size_t>(count));
        std::iota(all.begin(), all.end(), 0);
        return all;
    }
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < wanted; ++i) {
        chosen.push_back(shuffled_index(seed, i, count));
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

}  // namespace reverie
